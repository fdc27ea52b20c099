import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, url, depends }) => {
	depends('pc:files');
	const q = url.searchParams;
	return ok(api.GET('/api/v1/apps/{app}/files', { params: { path: { app }, query: { prefix: q.get('prefix') || undefined, after: q.get('after') || undefined, limit: 50 } } }));
}) satisfies PageLoad;
