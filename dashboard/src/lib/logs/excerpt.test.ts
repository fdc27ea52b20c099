import { expect, test } from 'vitest';
import { caretIndent, excerpt } from './excerpt.ts';

const source = 'one\n\ttwo\nthree\nfour\nfive\nsix\nseven';

test('excerpt shows the lines around one', () => {
	expect(excerpt(source, 2, 1)).toEqual([
		{ number: 1, text: 'one', at: false },
		{ number: 2, text: '    two', at: true },
		{ number: 3, text: 'three', at: false },
	]);
	expect(excerpt(source, 7).map((l) => l.number)).toEqual([4, 5, 6, 7]);
	expect(excerpt(source, 99)).toEqual([]);
});

test('the caret stands under its column', () => {
	expect(caretIndent(source, 2, 2)).toBe(4);
	expect(caretIndent(source, 3, 1)).toBe(0);
	expect(caretIndent('"ä𝒳" x', 1, 6)).toBe(5);
	expect(caretIndent(source, 99, 5)).toBe(0);
});
