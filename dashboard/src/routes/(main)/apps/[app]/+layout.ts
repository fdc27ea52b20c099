import { api, ok } from '#lib/api/index.ts';
import { rememberApp } from '#lib/navigation.ts';
import type { LayoutLoad } from './$types.d.ts';

/** The app of the address, with what whoever is signed in may do in it: see can() of lib/permissions.ts. */
export const load = (async ({ params, depends }) => {
	depends('pc:app');
	const app = await ok(api.GET('/api/v1/apps/{app}', { params: { path: { app: params.app } } }));
	rememberApp(app.name);
	return { app };
}) satisfies LayoutLoad;
