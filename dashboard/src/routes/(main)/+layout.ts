import { redirect } from '@sveltejs/kit';
import { ApiError, api, ok } from '#lib/api/index.ts';
import type { LayoutLoad } from './$types.d.ts';

/** Who is signed in, and the apps that they see. Who is not is led to where they can. */
export const load = (async ({ url, depends }) => {
	depends('pc:me', 'pc:apps');
	try {
		const [me, { apps }] = await Promise.all([ok(api.GET('/api/v1/me')), ok(api.GET('/api/v1/apps'))]);
		return { me, apps };
	} catch (e) {
		if (e instanceof ApiError && e.code === 'unauthenticated') redirect(303, '/sign-in?return=' + encodeURIComponent(url.pathname + url.search));
		if (e instanceof ApiError && e.code === 'setup_required') redirect(303, '/setup');
		throw e;
	}
}) satisfies LayoutLoad;
