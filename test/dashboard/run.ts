// Runs the journeys, or those of the files that are named, and ends with one
// line that counts them.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from 'node:test';
import { chromiumPath } from './browser.ts';

const here = import.meta.dirname;
if (!existsSync(chromiumPath)) {
	console.log(`\n*** dashboard: SKIPPED: there is no Chromium at ${chromiumPath} (apt-get install chromium, or set CHROMIUM) ***\n`);
	process.exit(0);
}
const wanted = process.argv.slice(2);
const files = (await readdir(here)).filter((f) => f.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((w) => f.includes(w)))).map((f) => join(here, f));

let passed = 0;
let failed = 0;
const stream = run({ files, concurrency: 2 });
stream.on('test:pass', (e) => {
	if (e.details.type === 'suite' || files.includes(e.name)) return;
	passed++;
	console.log(`ok    ${e.name} (${(e.details.duration_ms / 1000).toFixed(1)} s)`);
});
stream.on('test:fail', (e) => {
	failed++;
	console.log(`FAIL  ${e.name}\n`, e.details.error.cause ?? e.details.error);
});
stream.on('test:stderr', (e) => process.stderr.write(e.message));
stream.on('test:stdout', (e) => process.stdout.write(e.message));
await new Promise((resolve) => stream.on('close', resolve).resume());
console.log(`dashboard: ${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
