import { redirect } from '@sveltejs/kit';
import { homeApp } from '#lib/navigation.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ parent }) => {
	const app = homeApp((await parent()).apps);
	redirect(307, app ? `/apps/${app}` : '/apps');
}) satisfies PageLoad;
