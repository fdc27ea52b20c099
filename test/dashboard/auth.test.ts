import assert from 'node:assert/strict';
import { firstRun, journey, owner } from './journey.ts';

firstRun('the setup link makes the owner, who arrives at the first script', async (v) => {
	const { page } = v;
	v.expectErrors(/status of (401|403)/);
	await page.goto('/');
	await page.getByRole('heading', { name: 'This instance has no owner yet' }).waitFor();
	await page.goto(await v.server.setupLink());
	await page.getByLabel('User name').fill('Ada');
	await page.getByLabel('E-mail address').fill(owner.email);
	await page.getByLabel('Password', { exact: true }).fill(owner.password);
	await page.getByLabel('Repeat the password').fill('something else');
	await page.getByRole('button', { name: 'Create the owner' }).click();
	await page.getByText('The two passwords differ.').waitFor();
	await v.look('setup');
	await page.getByLabel('Repeat the password').fill(owner.password);
	await page.getByRole('button', { name: 'Create the owner' }).click();
	await page.waitForURL('**/apps/default/scripts/new?first');

	// The guided first script: edit, deploy, run, call, see it arrive.
	await page.getByRole('textbox', { name: 'Source' }).waitFor();
	await v.look('first-script');
	await page.getByRole('button', { name: 'Deploy', exact: true }).click();
	const guide = page.getByRole('region', { name: 'Your first script' });
	await guide.waitFor();
	await page.getByRole('button', { name: 'Run', exact: true }).click();
	await page.getByRole('region', { name: 'Answer' }).getByText('Hello, world!').waitFor();
	const line = await guide.getByRole('region', { name: 'The command' }).innerText();
	assert.match(line, /^curl http:\/\/\S+\/hello$/);
	const answer = await fetch(line.slice('curl '.length));
	assert.equal(await answer.text(), 'Hello, world!');
	await guide.getByText('Your request has arrived').waitFor();
	await v.look('first-script-arrived');
});

journey('signing in leads back to where one wanted to go, and out again', async (v) => {
	const { page } = v;
	v.expectErrors(/status of 401/);
	await page.getByRole('button', { name: 'Account, ada' }).click();
	await page.getByRole('menuitem', { name: 'Sign out' }).click();
	await page.getByRole('heading', { name: 'Sign in' }).waitFor();
	await v.look('sign-in');

	await page.goto('/apps/default/scripts');
	await page.waitForURL('**/sign-in?return=*');
	await page.getByLabel('User name or e-mail address').fill(owner.username);
	await page.getByLabel('Password').fill('not the password');
	await page.getByRole('button', { name: 'Sign in', exact: true }).click();
	await page.getByRole('alert').waitFor();
	await page.getByLabel('Password').fill(owner.password);
	await page.getByRole('button', { name: 'Sign in', exact: true }).click();
	await page.getByRole('heading', { name: 'Scripts', exact: true }).waitFor();
	assert.equal(new URL(page.url()).pathname, '/apps/default/scripts');
});

journey('the keyboard reaches everything', async (v) => {
	const { page } = v;
	await page.keyboard.press('Control+K');
	await page.getByRole('combobox').fill('scri');
	await v.look('palette');
	await page.keyboard.press('Enter');
	await page.getByRole('heading', { name: 'Scripts', exact: true }).waitFor();
	await page.keyboard.press('g');
	await page.keyboard.press('a');
	await page.getByRole('heading', { name: 'Apps', exact: true }).waitFor();
	await page.keyboard.press('?');
	await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
	await v.look('shortcuts');
	await page.keyboard.press('Escape');
	await page.keyboard.press('t'); // it was light
	assert.equal(await page.evaluate(() => document.documentElement.dataset['theme']), 'dark');
});

journey('apps are made and switched between', async (v) => {
	const { page } = v;
	v.expectErrors(/status of (409|422)/);
	await v.go('/apps');
	await v.look('apps');
	await page.getByRole('button', { name: 'New app' }).click();
	await page.getByLabel('Name').fill('Not a name');
	await page.getByRole('button', { name: 'Create the app' }).click();
	await page.getByLabel('Name').and(page.locator('[aria-invalid="true"]')).waitFor();
	await v.look('apps-new');
	await page.getByLabel('Name').fill('shop');
	await page.getByRole('button', { name: 'Create the app' }).click();
	await page.waitForURL('**/apps/shop/scripts');
	await page.getByRole('button', { name: 'Switch app, shop' }).click();
	await page.getByRole('menuitem', { name: 'default' }).click();
	await page.waitForURL('**/apps/default');
	await v.look('overview-empty');
});

journey('a page that is not there says so', async (v) => {
	const { page } = v;
	v.expectErrors(/status of 404/);
	await v.go('/apps/nada');
	await page.getByRole('alert').getByText('No app "nada"').waitFor();
	await v.look('missing');
	await v.go('/no/such/page');
	await page.getByRole('heading', { name: 'There is no such page.' }).waitFor();
});
