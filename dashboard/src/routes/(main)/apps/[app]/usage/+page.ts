import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, depends }) => {
	depends('pc:quotas');
	const path = { app };
	const [{ quotas }, { alarms }] = await Promise.all([ok(api.GET('/api/v1/apps/{app}/quotas', { params: { path } })), ok(api.GET('/api/v1/apps/{app}/alarms', { params: { path } }))]);
	return { quotas, alarms };
}) satisfies PageLoad;
