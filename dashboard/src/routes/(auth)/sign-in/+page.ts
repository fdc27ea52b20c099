import { redirect } from '@sveltejs/kit';
import { ApiError, api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async () => {
	try {
		return { methods: await ok(api.GET('/api/v1/login/methods')) };
	} catch (e) {
		if (e instanceof ApiError && e.code === 'setup_required') redirect(303, '/setup');
		throw e;
	}
}) satisfies PageLoad;
