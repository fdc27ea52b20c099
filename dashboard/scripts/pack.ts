// Moves the built pages from build to dist, where the Go compiler takes them
// from. What gets smaller by it is kept in its compressed forms only.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const from = 'build';
const to = 'dist';
const compressible = new Set(['.html', '.js', '.mjs', '.css', '.json', '.svg', '.txt']);

async function forms(name: string, content: Buffer): Promise<Map<string, Buffer>> {
	if (!compressible.has(extname(name))) return new Map([['', content]]);
	const [br, gz] = await Promise.all([
		promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
		promisify(gzip)(content, { level: 9 }),
	]);
	return new Map([
		['.br', br],
		['.gz', gz],
	]);
}

for (const name of await readdir(to)) {
	if (name !== '.gitkeep') await rm(join(to, name), { recursive: true });
}
let before = 0;
let after = 0;
for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
	if (!entry.isFile()) continue;
	const source = join(entry.parentPath, entry.name);
	const content = await readFile(source);
	const target = join(to, relative(from, source));
	await mkdir(dirname(target), { recursive: true });
	before += content.length;
	for (const [ending, form] of await forms(entry.name, content)) {
		await writeFile(target + ending, form);
		if (ending !== '.gz') after += form.length;
	}
}
console.log(`dashboard: ${Math.round(before / 1024)} KiB, ${Math.round(after / 1024)} KiB compressed`);
