const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });
const units: [Intl.RelativeTimeFormatUnit, number][] = [
	['year', 31_536_000],
	['month', 2_592_000],
	['week', 604_800],
	['day', 86_400],
	['hour', 3600],
	['minute', 60],
];

/** A time as people say it: '3 minutes ago', 'in 2 hours', 'just now'. */
export function relativeTime(at: Date, now: number): string {
	const seconds = Math.round((at.getTime() - now) / 1000);
	for (const [unit, length] of units) {
		if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
	}
	if (seconds > 5) return `in ${seconds} seconds`;
	return seconds < -5 ? `${-seconds} seconds ago` : 'just now';
}

/** A time to the second, with its zone. */
export function exactTime(at: Date): string {
	return at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
}

/** 1536 as '1.5 KiB'. */
export function bytes(n: number): string {
	if (n < 1024) return `${n} B`;
	let value = n;
	for (const unit of ['KiB', 'MiB', 'GiB', 'TiB']) {
		value /= 1024;
		if (value < 1024 || unit === 'TiB') return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
	}
	return '';
}

/** Nanoseconds as people read them: '850 µs', '12.4 ms', '3.2 s', '4 min 5 s'. */
export function duration(ns: number): string {
	if (ns < 1e6) return `${Math.round(ns / 1e3)} µs`;
	if (ns < 1e9) return `${(ns / 1e6).toFixed(ns < 1e8 ? 1 : 0)} ms`;
	const s = ns / 1e9;
	if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
	return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}

/** 12345 as '12,345'. */
export function count(n: number): string {
	return n.toLocaleString('en-US');
}

/** 12345 as '12.3K', for where there is little room. */
export function shortCount(n: number): string {
	return new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 }).format(n);
}

/** '1 script', '2 scripts'. */
export function plural(n: number, one: string, many = one + 's'): string {
	return `${count(n)} ${n === 1 ? one : many}`;
}
