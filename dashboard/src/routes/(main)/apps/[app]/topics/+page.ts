import { api, ok } from '#lib/api/index.ts';
import { isState } from '#lib/events/states.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, url, depends }) => {
	depends('pc:events');
	const q = url.searchParams;
	const path = { app };
	const state = q.get('state');
	const [{ queues }, { events, before }, { scripts }] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/queues', { params: { path } })),
		ok(
			api.GET('/api/v1/apps/{app}/events', {
				params: { path, query: { limit: 50, before: Number(q.get('before')) || undefined, state: isState(state) ? state : undefined, script: q.get('script') || undefined, source: q.get('source') || undefined } },
			}),
		),
		ok(api.GET('/api/v1/apps/{app}/scripts', { params: { path } })),
	]);
	return { queues, events, before, scripts };
}) satisfies PageLoad;
