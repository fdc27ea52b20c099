import { accountPlaces, appPlaces, homeApp, instancePlaces, type Place } from '#lib/navigation.ts';

/** The places that somebody may see: in the app that is open (or was last), of the instance, and their own. */
export function places(data: App.PageData): Place[] {
	const has = (list: string[] | undefined, p: Place): boolean => !p.capability || Boolean(list?.includes(p.capability));
	// Of an app that is not open nothing is known but that its overview is there.
	const inApp = data.app ? appPlaces.filter((p) => has(data.app?.capabilities, p)) : appPlaces.slice(0, homeApp(data.apps ?? []) ? 1 : 0);
	return [...inApp, ...[...instancePlaces, ...accountPlaces].filter((p) => has(data.me?.capabilities, p))];
}

/** Where a place is. */
export function pathOf(place: Place, data: App.PageData): string {
	if (!appPlaces.includes(place)) return place.path;
	return `/apps/${data.app?.name ?? homeApp(data.apps ?? []) ?? ''}${place.path}`;
}
