import { api, ok } from '#lib/api/index.ts';
import type { LayoutLoad } from './$types.d.ts';

export const load = (async ({ params: { app, script }, depends }) => {
	depends('pc:script');
	return { script: await ok(api.GET('/api/v1/apps/{app}/scripts/{script}', { params: { path: { app, script } } })), wide: true };
}) satisfies LayoutLoad;
