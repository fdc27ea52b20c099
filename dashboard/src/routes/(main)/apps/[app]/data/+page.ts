import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, url, depends }) => {
	depends('pc:data');
	const q = url.searchParams;
	const path = { app };
	const [list, usage] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/data', { params: { path, query: { prefix: q.get('prefix') || undefined, after: q.get('after') || undefined, limit: 50, values: true } } })),
		ok(api.GET('/api/v1/apps/{app}/usage', { params: { path } })),
	]);
	return { ...list, usage };
}) satisfies PageLoad;
