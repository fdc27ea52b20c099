import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, depends }) => {
	depends('pc:scripts', 'pc:sparklines');
	const params = { path: { app } };
	const [{ scripts }, sparklines] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/scripts', { params })),
		// The list is of use without them.
		ok(api.GET('/api/v1/apps/{app}/sparklines', { params })).catch(() => undefined),
	]);
	return { scripts, activity: new Map(sparklines?.scripts.map((s) => [s.script, s])) };
}) satisfies PageLoad;
