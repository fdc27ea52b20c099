import { ApiError, asApiError } from '#lib/api/problem.ts';

/**
 * A form's state: whether it is being sent, and what the server had to say.
 *
 *     const form = new Form();
 *     <form onsubmit={form.handle(async () => { await ok(api.POST(…)); toast.ok('Created.'); })}>
 *       <TextField label="Name" bind:value={name} error={form.fields.name} />
 *       <ErrorNote error={form.error} />
 *       <Button type="submit" variant="primary" busy={form.busy}>Create</Button>
 *
 * An error that names fields which the form shows is put there, by `fields`;
 * any other is `error`.
 */
export class Form {
	busy = $state(false);
	error = $state<ApiError>();
	fields = $state<Record<string, string>>({});
	#shown: Set<string>;

	/** shown lists the fields that have a place for their error, by pointer: 'name', 'scripts/0/source'. */
	constructor(shown: string[] = []) {
		this.#shown = new Set(shown);
	}

	handle(send: () => Promise<unknown>): (e?: SubmitEvent) => Promise<boolean> {
		return async (e) => {
			e?.preventDefault();
			return this.run(send);
		};
	}

	/** Sends, and reports whether it went well. A second call while the first runs does nothing. */
	async run(send: () => Promise<unknown>): Promise<boolean> {
		if (this.busy) return false;
		this.busy = true;
		this.clear();
		try {
			await send();
			return true;
		} catch (thrown) {
			this.fail(asApiError(thrown));
			return false;
		} finally {
			this.busy = false;
		}
	}

	clear(): void {
		this.error = undefined;
		this.fields = {};
	}

	fail(error: ApiError): void {
		this.fields = error.fields;
		const named = Object.keys(error.fields);
		if (named.length === 0 || named.some((name) => !this.#shown.has(name))) this.error = error;
	}
}
