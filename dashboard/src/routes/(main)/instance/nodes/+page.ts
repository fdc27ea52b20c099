import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ depends }) => {
	depends('pc:nodes');
	return ok(api.GET('/api/v1/nodes'));
}) satisfies PageLoad;
