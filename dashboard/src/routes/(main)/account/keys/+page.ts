import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ depends }) => {
	depends('pc:keys');
	return ok(api.GET('/api/v1/keys'));
}) satisfies PageLoad;
