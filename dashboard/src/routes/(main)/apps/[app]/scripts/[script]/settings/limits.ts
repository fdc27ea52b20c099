import type { Schema } from '#lib/api/index.ts';

type Limits = Schema<'Limits'>;

/** A limit with its unit, in which it is shown and typed, and what holds where a script asks for nothing. */
export type Limit = { key: keyof Limits; label: string; unit: string; per: number; standard: number };

const MiB = 1 << 20;

/** The limits of a script, in the order of the form. The standards are those of docs/scripts.md. */
export const limits: Limit[] = [
	{ key: 'wall_time_ms', label: 'Time for a request', unit: 's', per: 1000, standard: 10_000 },
	{ key: 'event_wall_time_ms', label: 'Time for an event', unit: 's', per: 1000, standard: 60_000 },
	{ key: 'operations', label: 'Operations', unit: 'million', per: 1e6, standard: 50e6 },
	{ key: 'memory_bytes', label: 'Memory', unit: 'MiB', per: MiB, standard: 64 * MiB },
	{ key: 'request_bytes', label: 'Body of a request', unit: 'MiB', per: MiB, standard: 4 * MiB },
	{ key: 'response_bytes', label: 'Body of an answer', unit: 'MiB', per: MiB, standard: 8 * MiB },
	{ key: 'log_bytes', label: 'Log of a run', unit: 'KiB', per: 1024, standard: 256 * 1024 },
	{ key: 'string_bytes', label: 'One text', unit: 'MiB', per: MiB, standard: 8 * MiB },
	{ key: 'array_items', label: 'Items of an array', unit: '', per: 1, standard: 1 << 20 },
	{ key: 'map_entries', label: 'Entries of a map', unit: '', per: 1, standard: 256 << 10 },
	{ key: 'call_depth', label: 'Nested calls', unit: '', per: 1, standard: 128 },
	{ key: 'expr_depth', label: 'Nested expressions', unit: '', per: 1, standard: 64 },
	{ key: 'concurrency', label: 'Runs at once', unit: '', per: 1, standard: 64 },
	{ key: 'queue', label: 'Runs that wait', unit: '', per: 1, standard: 256 },
];

/** Limits as they are typed: '' where the standard holds. */
export function typed(l: Limits | undefined): Record<string, string> {
	return Object.fromEntries(limits.map(({ key, per }) => [key, l?.[key] ? String(l[key]! / per) : '']));
}

/** The limits that were typed. A text that is no number above 0 is told by its limit. */
export function read(text: Record<string, string>): { limits: Limits; wrong: string[] } {
	const found: Limits = {};
	const wrong: string[] = [];
	for (const { key, per } of limits) {
		const raw = String(text[key] ?? '').trim().replace(',', '.');
		if (!raw) continue;
		const n = Math.round(Number(raw) * per);
		if (Number.isFinite(n) && n > 0) found[key] = n;
		else wrong.push(key);
	}
	return { limits: found, wrong };
}
