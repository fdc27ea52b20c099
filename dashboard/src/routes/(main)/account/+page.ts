import { api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async () => ({ factors: await ok(api.GET('/api/v1/me/factors')) })) satisfies PageLoad;
