// What ran and what waits: history, the live log, dead letters, data.
import assert from 'node:assert/strict';
import { eventually, journey } from './journey.ts';

journey('a failing run is found in the history, down to its line', async (v) => {
	await v.server.deploy({ shaky: 'fn handle(req) {\n\tlet n = 0;\n\tlog::warn("about to fail");\n\t1 / n\n}' });
	await fetch(`${v.server.public}/shaky`);
	await v.go('/apps/default/invocations?status=error');
	await v.page.getByRole('link', { name: 'shaky' }).first().waitFor();
	await v.look('invocations');
	await v.page.getByRole('link', { name: 'shaky' }).first().click();
	await v.page.getByRole('heading', { name: 'What went wrong' }).waitFor();
	await v.page.getByRole('region', { name: 'The source around line 4' }).waitFor();
	await v.page.getByText('about to fail', { exact: true }).waitFor();
	await v.look('invocation');
});

journey('the live log shows lines as they come, and holds still for who scrolls', async (v) => {
	await v.server.deploy({ chatty: 'fn handle(req) { for i in 0..200 { print(`line ${i} of ${req.query.run}`); } "done" }' });
	await v.go('/apps/default/logs');
	await v.page.getByText('live', { exact: true }).waitFor();
	await v.server.deploy({ greeter: 'fn handle(req) { log::warn(`hello ${req.ip}`); log::error("odd"); log::debug(#{a: 1}.to_json()); "hi" }' });
	await fetch(`${v.server.public}/greeter`);
	await v.page.getByText('odd', { exact: true }).waitFor();
	await v.look('live-log');
	for (let run = 0; run < 10; run++) await fetch(`${v.server.public}/chatty?run=${run}`);
	await v.page.getByText('line 199 of 9', { exact: true }).waitFor();
	const box = v.page.getByRole('region', { name: 'Log lines' });
	assert.ok((await box.locator('li').count()) <= 1000, 'it keeps more than it should');
	await box.evaluate((e) => e.scrollTo({ top: 100 }));
	await v.page.getByText('paused', { exact: true }).waitFor();
	await fetch(`${v.server.public}/chatty?run=late`);
	await v.page.getByRole('button', { name: '200 new lines' }).click();
	await v.page.getByText('line 199 of late', { exact: true }).waitFor();
	await v.page.getByText('live', { exact: true }).waitFor();
});

journey('a dead letter is edited and driven again', async (v) => {
	const call = await v.server.as();
	await call('POST', '/apps/default/deployments', {
		scripts: [{ name: 'bill', source: 'fn on_message(m) { if m.body.price == () { throw "no price"; } kv::set("bill", m.body.price); }', routes: [], settings: { subscriptions: [{ topic: 'orders', max_attempts: 1 }] } }],
	});
	await v.go('/apps/default/topics');
	await v.page.getByRole('button', { name: 'Publish', exact: true }).first().click();
	await v.page.getByLabel('Topic').fill('orders');
	await v.page.getByLabel('Body (JSON)').fill('{"id": 7');
	await v.page.getByRole('dialog').getByRole('button', { name: 'Publish' }).click();
	await v.page.getByText(/This is not JSON/).waitFor();
	await v.page.getByLabel('Body (JSON)').fill('{"id": 7}');
	await v.look('publish');
	await v.page.getByRole('dialog').getByRole('button', { name: 'Publish' }).click();
	await v.page.getByText('1 script will get it').waitFor();
	await eventually('the message is dead', async () => (await call('GET', '/apps/default/events?state=dead')).events.length === 1);
	await v.go('/apps/default/topics?state=dead');
	await v.look('topics');
	await v.page.getByRole('link', { name: 'orders' }).last().click();
	await v.page.getByRole('heading', { name: 'Why the last attempt failed' }).waitFor();
	await v.look('dead-letter');
	await v.page.getByLabel('Body (JSON)').fill('{"id": 7, "price": 12}');
	await v.page.getByRole('button', { name: 'Try it again with this body' }).click();
	await v.page.waitForURL(/\/topics$/);
	await eventually('the bill is written', async () => (await call('GET', '/apps/default/data/entry?key=bill')).value === 12);
});

journey('data is looked at, changed and deleted', async (v) => {
	const call = await v.server.as();
	for (let i = 0; i < 60; i++) await call('PUT', '/apps/default/data/entry', { key: `users/${String(i).padStart(2, '0')}`, value: { n: i } });
	await v.go('/apps/default/data');
	await v.look('data');
	await v.page.getByRole('link', { name: 'More' }).click();
	await v.page.getByRole('button', { name: 'users/59' }).waitFor();
	await v.page.getByRole('button', { name: 'users/59' }).click();
	const value = v.page.getByLabel('Value (JSON)');
	await value.fill('{');
	await v.page.getByRole('button', { name: 'Save' }).click();
	await v.page.getByText(/This is not JSON/).waitFor();
	await value.fill('{"n": "changed"}');
	await v.look('data-entry');
	// Somebody else was faster: nothing is overwritten.
	await call('PUT', '/apps/default/data/entry', { key: 'users/59', value: 'theirs' });
	v.expectErrors(/409/);
	await v.page.getByRole('button', { name: 'Save' }).click();
	await v.page.getByRole('dialog').getByRole('alert').waitFor();
	assert.equal((await call('GET', '/apps/default/data/entry?key=users/59')).value, 'theirs');
	await v.page.getByRole('button', { name: 'Cancel' }).click();
	await v.go('/apps/default/data?prefix=users/5');
	await v.page.getByRole('button', { name: 'users/59' }).click();
	await value.fill('"mine"');
	await v.page.getByRole('button', { name: 'Save' }).click();
	await v.page.getByText('Saved.').waitFor();
	assert.equal((await call('GET', '/apps/default/data/entry?key=users/59')).value, 'mine');
	await v.page.getByRole('button', { name: 'users/59' }).click();
	await v.page.getByRole('button', { name: 'Delete', exact: true }).click();
	await v.page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click();
	await v.page.getByRole('button', { name: 'users/59' }).waitFor({ state: 'detached' });
});

journey('files are uploaded, downloaded, made public and deleted', async (v) => {
	const content = 'hello, file\n'.repeat(1000);
	await v.go('/apps/default/files');
	await v.look('files-empty');
	await v.page.getByLabel('Files to upload').setInputFiles({ name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from(content) });
	const link = v.page.getByRole('link', { name: 'note.txt' });
	await link.waitFor();
	const [download] = await Promise.all([v.page.waitForEvent('download'), link.click()]);
	assert.equal(download.suggestedFilename(), 'note.txt');
	const chunks = [];
	for await (const chunk of await download.createReadStream()) chunks.push(chunk);
	assert.equal(Buffer.concat(chunks).toString(), content);
	await v.page.getByRole('button', { name: 'Make public' }).click();
	await v.page.getByRole('dialog').getByRole('button', { name: 'Make it public' }).click();
	await v.page.getByText('public', { exact: true }).waitFor();
	await v.look('files');
	await v.page.getByRole('button', { name: 'Delete note.txt' }).click();
	await v.page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click();
	await v.page.getByRole('heading', { name: 'No files yet' }).waitFor();
});
