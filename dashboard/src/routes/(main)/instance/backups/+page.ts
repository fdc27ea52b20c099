import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ depends }) => {
	depends('pc:backups');
	return ok(api.GET('/api/v1/backups'));
}) satisfies PageLoad;
