import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launch, Visitor } from './browser.ts';
import { Server } from './server.ts';

export { eventually, owner, Server, type Call } from './server.ts';
export { Visitor } from './browser.ts';

let browser: Browser;
let server: Server | undefined;

before(async () => void (browser = await launch()));
after(async () => {
	await browser?.close();
	await server?.stop();
});

/** A test with a visitor who has signed in as the owner, on the one server of the file. */
export function journey(name: string, walk: (v: Visitor) => Promise<void>): void {
	test(name, { timeout: 120_000 }, async () => {
		server ??= await Server.start();
		await visit(server, async (v) => {
			await v.signIn();
			await walk(v);
		});
	});
}

/** A test with a server of its own that has no owner yet, and a visitor who has signed in nowhere. */
export function firstRun(name: string, walk: (v: Visitor) => Promise<void>): void {
	test(name, { timeout: 120_000 }, async () => {
		const fresh = await Server.start({ withOwner: false });
		try {
			await visit(fresh, walk);
		} finally {
			await fresh.stop();
		}
	});
}

/** Walks with a new visitor, and takes a picture of where they stand when it fails. */
export async function visit(at: Server, walk: (v: Visitor) => Promise<void>): Promise<void> {
	const visitor = await Visitor.open(browser, at);
	try {
		await walk(visitor);
	} catch (e) {
		await visitor.page.screenshot({ path: new URL(`./screenshots/failed-${Date.now()}.png`, import.meta.url).pathname }).catch(() => {});
		await visitor.context.close();
		throw e;
	}
	await visitor.close();
}
