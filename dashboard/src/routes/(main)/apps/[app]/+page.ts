import { api, ok } from '#lib/api/index.ts';
import { spanOf, spanQuery } from '#lib/charts/metrics.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, url, depends, parent }) => {
	depends('pc:records');
	const path = { app };
	const [{ scripts }, failed, recent, metrics, schedules] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/scripts', { params: { path } })),
		ok(api.GET('/api/v1/apps/{app}/invocations', { params: { path, query: { status: 'error', limit: 5 } } })),
		ok(api.GET('/api/v1/apps/{app}/invocations', { params: { path, query: { limit: 8 } } })),
		ok(api.GET('/api/v1/apps/{app}/metrics', { params: { path, query: spanQuery(spanOf(url.searchParams.get('span')), Date.now()) } })),
		ok(api.GET('/api/v1/apps/{app}/schedules', { params: { path } })),
		parent(),
	]);
	const next = schedules.schedules
		.filter((s) => !s.paused && s.enabled && s.next_at)
		.sort((a, b) => (a.next_at! < b.next_at! ? -1 : 1))
		.slice(0, 5);
	return { scripts, failed: failed.invocations, recent: recent.invocations, metrics, next };
}) satisfies PageLoad;
