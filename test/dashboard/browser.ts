// A browser on a server, and what has to be true of everything that it shows.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { owner, Server } from './server.ts';

export const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const screenshots = new URL('./screenshots/', import.meta.url).pathname;
const axeSource = readFile(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

export function launch(): Promise<Browser> {
	assert.ok(existsSync(chromiumPath), `there is no browser at ${chromiumPath}`);
	return chromium.launch({
		executablePath: chromiumPath,
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
	});
}

/**
 * Someone at a browser. Whatever they do, the pages must write no error to the
 * console, break no policy, and ask no other origin for anything: close()
 * fails otherwise. Errors that a test provokes are announced by expectErrors.
 */
export class Visitor {
	readonly page: Page;
	readonly context: BrowserContext;
	readonly server: Server;
	#faults: string[] = [];
	#expected: RegExp[] = [];

	private constructor(server: Server, context: BrowserContext, page: Page) {
		this.server = server;
		this.context = context;
		this.page = page;
	}

	static async open(browser: Browser, server: Server): Promise<Visitor> {
		const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, baseURL: server.admin, colorScheme: 'light', reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC' });
		await context.grantPermissions(['clipboard-read', 'clipboard-write']);
		context.setDefaultTimeout(30_000);
		const page = await context.newPage();
		const visitor = new Visitor(server, context, page);
		visitor.#watch();
		return visitor;
	}

	#watch(): void {
		this.page.on('console', (m) => m.type() === 'error' && this.#fault(`console: ${m.text()}`));
		this.page.on('pageerror', (e) => this.#fault(`uncaught: ${e.stack ?? e.message}`));
		this.page.on('request', (r) => {
			const url = new URL(r.url());
			if (url.protocol.startsWith('http') && url.origin !== this.server.admin) this.#fault(`a request to another origin: ${r.url()}`);
		});
	}

	#fault(text: string): void {
		if (!this.#expected.some((e) => e.test(text))) this.#faults.push(text);
	}

	/** Says that messages like this one will come: browsers write every answer of 400 and more to the console. */
	expectErrors(pattern: RegExp): void {
		this.#expected.push(pattern);
	}

	/** Signs in with the form, and waits for the first page. */
	async signIn(login = owner.username, password = owner.password): Promise<void> {
		await this.page.goto('/sign-in');
		await this.page.getByLabel('User name or e-mail address').fill(login);
		await this.page.getByLabel('Password').fill(password);
		await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
		await this.page.getByRole('navigation', { name: 'Main' }).waitFor();
	}

	/** Opens an address, and waits until the page has what it shows. */
	async go(path: string): Promise<void> {
		await this.page.goto(path);
		await this.settled();
	}

	/** Waits until nothing is being loaded. */
	async settled(): Promise<void> {
		await this.page.locator('h1, [role="alert"]').first().waitFor();
		await this.page.waitForFunction(() => !document.querySelector('[aria-busy="true"], [aria-label="Loading"]'));
	}

	/**
	 * Looks at what is shown: in both themes and at 390 px, where nothing may
	 * reach over the edge. Takes a screenshot of each, and has axe examine both
	 * themes.
	 */
	async look(name: string): Promise<void> {
		await this.settled();
		await mkdir(screenshots, { recursive: true });
		for (const theme of ['light', 'dark'] as const) {
			await this.page.emulateMedia({ colorScheme: theme });
			await this.painted();
			await this.page.screenshot({ path: `${screenshots}${name}-${theme}.png` });
			await this.examine(`${name} (${theme})`);
		}
		const size = this.page.viewportSize()!;
		await this.page.setViewportSize({ width: 390, height: 844 });
		await this.painted();
		await this.page.screenshot({ path: `${screenshots}${name}-narrow.png` });
		const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		assert.ok(wide <= 0, `${name} is ${wide} px too wide at 390 px`);
		await this.page.setViewportSize(size);
		await this.page.emulateMedia({ colorScheme: 'light' });
	}

	/** Waits until what has changed is painted. */
	async painted(): Promise<void> {
		await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
	}

	/** Has axe examine the page. */
	async examine(name: string): Promise<void> {
		// Not addScriptTag: the page's policy forbids that, as it should.
		await this.page.evaluate(await axeSource);
		const found = await this.page.evaluate(async () => {
			const result = await (globalThis as any).axe.run(document, { resultTypes: ['violations'] });
			return result.violations.map((v: any) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 3).map((n: any) => '    ' + n.html.slice(0, 200) + '\n    ' + (n.any[0]?.message ?? '')).join('\n')}`);
		});
		assert.deepEqual(found, [], `axe finds fault with ${name}`);
	}

	/** Ends the visit, and says what went wrong on the way. */
	async close(): Promise<void> {
		await this.context.close();
		assert.deepEqual(this.#faults, [], 'the pages wrote errors, or asked other origins');
	}
}
