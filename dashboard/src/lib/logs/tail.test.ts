import { expect, test } from 'vitest';
import { Tail } from './tail.ts';

const lines = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test('keeps the last lines', () => {
	const tail = new Tail<number>(100);
	for (let i = 0; i < 1000; i += 7) tail.push(lines(i, i + 7));
	expect(tail.shown.length).toBe(100);
	expect(tail.shown.at(-1)).toBe(1000);
	expect(tail.shown[0]).toBe(901);
});

test('what comes while it is held waits, in order, and is counted', () => {
	const tail = new Tail<number>(10);
	tail.push([1, 2, 3]);
	tail.hold();
	expect(tail.push([4, 5])).toBe(false);
	expect(tail.shown).toEqual([1, 2, 3]);
	expect(tail.waiting).toBe(2);
	tail.push(lines(6, 26));
	expect(tail.waiting).toBe(22);
	tail.release();
	expect(tail.shown).toEqual(lines(16, 26));
	expect(tail.waiting).toBe(0);
	expect(tail.push([26])).toBe(true);
});

test('nothing changes nothing', () => {
	const tail = new Tail<number>(3);
	expect(tail.push([])).toBe(false);
	tail.hold();
	tail.push([1]);
	tail.clear();
	tail.release();
	expect(tail.shown).toEqual([]);
});
