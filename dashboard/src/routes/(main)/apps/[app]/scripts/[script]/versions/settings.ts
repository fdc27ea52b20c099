import type { Settings } from '#lib/api/index.ts';

/** Settings as text in a stable order, to be compared. */
export function settingsText(s: Settings): string {
	return JSON.stringify(s, (_, v: unknown) => (isPlain(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => a.localeCompare(b))) : v), 2);
}

function isPlain(v: unknown): v is Record<string, unknown> {
	return typeof v === 'object' && v !== null && !Array.isArray(v);
}
