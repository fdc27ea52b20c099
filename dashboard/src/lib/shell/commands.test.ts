import { expect, test } from 'vitest';
import { rank, score } from './commands.ts';

const command = (label: string) => ({ label, kind: 'x', run: () => {} });

test('what begins with the query comes first, then words, then letters in their order', () => {
	const list = ['new-order', 'reorder', 'order', 'overdue reports', 'apps'].map(command);
	expect(rank(list, 'order').map((c) => c.label)).toEqual(['order', 'new-order', 'reorder', 'overdue reports']);
	expect(rank(list, 'ovr').map((c) => c.label)).toEqual(['overdue reports']);
});

test('without a query everything stays in its order', () => {
	expect(rank(['b', 'a'].map(command), ' ').map((c) => c.label)).toEqual(['b', 'a']);
});

test('letters that are not there do not fit', () => {
	expect(score('scripts', 'sz')).toBe(0);
});
