// People: keys, members, users, sessions, the audit log; and what those who may less do not see.
import assert from 'node:assert/strict';
import { journey, owner, visit, type Visitor } from './journey.ts';

const password = 'a quite long password';

async function confirm(v: Visitor, action: string): Promise<void> {
	await v.page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
}

journey('a key is made, shown once, works, and is revoked', async (v) => {
	await v.server.deploy({ hello: '"hi"' });
	await v.go('/account/keys');
	await v.look('keys-empty');
	await v.page.getByRole('button', { name: 'New key' }).click();
	await v.page.getByLabel('Name').fill('ci');
	await v.page.getByRole('checkbox', { name: /^read/ }).check();
	await v.look('key-new');
	await v.page.getByRole('button', { name: 'Make the key' }).click();
	const key = (await v.page.getByRole('region', { name: 'The key' }).textContent())!.trim();
	assert.match(key, /^pic_/);
	const call = (): Promise<Response> => fetch(`${v.server.admin}/api/v1/apps/default/scripts`, { headers: { Authorization: `Bearer ${key}` } });
	assert.equal((await call()).status, 200);
	await v.page.getByRole('button', { name: 'Done' }).click();
	await v.look('keys');
	assert.ok(!(await v.page.content()).includes(key), 'the key is still on the page');
	await v.page.getByRole('button', { name: 'Revoke ci' }).click();
	await confirm(v, 'Revoke it');
	await v.page.getByRole('heading', { name: 'No keys yet' }).waitFor();
	assert.equal((await call()).status, 401);
});

journey('a user is created, made a member, and sees what a viewer may', async (v) => {
	const call = await v.server.as();
	await call('POST', '/apps', { name: 'shop' });
	await v.server.deploy({ cart: 'fn handle(req) { "cart" }' }, 'shop');
	await v.go('/instance/users');
	await v.page.getByRole('button', { name: 'New user' }).click();
	await v.page.getByLabel('User name').fill('Bob!');
	await v.page.getByLabel('E-mail address').fill('bob@example.com');
	await v.page.getByLabel('Password').fill(password);
	v.expectErrors(/422/);
	await v.page.getByRole('button', { name: 'Create the user' }).click();
	await v.page.locator('[aria-invalid="true"]').waitFor();
	await v.page.getByLabel('User name').fill('bob');
	await v.page.getByRole('button', { name: 'Create the user' }).click();
	await v.page.getByRole('heading', { name: 'bob', level: 1 }).waitFor();
	await v.look('user');

	await v.go('/apps/shop/members');
	await v.look('members-empty');
	await v.page.getByRole('button', { name: 'Add a member' }).click();
	await v.page.getByLabel('User name').fill('bob');
	await v.page.getByRole('button', { name: 'Add them' }).click();
	await v.page.getByRole('combobox', { name: 'Role of bob' }).waitFor();
	await v.look('members');

	await visit(v.server, async (bob) => {
		await bob.signIn('bob', password);
		await bob.go('/apps/shop/scripts');
		await bob.page.getByRole('link', { name: 'cart' }).waitFor();
		assert.equal(await bob.page.getByRole('link', { name: 'New script' }).count(), 0);
		assert.equal(await bob.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Users' }).count(), 0);
		await bob.go('/apps/shop/members');
		assert.equal(await bob.page.getByRole('button', { name: 'Add a member' }).count(), 0);
		assert.equal(await bob.page.getByRole('button', { name: /^Remove/ }).count(), 0);
		await bob.go('/apps/shop/data');
		assert.equal(await bob.page.getByRole('button', { name: 'New key' }).count(), 0);
		bob.expectErrors(/40[34]/);
		await bob.go('/apps/default/scripts');
		await bob.page.getByText(/no such app|not found|no app/i).first().waitFor();
		await bob.go('/account');
		await bob.page.getByRole('link', { name: 'shop' }).first().waitFor();
	});

	await v.page.getByRole('button', { name: 'Remove bob' }).click();
	await confirm(v, 'Remove them');
	await v.page.getByRole('heading', { name: 'Nobody belongs to this app yet' }).waitFor();
});

journey('the audit log says who did what', async (v) => {
	const call = await v.server.as();
	await call('POST', '/users', { username: 'eve', email: 'eve@example.com', role: 'member', password });
	await call('PATCH', '/users/eve', { role: 'admin' });
	await v.go('/instance/audit');
	await v.look('audit');
	await v.page.getByLabel('Target').fill('eve');
	await v.page.getByRole('button', { name: 'Filter' }).click();
	await v.page.waitForURL(/target=eve/);
	await v.page.getByText('What changed').first().click();
	await v.page.getByText('admin', { exact: true }).first().waitFor();
	await v.page.getByText(`by ${owner.username}`).first().waitFor();
});

journey('a user is deactivated, and deleted only by name', async (v) => {
	const call = await v.server.as();
	await call('POST', '/users', { username: 'mallory', email: 'mallory@example.com', role: 'member', password });
	await v.go('/instance/users/mallory');
	await v.page.getByRole('button', { name: 'Deactivate' }).click();
	await confirm(v, 'Deactivate');
	await v.page.getByText('deactivated', { exact: true }).waitFor();
	await v.page.getByRole('button', { name: 'Delete', exact: true }).click();
	const remove = v.page.getByRole('dialog').getByRole('button', { name: 'Delete them' });
	assert.ok(await remove.isDisabled());
	await v.page.getByRole('dialog').getByRole('textbox').fill('mallory');
	await remove.click();
	await v.page.waitForURL(/\/instance\/users$/);
	await v.settled();
	assert.equal(await v.page.getByRole('link', { name: 'mallory' }).count(), 0);
	await v.look('users');
});

journey('another session is ended', async (v) => {
	const call = await v.server.as();
	await v.go('/account/sessions');
	await v.look('sessions');
	await v.page.getByRole('button', { name: 'End all others' }).click();
	await confirm(v, 'End them');
	await v.page.getByText(/sessions? ended/).waitFor();
	await assert.rejects(call('GET', '/me'), /401/);
});

journey('the password is changed, and an authenticator app is begun', async (v) => {
	const call = await v.server.as();
	await call('POST', '/users', { username: 'carol', email: 'carol@example.com', role: 'member', password });
	await visit(v.server, async (carol) => {
		await carol.signIn('carol', password);
		await carol.go('/account/security');
		await carol.look('security');
		carol.expectErrors(/4\d\d/);
		await carol.page.getByLabel('The one you have').fill('not my password');
		await carol.page.getByLabel('The new one').fill('another long password');
		await carol.page.getByRole('button', { name: 'Change the password' }).click();
		await carol.page.locator('[aria-invalid="true"], [role="alert"]').first().waitFor();
		await carol.page.getByLabel('The one you have').fill(password);
		await carol.page.getByRole('button', { name: 'Change the password' }).click();
		await carol.page.getByText('The password is changed.').waitFor();
		await carol.page.getByRole('button', { name: 'Set up' }).click();
		await carol.page.getByLabel('Your password').fill('another long password');
		await carol.page.getByRole('button', { name: 'Go on' }).click();
		await carol.page.getByRole('img', { name: /QR code/ }).waitFor();
		await carol.look('totp');
		await carol.page.getByLabel('The code that it shows').fill('000000');
		await carol.page.getByRole('button', { name: 'Switch it on' }).click();
		await carol.page.getByRole('dialog').locator('[aria-invalid="true"], [role="alert"]').first().waitFor();
	});
});

journey('domains, nodes and settings', async (v) => {
	await v.go('/apps/default/domains');
	await v.look('domains-empty');
	await v.page.getByRole('button', { name: 'Add a domain' }).click();
	await v.page.getByRole('textbox', { name: 'Domain' }).fill('shop.example.com');
	await v.page.getByRole('button', { name: 'Add it' }).click();
	await v.page.getByText('to be verified').waitFor();
	await v.look('domains');
	await v.page.getByRole('button', { name: 'Vouch for it' }).click();
	await confirm(v, 'Vouch for it');
	await v.page.getByText('verified', { exact: true }).waitFor();
	await v.page.getByRole('button', { name: 'Remove' }).click();
	await confirm(v, 'Remove it');
	await v.page.getByRole('heading', { name: 'No domains yet' }).waitFor();

	await v.go('/instance/nodes');
	await v.look('nodes');
	await v.go('/instance/settings');
	await v.page.getByLabel('The audit log is kept for').fill('400');
	await v.page.getByRole('button', { name: 'Save' }).click();
	await v.page.getByText('Saved.').waitFor();
	await v.look('settings');
	await v.go('/account');
	await v.look('account');
	await v.go('/instance/backups');
	await v.look('backups-empty');
	await v.page.getByRole('button', { name: 'Make a backup' }).click();
	await v.page.getByRole('link', { name: /^picloud-.*\.db$/ }).waitFor();
	await v.look('backups');
	const download = v.page.waitForEvent('download');
	await v.page.getByRole('link', { name: /^picloud-.*\.db$/ }).click();
	assert.match((await download).suggestedFilename(), /^picloud-.*\.db$/);
	await v.page.getByRole('button', { name: /^Delete picloud-/ }).click();
	await confirm(v, 'Delete it');
	await v.page.getByRole('heading', { name: 'No backups yet' }).waitFor();
	await v.go('/apps/default/settings');
	await v.look('app-settings');
	await v.go('/apps/default/audit');
	await v.look('app-audit');
});
