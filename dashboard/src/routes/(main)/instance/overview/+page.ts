import { api, ok } from '#lib/api/index.ts';
import { spanOf, spanQuery } from '#lib/charts/metrics.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ url, depends }) => {
	depends('pc:records');
	return { metrics: await ok(api.GET('/api/v1/metrics', { params: { query: spanQuery(spanOf(url.searchParams.get('span')), Date.now()) } })) };
}) satisfies PageLoad;
