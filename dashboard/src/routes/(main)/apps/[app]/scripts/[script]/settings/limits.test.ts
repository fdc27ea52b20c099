import { expect, test } from 'vitest';
import { read, typed } from './limits.ts';

test('limits are typed in units that people read, and come back as they were', () => {
	const limits = { wall_time_ms: 1500, memory_bytes: 32 << 20, queue: 7 };
	const text = typed(limits);
	expect(text).toMatchObject({ wall_time_ms: '1.5', memory_bytes: '32', queue: '7', operations: '' });
	expect(read(text)).toEqual({ limits, wrong: [] });
});

test('what is no number is told, and not sent', () => {
	expect(read({ queue: 'many', wall_time_ms: '-1', operations: '0', memory_bytes: '1,5' })).toEqual({ limits: { memory_bytes: 1.5 * (1 << 20) }, wrong: ['wall_time_ms', 'operations', 'queue'] });
});
