import { describe, expect, test } from 'vitest';
import type { Schema } from '#lib/api/index.ts';
import { browserName, changesOf, qrPath } from './words.ts';

describe('browserName', () => {
	test('knows the browsers that pretend to be others', () => {
		expect(browserName('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0')).toBe('Edge on Windows');
		expect(browserName('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15')).toBe('Safari on macOS');
		expect(browserName('Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36')).toBe('Chrome on Android');
	});
	test('says what it does not know', () => {
		expect(browserName('curl/8.0')).toBe('curl');
		expect(browserName('something else')).toBe('something else');
		expect(browserName('')).toBe('An unknown program');
	});
});

test('qrPath draws the dark modules of each row', () => {
	expect(qrPath('000\n010\n011\n')).toEqual({ size: 3, path: 'M1 1h1v1h-1zM1 2h2v1h-2z' });
	expect(qrPath('')).toEqual({ size: 0, path: '' });
});

test('changesOf lists what differs', () => {
	const entry = { before: { role: 'member', email: 'a@example.com' }, after: { role: 'admin', email: 'a@example.com', tags: ['x'] } } as unknown as Schema<'AuditEntry'>;
	expect(changesOf(entry)).toEqual([
		{ field: 'role', before: 'member', after: 'admin' },
		{ field: 'tags', before: '', after: '["x"]' },
	]);
	expect(changesOf({} as Schema<'AuditEntry'>)).toEqual([]);
});
