import assert from 'node:assert/strict';
import { journey } from './journey.ts';

/** What the first page may weigh as it comes over the wire. */
const allowance = 150 * 1024;

journey('the first page is light', async (v) => {
	const session = await v.context.newCDPSession(v.page);
	await session.send('Network.enable');
	await session.send('Network.setCacheDisabled', { cacheDisabled: true });
	let bytes = 0;
	session.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength));
	await v.go('/apps/default');
	await v.page.waitForLoadState('networkidle');
	console.log(`the first page weighs ${(bytes / 1024).toFixed(1)} KiB`);
	assert.ok(bytes > 10_000, 'nothing was measured');
	assert.ok(bytes <= allowance, `the first page weighs ${bytes} bytes, ${allowance} are allowed`);
});
