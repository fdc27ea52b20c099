import { describe, expect, test } from 'vitest';
import { bytes, duration, plural, relativeTime, shortCount } from './format.ts';

const now = Date.UTC(2026, 10, 25, 12);

test.each([
	[0, 'just now'],
	[-4, 'just now'],
	[-30, '30 seconds ago'],
	[30, 'in 30 seconds'],
	[-60, '1 minute ago'],
	[-3599, '59 minutes ago'],
	[7200, 'in 2 hours'],
	[-86_400, 'yesterday'],
	[-400 * 86_400, 'last year'],
])('%i seconds from now is %s', (seconds, text) => {
	expect(relativeTime(new Date(now + seconds * 1000), now)).toBe(text);
});

describe('amounts', () => {
	test.each([
		[0, '0 B'],
		[1023, '1023 B'],
		[1536, '1.5 KiB'],
		[10 * 1024, '10 KiB'],
		[5 * 1024 ** 4, '5.0 TiB'],
	])('%i bytes are %s', (n, text) => expect(bytes(n)).toBe(text));

	test.each([
		[850_000, '850 µs'],
		[12_400_000, '12.4 ms'],
		[3.2e9, '3.2 s'],
		[245e9, '4 min 5 s'],
		[3720e9, '1 h 2 min'],
	])('%i ns are %s', (n, text) => expect(duration(n)).toBe(text));

	test('counts', () => {
		expect(plural(1, 'script')).toBe('1 script');
		expect(plural(0, 'script')).toBe('0 scripts');
		expect(plural(1200, 'entry', 'entries')).toBe('1,200 entries');
		expect(shortCount(12_345)).toBe('12.3K');
	});
});
