import assert from 'node:assert/strict';
import { eventually, journey, type Visitor } from './journey.ts';

/** Types over all that is in the editor. */
async function write(v: Visitor, source: string): Promise<void> {
	const editor = v.page.getByRole('textbox', { name: /^Source/ });
	await editor.click();
	await v.page.keyboard.press('Control+A');
	await v.page.keyboard.insertText(source);
}

journey('a script is written, tried, deployed and called', async (v) => {
	const { page } = v;
	await v.go('/apps/default/scripts');
	await v.look('scripts-empty');
	await page.keyboard.press('c');
	await page.getByRole('heading', { name: 'New script' }).waitFor();
	await page.getByLabel('Name').fill('greet');
	await write(v, 'fn handle(req) {\n    print("got it");\n    #{ hello: req.json().name }\n}\n');
	await v.look('script-new');
	await page.keyboard.press('Control+S');
	await page.getByRole('heading', { name: 'greet' }).waitFor();

	await page.getByLabel('Method').selectOption('POST');
	await page.getByLabel('Body').fill('{"name": "Ada"}');
	await page.getByRole('button', { name: 'Send' }).click();
	await page.getByRole('region', { name: 'Answer' }).getByText('"hello": "Ada"').waitFor();
	await page.getByRole('region', { name: 'Log' }).getByText('got it').waitFor();
	await page.getByText(/\d+ operations/).waitFor();
	await v.look('script');

	// A payload is kept by its name, over a reload.
	page.once('dialog', (d) => d.accept('Ada posts'));
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	await page.reload();
	await page.getByLabel('Saved payloads').selectOption('Ada posts');
	assert.equal(await page.getByLabel('Body').inputValue(), '{"name": "Ada"}');

	await write(v, 'fn handle(req) { "second" }');
	await page.getByText('Not deployed').waitFor();
	await page.keyboard.press('Control+Enter');
	await page.getByRole('region', { name: 'Answer' }).getByText('second').waitFor();
	const answer = await fetch(`${v.server.public}/greet`);
	assert.equal(await answer.text(), 'second');
});

journey('the editor checks as one types, completes and explains', async (v) => {
	const { page } = v;
	await v.server.deploy({ typed: '/// adds two\nfn add(a, b) { a + b }\n\nfn handle(req) { add(1, 2) }\n' });
	await v.go('/apps/default/scripts/typed');
	await write(v, 'let x = ;\nlet y = 1;');
	await page.locator('.cm-lintRange-error').waitFor();
	await page.getByText('1 error').waitFor();
	await v.look('script-error');
	await write(v, '');
	await page.keyboard.type('kv::ge');
	await page.getByRole('option', { name: /^get/ }).waitFor();
	await v.look('script-completion');
	await page.keyboard.press('Enter');
	await page.keyboard.type('"a"');
	assert.match(await page.getByRole('textbox', { name: /^Source/ }).innerText(), /kv::get\("a"\)/);
	// A check that ends meanwhile takes the card away: come again.
	await eventually('the card is there', async () => {
		await page.mouse.move(5, 5);
		await page.locator('.cm-content').getByText('get', { exact: true }).hover();
		await page.locator('.rhai-doc').getByText('the value of a key, or ()', { exact: true }).waitFor({ timeout: 2000 });
		return true;
	});
});

journey('two who change the same script do not lose anything', async (v) => {
	const { page } = v;
	v.expectErrors(/status of 409/);
	await v.server.deploy({ shared: '"one"' });
	await v.go('/apps/default/scripts/shared');
	await write(v, '"mine"');
	await v.server.deploy({ shared: '"theirs"' });
	await page.getByRole('button', { name: 'Deploy', exact: true }).click();
	const dialog = page.getByRole('dialog', { name: 'v2 was deployed meanwhile' });
	await dialog.getByText('theirs', { exact: true }).waitFor();
	await v.look('script-conflict');
	await dialog.getByRole('button', { name: 'Keep editing' }).click();

	// The draft outlives the page.
	await page.reload();
	await page.getByText('Your draft from earlier, begun with v1').waitFor();
	assert.match(await page.getByRole('textbox', { name: /^Source/ }).innerText(), /mine/);
	await page.getByRole('button', { name: 'Deploy', exact: true }).click();
	await dialog.getByRole('button', { name: 'Deploy mine over it' }).click();
	await page.getByText('v3 is live.').waitFor();
	assert.equal(await (await fetch(`${v.server.public}/shared`)).text(), 'mine');
});

journey('versions are compared and rolled back', async (v) => {
	const { page } = v;
	await v.server.deploy({ turns: 'fn handle(req) {\n    "one"\n}' });
	await v.server.deploy({ turns: 'fn handle(req) {\n    "two"\n}' });
	await v.go('/apps/default/scripts/turns/versions');
	await page.locator('.cm-deletedChunk').waitFor();
	await v.look('script-versions');
	await page.getByRole('link', { name: 'v1', exact: true }).click();
	await page.getByRole('heading', { name: 'What v1 changed against v2' }).waitFor();
	await page.getByRole('button', { name: 'Make v1 live' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Make v1 live' }).click();
	await page.getByText('v1 is live.').waitFor();
	assert.equal(await (await fetch(`${v.server.public}/turns`)).text(), 'one');
});

journey('routes, limits and environment are set; a script is switched off and deleted', async (v) => {
	const { page } = v;
	v.expectErrors(/status of (409|422)/);
	await v.server.deploy({ settings: 'fn handle(req) { env::get("COLOUR") }' });
	await v.go('/apps/default/scripts/settings/settings');
	await page.getByLabel('Routes').fill('no route');
	await page.getByRole('button', { name: 'Deploy the settings' }).click();
	await page.getByRole('alert').or(page.locator('[aria-invalid="true"]')).first().waitFor();
	await page.getByLabel('Routes').fill('GET /colour');
	await page.getByRole('button', { name: 'Add a variable' }).click();
	await page.getByLabel('Name of variable 1').fill('COLOUR');
	await page.getByLabel('Value of variable 1').fill('teal');
	await page.getByLabel('Time for a request (s)').fill('2.5');
	await v.look('script-settings');
	await page.getByRole('button', { name: 'Deploy the settings' }).click();
	await page.getByText('v2 is live.').waitFor();
	assert.equal(await (await fetch(`${v.server.public}/colour`)).text(), 'teal');
	const call = await v.server.as();
	assert.equal((await call('GET', '/apps/default/scripts/settings')).settings.limits.wall_time_ms, 2500);

	await page.getByRole('switch', { name: 'Switched on' }).click();
	await page.getByText('v2, off').waitFor();
	assert.equal((await fetch(`${v.server.public}/colour`)).status, 503);

	await page.getByRole('button', { name: 'Delete the script…' }).click();
	const dialog = page.getByRole('dialog');
	assert.ok(await dialog.getByRole('button', { name: 'Delete the script' }).isDisabled());
	await v.look('script-delete');
	await dialog.getByLabel('Type settings to go on').fill('settings');
	await dialog.getByRole('button', { name: 'Delete the script' }).click();
	await page.getByRole('heading', { name: 'Scripts', exact: true }).waitFor();
	assert.equal((await fetch(`${v.server.public}/colour`)).status, 404);
});

journey('a failing script is found from the overview to its line', async (v) => {
	const { page } = v;
	await v.server.deploy({ broken: 'fn handle(req) {\n    let order = #{};\n    order.total.round()\n}\n', fine: '"ok"' });
	for (const path of ['/fine', '/broken', '/fine']) await (await fetch(v.server.public + path)).text();
	await v.go('/apps/default');
	await v.look('overview');
	await page.getByRole('link', { name: 'broken:3' }).click();
	await page.getByRole('alert').getByText(/Line 3/).waitFor();
	await page.locator('.cm-lintRange-error').waitFor();
	assert.match(await page.locator('.cm-activeLine').innerText(), /order\.total\.round/);
	await v.look('script-failure');
	await v.go('/apps/default/scripts');
	await page.getByRole('img', { name: /1 call, 1 error/ }).waitFor();
	await v.look('scripts');
});

journey('a viewer sees everything and is offered no change', async (v) => {
	await v.server.deploy({ seen: '"seen"' });
	const call = await v.server.as();
	await call('POST', '/users', { username: 'vera', email: 'vera@example.com', role: 'member', password: 'quite a long password' });
	await call('PUT', '/apps/default/members/vera', { role: 'viewer' });
	await v.context.clearCookies();
	await v.signIn('vera', 'quite a long password');
	const { page } = v;
	for (const path of ['/apps', '/apps/default', '/apps/default/scripts', '/apps/default/scripts/seen', '/apps/default/scripts/seen/versions', '/apps/default/scripts/seen/settings']) {
		await v.go(path);
		for (const name of ['New app', 'New script', 'Deploy', 'Deploy the settings', 'Delete the script…', 'Send', 'Add a variable']) {
			assert.equal(await page.getByRole('button', { name, exact: true }).or(page.getByRole('link', { name, exact: true })).count(), 0, `${path} offers “${name}”`);
		}
	}
	await v.go('/apps/default/scripts/seen');
	await page.getByText('Read only').waitFor();
	const editor = page.getByRole('textbox', { name: /^Source/ });
	await editor.click();
	await page.keyboard.type('x');
	assert.equal((await editor.innerText()).trim(), '"seen"');
	await v.look('script-viewer');
});

journey('a topic and a schedule are set, and tried', async (v) => {
	const { page } = v;
	v.expectErrors(/status of 422/);
	await v.server.deploy({ worker: 'fn on_message(message) { print(message.body) }\nfn on_schedule(event) { print(event) }' });
	await v.go('/apps/default/scripts/worker/settings');
	await page.getByRole('button', { name: 'Add a topic' }).click();
	await page.getByRole('textbox', { name: 'Topic 1' }).fill('orders');
	await page.getByRole('button', { name: 'Add a schedule' }).click();
	const schedule = page.getByRole('listitem', { name: 'Schedule 1' });
	await schedule.getByLabel('Name of schedule 1').fill('nightly');
	await schedule.getByLabel('When').fill('99 * * * *');
	await schedule.locator('[aria-invalid="true"]').waitFor();
	await schedule.getByLabel('When').fill('0 3 * * *');
	await schedule.getByText(/^Next: .* 03:00:00/).waitFor();
	await v.look('script-settings-events');
	await page.getByRole('button', { name: 'Deploy the settings' }).click();
	await page.getByText('v2 is live.').waitFor();

	await page.getByRole('link', { name: 'Code', exact: true }).click();
	await page.getByLabel('What is sent').selectOption('A message on a topic');
	await page.getByLabel('Body').fill('"from the dashboard"');
	await page.getByRole('button', { name: 'Send' }).click();
	await page.getByText('Published: 1 script will get it.').waitFor();
	await page.getByLabel('What is sent').selectOption('A run of a schedule');
	await v.look('script-try-schedule');
	await page.getByRole('button', { name: 'Send' }).click();
	await page.getByText('It runs now').waitFor();
	const call = await v.server.as();
	await eventually('both have run', async () => {
		const { invocations } = await call('GET', '/apps/default/invocations?script=worker');
		return invocations.some((i: any) => i.trigger === 'message') && invocations.some((i: any) => i.trigger === 'schedule');
	});
});
