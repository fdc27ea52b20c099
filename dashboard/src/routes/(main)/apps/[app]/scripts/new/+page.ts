import type { PageLoad } from './$types.d.ts';

export const load = (() => ({ wide: true })) satisfies PageLoad;
