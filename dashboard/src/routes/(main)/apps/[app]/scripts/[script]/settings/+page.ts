import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

/** The source comes along: a deploy of other settings is one of the same source. */
export const load = (async ({ params: { app, script }, depends }) => {
	depends('pc:source');
	return { live: await ok(api.GET('/api/v1/apps/{app}/scripts/{script}/source', { params: { path: { app, script } } })) };
}) satisfies PageLoad;
