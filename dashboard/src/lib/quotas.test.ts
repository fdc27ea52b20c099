import { expect, test } from 'vitest';
import { readAmount } from './quotas.ts';

test('amounts are read as people type them', () => {
	expect(readAmount('10,000', 'count')).toBe(10_000);
	expect(readAmount('5M', 'count')).toBe(5_000_000);
	expect(readAmount('1.5 GiB', 'bytes')).toBe(1_610_612_736);
	expect(readAmount('200m', 'bytes')).toBe(209_715_200);
	expect(readAmount('0', 'bytes')).toBe(0);
	for (const bad of ['', 'many', '-1', '1e3', '5 apples', '99999999999T']) expect(readAmount(bad, 'count')).toBeUndefined();
});
