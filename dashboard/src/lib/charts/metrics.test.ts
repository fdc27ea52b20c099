import { expect, test } from 'vitest';
import type { Schema } from '#lib/api/index.ts';
import { spanOf, spanQuery, steps } from './metrics.ts';

test('a span ends at the step that is not over yet', () => {
	expect(spanQuery('hour', Date.UTC(2026, 10, 25, 3, 7, 30))).toEqual({ from: '2026-11-25T02:08:00.000Z', to: '2026-11-25T03:08:00.000Z', step: 60 });
	expect(spanOf('week')).toBe('week');
	expect(spanOf('century')).toBe('hour');
});

test('steps fills what is empty', () => {
	const m = { from: '2026-11-25T03:00:00Z', to: '2026-11-25T03:04:00Z', step_seconds: 60, points: [{ at: '2026-11-25T03:02:00Z', runs: 5 }] } as unknown as Schema<'Metrics'>;
	const { times, points } = steps(m);
	expect(times.length).toBe(4);
	expect(times[1]! - times[0]!).toBe(60);
	expect(points.map((p) => p?.runs)).toEqual([undefined, undefined, 5, undefined]);
});
