import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app }, depends, parent }) => {
	depends('pc:members');
	const { me } = await parent();
	const [{ members }, users] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/members', { params: { path: { app } } })),
		// Who may list users picks one; others have to know the name.
		me.capabilities.includes('users:read') ? ok(api.GET('/api/v1/users')) : undefined,
	]);
	return { members, users: users?.users };
}) satisfies PageLoad;
