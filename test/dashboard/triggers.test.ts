// Schedules, secrets, quotas, journals, and how it all went.
import assert from 'node:assert/strict';
import { eventually, journey } from './journey.ts';

journey('the life of a schedule: previewed, run by hand, paused, and going on', async (v) => {
	const call = await v.server.as();
	await call('POST', '/apps/default/deployments', {
		scripts: [{ name: 'nightly', source: 'fn on_schedule(ev) { kv::incr("nights"); print(ev.name); }', routes: [], settings: { schedules: [{ name: 'night', cron: '0 3 * * *', time_zone: 'Europe/Berlin' }] } }],
	});
	await v.go('/apps/default/schedules');
	await v.page.getByRole('link', { name: 'night' }).waitFor();
	await v.page.getByRole('textbox', { name: 'Expression' }).fill('61 * * * *');
	v.expectErrors(/status of 422/);
	await v.page.getByRole('button', { name: 'When would it run?' }).click();
	await v.page.locator('[aria-invalid="true"], [role="alert"]').first().waitFor();
	await v.page.getByRole('textbox', { name: 'Expression' }).fill('*/5 * * * *');
	await v.page.getByRole('button', { name: 'When would it run?' }).click();
	await v.page.getByRole('list', { name: 'The next times' }).waitFor();
	await v.look('schedules');

	await v.page.getByRole('link', { name: 'night' }).click();
	await v.page.getByRole('heading', { name: 'night', level: 1 }).waitFor();
	await v.page.getByRole('button', { name: 'Run now' }).click();
	await eventually('it has run', async () => (await call('GET', '/apps/default/data/entry?key=nights')).value === 1);
	await v.page.getByRole('button', { name: 'Refresh' }).click();
	await v.page.getByText('by hand').waitFor();
	await v.look('schedule');
	await v.page.getByRole('button', { name: 'Pause' }).click();
	await v.page.getByRole('dialog').getByRole('button', { name: 'Pause it' }).click();
	await v.page.getByText('paused', { exact: true }).first().waitFor();
	await v.page.getByRole('button', { name: 'Go on' }).click();
	await v.page.getByRole('button', { name: 'Pause' }).waitFor();
});

journey('a secret is set, replaced and deleted, and never shown', async (v) => {
	await v.go('/apps/default/secrets');
	await v.look('secrets-empty');
	await v.page.getByRole('button', { name: 'New secret' }).click();
	await v.page.getByRole('textbox', { name: 'Name' }).fill('PAYMENT_KEY');
	await v.page.getByRole('textbox', { name: 'Value' }).fill('hunter2-hunter2');
	await v.look('secret-new');
	await v.page.getByRole('button', { name: 'Set it' }).click();
	await v.page.getByRole('button', { name: 'Replace PAYMENT_KEY' }).waitFor();
	await v.look('secrets');
	assert.ok(!(await v.page.content()).includes('hunter2'), 'the secret is on the page');
	await v.page.getByRole('button', { name: 'Replace PAYMENT_KEY' }).click();
	await v.page.getByRole('textbox', { name: 'Value' }).fill('another one entirely');
	await v.page.getByRole('button', { name: 'Replace it' }).click();
	await v.page.getByText('The secret is replaced.').waitFor();
	await v.page.getByRole('button', { name: 'Delete PAYMENT_KEY' }).click();
	await v.page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click();
	await v.page.getByRole('heading', { name: 'No secrets yet' }).waitFor();
});

journey('a quota is set, and shown as used', async (v) => {
	const call = await v.server.as();
	await v.go('/apps/default/usage');
	await v.page.getByRole('button', { name: 'Change the quota for Data' }).click();
	await v.page.getByLabel('This app may use').selectOption('limit');
	await v.page.getByRole('textbox', { name: 'At most' }).fill('a lot');
	await v.page.getByRole('button', { name: 'Save' }).click();
	await v.page.getByText(/Enter an amount/).waitFor();
	await v.page.getByRole('textbox', { name: 'At most' }).fill('64 MiB');
	await v.page.getByRole('button', { name: 'Save' }).click();
	await v.page.getByText('of 64 MiB').waitFor();
	await v.look('usage');
	const data = (await call('GET', '/apps/default/quotas')).quotas.find((q: any) => q.kind === 'data');
	assert.equal(data.limit, 64 * 1024 * 1024);
});

journey('the overview counts what ran, and leads from an error to its line', async (v) => {
	await v.server.deploy({ fine: '"fine"', broken: 'fn handle(req) {\n  let x = rand::float();\n  throw `broken ${kv::get("nothing")}`\n}' });
	for (let i = 0; i < 5; i++) await fetch(`${v.server.public}/fine`);
	await fetch(`${v.server.public}/broken`);
	const call = await v.server.as();
	await eventually('the runs are counted', async () => (await call('GET', '/apps/default/metrics')).total.errors >= 1);
	await v.go('/apps/default');
	await v.page.getByRole('img', { name: /^Runs: .* failed$/ }).locator('canvas').waitFor();
	await v.look('overview');
	for (const span of ['Day', 'Week']) {
		await v.page.getByRole('navigation', { name: 'Time span' }).getByRole('link', { name: span }).click();
		await v.page.getByRole('link', { name: span, exact: true }).and(v.page.locator('[aria-current="page"]')).waitFor();
	}
	await v.page.getByRole('link', { name: 'broken:3' }).click();
	await v.page.waitForURL(/\/scripts\/broken\?line=3/);
	await v.go('/instance/overview');
	await v.look('instance-overview');

	// The journal of the failed run, and the run once more.
	await v.go('/apps/default/invocations?script=broken');
	await v.page.getByRole('link', { name: 'broken' }).first().click();
	await v.page.getByRole('button', { name: 'Show the host calls' }).click();
	await v.page.getByRole('listitem').filter({ hasText: 'kv::get' }).or(v.page.getByRole('listitem').filter({ hasText: 'nothing' })).first().waitFor();
	await v.page.getByRole('button', { name: 'Replay' }).click();
	await v.page.getByText('the same again').waitFor();
	await v.look('journal');
});

journey('a device is added, its password shown once, and removed', async (v) => {
	await v.go('/apps/default/devices');
	await v.look('devices-empty');
	await v.page.getByRole('button', { name: 'New device' }).click();
	await v.page.getByRole('textbox', { name: 'Name' }).fill('kitchen');
	await v.page.getByRole('button', { name: 'Add it' }).click();
	const secret = (await v.page.getByRole('region', { name: 'The password' }).textContent())!.trim();
	assert.ok(secret.length > 10);
	await v.page.getByRole('button', { name: 'Done' }).click();
	await v.look('devices');
	assert.ok(!(await v.page.content()).includes(secret), 'the password is still on the page');
	await v.page.getByRole('button', { name: 'Remove kitchen' }).click();
	await v.page.getByRole('dialog').getByRole('button', { name: 'Remove it' }).click();
	await v.page.getByRole('heading', { name: 'No devices yet' }).waitFor();
});

journey('a request that is answered later is seen, and its answer', async (v) => {
	const call = await v.server.as();
	await v.server.deploy({ slow: 'fn handle(req) { response(201, #{ done: true }) }' });
	await v.go('/apps/default/later');
	await call('POST', '/apps/default/scripts/slow/async', { method: 'POST', path: '/slow' });
	await eventually('it is done', async () => (await call('GET', '/apps/default/async')).invocations[0]?.state === 'done');
	await v.page.getByRole('button', { name: 'Refresh' }).click();
	await v.page.getByText('201 done').waitFor();
	await v.look('later');
	await v.page.getByRole('button', { name: 'Answer' }).click();
	await v.page.getByRole('region', { name: 'Body' }).getByText('"done":true').waitFor();
});
