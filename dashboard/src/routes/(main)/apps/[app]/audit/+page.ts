import { api, ok } from '#lib/api/index.ts';
import { auditQuery } from '#lib/people/audit.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, url }) => {
	const { app: _, ...query } = auditQuery(url.searchParams);
	return { audit: await ok(api.GET('/api/v1/apps/{app}/audit', { params: { path: { app }, query } })) };
}) satisfies PageLoad;
