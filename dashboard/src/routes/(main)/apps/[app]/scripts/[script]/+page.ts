import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app, script }, url, depends }) => {
	depends('pc:source');
	const path = { app, script };
	const failed = url.searchParams.get('error');
	const [source, failure] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/scripts/{script}/source', { params: { path } })),
		failed ? ok(api.GET('/api/v1/apps/{app}/invocations/{id}', { params: { path: { app, id: failed } } })).catch(() => undefined) : undefined,
	]);
	return { live: source, failure };
}) satisfies PageLoad;
