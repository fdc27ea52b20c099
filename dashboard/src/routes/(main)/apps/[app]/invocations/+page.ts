import { redirect } from '@sveltejs/kit';
import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

const spans: Record<string, number> = { hour: 3600, day: 86_400, week: 604_800 };
const statuses = ['ok', 'error', 'limit', 'timeout', 'cancel'] as const;

export const load = (async ({ params: { app }, url, depends }) => {
	depends('pc:records');
	const q = url.searchParams;
	const id = q.get('id')?.trim();
	if (id) redirect(303, `/apps/${app}/invocations/${encodeURIComponent(id)}`);
	const path = { app };
	const span = spans[q.get('since') ?? ''];
	const before = Number(q.get('before')) || undefined;
	const [found, { scripts }] = await Promise.all([
		ok(
			api.GET('/api/v1/apps/{app}/invocations', {
				params: {
					path,
					query: {
						limit: 50,
						before,
						script: q.get('script') || undefined,
						status: statuses.find((s) => s === q.get('status')),
						since: span ? new Date(Date.now() - span * 1000).toISOString() : undefined,
					},
				},
			}),
		),
		ok(api.GET('/api/v1/apps/{app}/scripts', { params: { path } })),
	]);
	return { invocations: found.invocations, before: found.before, scripts };
}) satisfies PageLoad;
