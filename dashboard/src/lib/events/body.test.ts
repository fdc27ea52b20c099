import { expect, test } from 'vitest';
import { bodyOf, readBody } from './body.ts';

test('a value goes out and comes back', () => {
	for (const value of [null, 0, 'text', [1, 2], { a: { b: true } }]) expect(readBody(bodyOf({ value }))).toEqual({ value });
	expect(readBody(bodyOf({ base64: 'AAEC' }))).toEqual({ base64: 'AAEC' });
});

test('what is wrong is said', () => {
	expect(readBody({ kind: 'json', text: '{' }).problem).toMatch(/^This is not JSON/);
	expect(readBody({ kind: 'json', text: ' ' }).problem).toMatch(/^Enter a JSON value/);
	expect(readBody({ kind: 'bytes', text: 'a' }).problem).toBe('This is not base64.');
	expect(readBody({ kind: 'bytes', text: 'AA EC\nAA==' })).toEqual({ base64: 'AAECAA==' });
});
