import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, depends, parent }) => {
	depends('pc:records');
	const path = { app };
	const [{ scripts }, failed, recent] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/scripts', { params: { path } })),
		ok(api.GET('/api/v1/apps/{app}/invocations', { params: { path, query: { status: 'error', limit: 5 } } })),
		ok(api.GET('/api/v1/apps/{app}/invocations', { params: { path, query: { limit: 8 } } })),
		parent(),
	]);
	return { scripts, failed: failed.invocations, recent: recent.invocations };
}) satisfies PageLoad;
