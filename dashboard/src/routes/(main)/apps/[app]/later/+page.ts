import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, url, depends }) => {
	depends('pc:later');
	return ok(api.GET('/api/v1/apps/{app}/async', { params: { path: { app }, query: { limit: 50, before: url.searchParams.get('before') || undefined } } }));
}) satisfies PageLoad;
