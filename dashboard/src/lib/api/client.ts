import createClient from 'openapi-fetch';
import { ApiError, offline, type Problem } from './problem.ts';
import type { paths } from './schema.d.ts';

/**
 * The admin API, typed by docs/openapi.json. Nothing else of the dashboard
 * fetches. Calls go through {@link ok}, which throws {@link ApiError}s:
 *
 *     const { scripts } = await ok(api.GET('/api/v1/apps/{app}/scripts', { params: { path: { app } } }));
 */
export const api = createClient<paths>({
	baseUrl: typeof location === 'undefined' ? 'http://localhost' : location.origin,
	// Looked up at every call: tests and SvelteKit put their own there.
	fetch: (request) => globalThis.fetch(request),
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

let signedOut = (): void => {};

/** Says what to do when a call finds that the session has ended. */
export function onSignedOut(handle: () => void): void {
	signedOut = handle;
}

/** The data of an answer. Anything but success is thrown, as an ApiError. */
export async function ok<T>(call: Promise<Answer<T>>): Promise<T> {
	let answer: Answer<T>;
	try {
		answer = await call;
	} catch (cause) {
		if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
		throw offline(cause);
	}
	if (answer.response.ok) return answer.data as T;
	const error = new ApiError(problemOf(answer));
	if (error.code === 'unauthenticated' && !answer.response.url.includes('/api/v1/login') && !answer.response.url.endsWith('/api/v1/me')) signedOut();
	throw error;
}

function problemOf({ error, response }: Answer<unknown>): Problem {
	if (typeof error === 'object' && error !== null && 'code' in error) return error as Problem;
	return {
		type: 'about:blank',
		title: response.statusText,
		status: response.status,
		code: response.status === 502 || response.status === 504 ? 'offline' : 'internal',
		detail: `the server answered with the status ${response.status} and without a reason`,
	};
}
