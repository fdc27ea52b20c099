import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, depends }) => {
	depends('pc:devices');
	return ok(api.GET('/api/v1/apps/{app}/devices', { params: { path: { app } } }));
}) satisfies PageLoad;
