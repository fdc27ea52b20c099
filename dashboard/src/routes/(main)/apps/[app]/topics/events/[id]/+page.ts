import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app, id }, depends }) => {
	depends('pc:events');
	return { event: await ok(api.GET('/api/v1/apps/{app}/events/{id}', { params: { path: { app, id } } })) };
}) satisfies PageLoad;
