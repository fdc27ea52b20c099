import { page } from '$app/state';

/**
 * Whether whoever is signed in has a capability, on the instance or in the app that the page is about. The names are
 * those of docs/guides/people.md. What one may not do is not shown:
 *
 *     {#if can('scripts:deploy')}<Button …>{/if}
 */
export function can(capability: string): boolean {
	const { me, app } = page.data;
	return Boolean(me?.capabilities.includes(capability) || app?.capabilities?.includes(capability));
}
