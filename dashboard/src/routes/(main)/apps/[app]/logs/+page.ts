import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

/** What was logged last; the page follows from there. */
export const load = (async ({ params: { app }, url }) => {
	const script = url.searchParams.get('script') || undefined;
	const level = (url.searchParams.get('level') || undefined) as 'debug' | 'info' | 'warn' | 'error' | undefined;
	const path = { app };
	const [{ lines }, { scripts }] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/logs', { params: { path, query: { limit: 200, script, level } } })),
		ok(api.GET('/api/v1/apps/{app}/scripts', { params: { path } })),
	]);
	return { lines: lines.toReversed(), scripts, script, level };
}) satisfies PageLoad;
