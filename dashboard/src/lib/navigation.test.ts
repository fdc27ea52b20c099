import { expect, test } from 'vitest';
import { safeReturn } from './navigation.ts';

test.each([
	['/apps/a/scripts?x=1', '/apps/a/scripts?x=1'],
	[null, '/'],
	['https://evil.example', '/'],
	['//evil.example', '/'],
	['/\\evil.example', '/'],
	['/sign-in?return=/', '/'],
	['javascript:alert(1)', '/'],
])('after signing in, %s leads to %s', (wanted, to) => expect(safeReturn(wanted)).toBe(to));
