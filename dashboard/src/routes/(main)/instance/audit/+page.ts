import { api, ok } from '#lib/api/index.ts';
import { auditQuery } from '#lib/people/audit.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ url }) => ({ audit: await ok(api.GET('/api/v1/audit', { params: { query: auditQuery(url.searchParams) } })) })) satisfies PageLoad;
