import { redirect } from '@sveltejs/kit';
import { homeApp } from '#lib/navigation.ts';
import type { PageLoad } from './$types.d.ts';

/** Where the owner of a new instance arrives: at their first script. */
export const load = (async ({ parent }) => {
	const app = homeApp((await parent()).apps);
	redirect(307, app ? `/apps/${app}/scripts/new?first` : '/apps');
}) satisfies PageLoad;
