import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, depends }) => {
	depends('pc:domains');
	return ok(api.GET('/api/v1/apps/{app}/domains', { params: { path: { app } } }));
}) satisfies PageLoad;
