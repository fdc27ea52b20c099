// The built binary, started on free ports and a new data folder.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const owner = { username: 'ada', email: 'ada@example.com', password: 'correct horse battery staple' };

const binary = process.env['PICLOUD'] ?? new URL('../../bin/picloud', import.meta.url).pathname;

export type Call = (method: string, path: string, body?: unknown) => Promise<any>;

export class Server {
	readonly admin: string;
	readonly public: string;
	#process: ChildProcess;
	#dir: string;
	#output: () => string;

	private constructor(process: ChildProcess, dir: string, output: () => string, at: { admin: string; public: string }) {
		this.#process = process;
		this.#dir = dir;
		this.#output = output;
		this.admin = at.admin;
		this.public = at.public;
	}

	/** Starts a server; without an owner it is one that was never set up. */
	static async start({ withOwner = true, env = {} }: { withOwner?: boolean; env?: Record<string, string> } = {}): Promise<Server> {
		const dir = await mkdtemp(join(tmpdir(), 'picloud-dashboard-'));
		const ready = join(dir, 'ready.json');
		const own = withOwner ? { PICLOUD_OWNER_USERNAME: owner.username, PICLOUD_OWNER_EMAIL: owner.email, PICLOUD_OWNER_PASSWORD: owner.password } : {};
		const started = spawn(binary, ['serve', '--data', join(dir, 'data'), '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--ready-file', ready], {
			env: { PATH: process.env['PATH'], HOME: dir, ...own, ...env },
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		let output = '';
		for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk) => (output += chunk));
		const addresses = await eventually('the server writes its ready file', async () => {
			if (started.exitCode !== null) throw new Fatal(`the server ended before it served:\n${output}`);
			return JSON.parse(await readFile(ready, 'utf8')) as { Public: string; Admin: string; public: string; admin: string };
		});
		const base = (address: string): string => (address.includes('://') ? address : 'http://' + address).replace(/\/$/, '');
		return new Server(started, dir, () => output, { admin: base(addresses.admin ?? addresses.Admin), public: base(addresses.public ?? addresses.Public) });
	}

	/** The link with which the owner is made. */
	setupLink(): Promise<string> {
		return eventually('the server prints its setup link', async () => /http:\/\/\S+\/setup\?token=[A-Za-z0-9_-]+/.exec(this.#output())?.[0]);
	}

	/** A function that calls the admin API as somebody: what tests prepare things with. */
	async as(login = owner.username, password = owner.password): Promise<Call> {
		const { token } = await this.#call(undefined)('POST', '/login', { login, password });
		return this.#call(token);
	}

	#call(token: string | undefined): Call {
		return async (method, path, body) => {
			const response = await fetch(`${this.admin}/api/v1${path}`, {
				method,
				headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			});
			const text = await response.text();
			if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
			return text ? JSON.parse(text) : undefined;
		};
	}

	/** Deploys scripts by their names, in the app default unless another is named. */
	async deploy(sources: Record<string, string>, app = 'default'): Promise<void> {
		const call = await this.as();
		await call('POST', `/apps/${app}/deployments`, { scripts: Object.entries(sources).map(([name, source]) => ({ name, source })) });
	}

	/** Asks it to end, and waits until it has. */
	async stop(): Promise<void> {
		if (this.#process.exitCode === null) {
			const ended = once(this.#process, 'exit');
			this.#process.kill('SIGTERM');
			await ended;
		}
		await rm(this.#dir, { recursive: true, force: true });
	}
}

/** An error that no waiting mends. */
class Fatal extends Error {}

/** Looks again and again until something is there. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, within = 15_000): Promise<T> {
	const end = Date.now() + within;
	let last: unknown;
	for (;;) {
		try {
			const found = await look();
			if (found !== undefined && found !== false) return found;
		} catch (e) {
			if (e instanceof Fatal) throw e;
			last = e;
		}
		if (Date.now() > end) throw new Error(`waited in vain until ${what}`, { cause: last });
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
