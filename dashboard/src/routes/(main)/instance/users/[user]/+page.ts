import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { user }, depends, parent }) => {
	depends('pc:user');
	const { me } = await parent();
	const path = { user };
	const [person, keys] = await Promise.all([
		ok(api.GET('/api/v1/users/{user}', { params: { path } })),
		me.capabilities.includes('keys:manage') ? ok(api.GET('/api/v1/users/{user}/keys', { params: { path } })) : undefined,
	]);
	return { person, keys: keys?.keys };
}) satisfies PageLoad;
