import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

/** A page of versions, and the sources of the one that is looked at and of the one that it is compared with. */
export const load = (async ({ params: { app, script }, url, depends }) => {
	depends('pc:versions');
	const path = { app, script };
	const before = Number(url.searchParams.get('before')) || undefined;
	const list = await ok(api.GET('/api/v1/apps/{app}/scripts/{script}/versions', { params: { path, query: { before, limit: 50 } } }));
	const source = (version: number) => ok(api.GET('/api/v1/apps/{app}/scripts/{script}/source', { params: { path, query: { version } } }));
	const chosen = Number(url.searchParams.get('v')) || list.live;
	const base = Number(url.searchParams.get('with')) || (chosen === list.live ? Math.max(1, chosen - 1) : list.live);
	const [looked, compared] = await Promise.all([source(chosen), source(base)]);
	return { list, looked, compared };
}) satisfies PageLoad;
