import { api, ok, type Schema } from '#lib/api/index.ts';

type Live = Schema<'Source'>;

/** What is kept of a draft: the text, and the version that it began with. */
type Kept = { source: string; version: number };

/**
 * The source of a script as it is being changed. What is not deployed is kept
 * in the browser, so that nothing is lost by going away.
 */
export class Draft {
	source = $state('');
	/** The version that the draft began with: a deploy is refused when another is live by then. */
	version = $state(0);
	live = $state.raw<Live>() as Live;
	/** Whether the draft was there from an earlier visit. */
	restored = $state(false);
	#key: string;
	#app: string;
	#script: string;

	constructor(app: string, script: string, live: Live) {
		this.#app = app;
		this.#script = script;
		this.#key = `picloud.draft.${app}/${script}`;
		const kept = this.#kept();
		this.take(live);
		if (kept && kept.source !== live.source) {
			this.source = kept.source;
			this.version = kept.version;
			this.restored = true;
		}
	}

	get dirty(): boolean {
		return this.source !== this.live.source;
	}

	/** Whether somebody else has deployed since the draft began. */
	get behind(): boolean {
		return this.version !== this.live.version.number;
	}

	/** Begins anew from a version; what was changed is gone. */
	take(live: Live): void {
		this.live = live;
		this.source = live.source;
		this.version = live.version.number;
		this.restored = false;
		localStorage.removeItem(this.#key);
	}

	/** Keeps the draft in the browser; to be called when it changes. */
	keep(): void {
		if (this.dirty) localStorage.setItem(this.#key, JSON.stringify({ source: this.source, version: this.version } satisfies Kept));
		else localStorage.removeItem(this.#key);
	}

	/** Makes the draft live. It is refused, with the code conflict, when somebody was faster; `over` deploys on top of them. */
	async deploy(note = '', over = false): Promise<Schema<'Deployed'>> {
		const source = this.source;
		const body = { scripts: [{ name: this.#script, source, note, if_version: over ? 0 : this.version }] };
		const done = await ok(api.POST('/api/v1/apps/{app}/deployments', { params: { path: { app: this.#app } }, body }));
		const deployed = done.scripts[0]!;
		const typed = this.source;
		this.take({ source, version: { ...this.live.version, number: deployed.version } });
		this.source = typed; // what was typed meanwhile goes on being a draft
		return deployed;
	}

	/** Looks at what is live now, without touching the draft. */
	async look(): Promise<Live> {
		this.live = await ok(api.GET('/api/v1/apps/{app}/scripts/{script}/source', { params: { path: { app: this.#app, script: this.#script } } }));
		return this.live;
	}

	#kept(): Kept | undefined {
		try {
			const kept = JSON.parse(localStorage.getItem(this.#key) ?? 'null') as Kept | null;
			return typeof kept?.source === 'string' && typeof kept.version === 'number' ? kept : undefined;
		} catch {
			return undefined;
		}
	}
}
