import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ depends }) => {
	depends('pc:factors');
	const [factors, { passkeys }, { identities }, methods] = await Promise.all([
		ok(api.GET('/api/v1/me/factors')),
		ok(api.GET('/api/v1/me/passkeys')),
		ok(api.GET('/api/v1/me/identities')),
		ok(api.GET('/api/v1/login/methods')),
	]);
	return { factors, passkeys, identities, methods };
}) satisfies PageLoad;
