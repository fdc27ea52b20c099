import { bytes, count } from './format.ts';

/** What the quotas are called, and how an amount of each is written. */
export const quotaKinds: Record<string, { label: string; about: string; write: (n: number) => string; unit: 'bytes' | 'count' }> = {
	operations: { label: 'Operations a day', about: 'of all runs together, since midnight UTC', write: count, unit: 'count' },
	calls: { label: 'Outbound calls a day', about: 'since midnight UTC', write: count, unit: 'count' },
	events: { label: 'Waiting events', about: 'that wait for a script, or are run', write: count, unit: 'count' },
	data: { label: 'Data', about: 'keys and values', write: bytes, unit: 'bytes' },
	files: { label: 'Files', about: 'what scripts and people stored', write: bytes, unit: 'bytes' },
};

const factors: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Reads an amount as people type it: '10,000', '1.5 GiB', '200M'. undefined when it is none. */
export function readAmount(text: string, unit: 'bytes' | 'count'): number | undefined {
	const m = /^([0-9][0-9,_ ]*(?:\.[0-9]+)?)\s*([KMGT]?)(?:iB|B)?$/i.exec(text.trim());
	if (!m) return undefined;
	const letter = m[2]!.toUpperCase();
	const base = unit === 'bytes' ? factors[letter]! : { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }[letter]!;
	const n = Math.round(Number(m[1]!.replace(/[,_ ]/g, '')) * base);
	return Number.isSafeInteger(n) ? n : undefined;
}
