import { expect, test } from 'vitest';
import { alone } from './alone.ts';

test('values without neighbours are found, at the ends too', () => {
	expect(alone([1, null, 2, 3, null, 0, null, 4])).toEqual([0, 5, 7]);
	expect(alone([])).toEqual([]);
	expect(alone([null, undefined])).toEqual([]);
});
