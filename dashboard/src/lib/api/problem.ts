import type { components } from './schema.d.ts';

export type Problem = components['schemas']['Problem'];
export type Diagnostic = components['schemas']['Diagnostic'];

/** What went wrong with a call, from the problem+json that the server sent. */
export class ApiError extends Error {
	readonly problem: Problem;
	constructor(problem: Problem) {
		super(sentence(problem.detail || problem.title));
		this.name = 'ApiError';
		this.problem = problem;
	}
	get code(): string {
		return this.problem.code;
	}
	get status(): number {
		return this.problem.status;
	}
	get requestId(): string | undefined {
		return this.problem.request_id;
	}
	get diagnostics(): Diagnostic[] {
		return this.problem.diagnostics ?? [];
	}
	/** What to do next; '' when the message says it. */
	get hint(): string {
		return hints[this.code] ?? '';
	}
	/** The messages of fields, by their pointer without '#/': 'name', 'scripts/0/name', or a parameter's name. */
	get fields(): Record<string, string> {
		const found: Record<string, string> = {};
		for (const e of this.problem.errors ?? []) found[e.pointer.replace(/^#\/?/, '')] ??= sentence(e.detail);
		return found;
	}
}

/** The error of a request that never got an answer. */
export function offline(cause: unknown): ApiError {
	const error = new ApiError({ type: 'about:blank', title: 'No answer', status: 0, code: 'offline', detail: 'the server cannot be reached' });
	error.cause = cause;
	return error;
}

/** Makes of anything thrown something that can be shown. */
export function asApiError(error: unknown): ApiError {
	if (error instanceof ApiError) return error;
	const detail = error instanceof Error && error.message ? error.message : 'something went wrong in the dashboard';
	const made = new ApiError({ type: 'about:blank', title: 'Error', status: 0, code: 'dashboard', detail });
	made.cause = error;
	return made;
}

/** Makes of a message, which begins in lower case, a sentence. */
export function sentence(text: string): string {
	if (!text) return '';
	const full = text[0]!.toUpperCase() + text.slice(1);
	return /[.!?…:]$/.test(full) ? full : full + '.';
}

/** What to do about an error, by its code, where the message does not say it. */
const hints: Record<string, string> = {
	offline: 'See whether it runs, and whether you are on its network. Nothing that you typed is lost.',
	unauthenticated: 'Sign in again.',
	forbidden: 'Ask somebody in charge of the app, or an owner of the instance, for the right.',
	not_found: 'It may have been deleted or renamed meanwhile.',
	rate_limited: 'Wait a moment and try again.',
	overloaded: 'Wait a moment and try again.',
	unavailable: 'Try again in a moment.',
	timeout: 'Try again. If it happens often, look at the server’s log.',
	internal: 'The request id leads to the cause in the server’s log.',
	setup_required: 'Open the setup link that the server printed when it started.',
	script_disabled: 'Switch the script on first.',
	quota: 'Delete what is not needed, or ask for a larger quota.',
};
