import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app, script, schedule }, url, depends }) => {
	depends('pc:schedules');
	const before = Number(url.searchParams.get('before')) || undefined;
	const [status, { runs, before: older }] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/scripts/{script}/schedules/{schedule}', { params: { path: { app, script, schedule } } })),
		ok(api.GET('/api/v1/apps/{app}/schedule-runs', { params: { path: { app }, query: { script, schedule, before, limit: 50 } } })),
	]);
	return { status, runs, older };
}) satisfies PageLoad;
