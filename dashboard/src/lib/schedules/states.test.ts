import { expect, test } from 'vitest';
import { lateness } from './states.ts';

test('lateness is told in a unit that fits', () => {
	expect([undefined, 0, 12.4, 999, 1500, 65_000, 5_400_000].map(lateness)).toEqual(['', '0 ms', '12 ms', '999 ms', '1.5 s', '1 min', '1.5 h']);
});
