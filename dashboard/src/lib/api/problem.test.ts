import { expect, test } from 'vitest';
import { ApiError, asApiError, sentence, type Problem } from './problem.ts';

const problem = (more: Partial<Problem>): Problem => ({ type: 'about:blank', title: 'Unprocessable Entity', status: 422, code: 'invalid', detail: 'name: it is taken', ...more });

test('messages become sentences', () => {
	expect(sentence('no app "shop"')).toBe('No app "shop".');
	expect(sentence('Really?')).toBe('Really?');
	expect(sentence('')).toBe('');
});

test('errors of fields are found by their pointers, the first of each', () => {
	const e = new ApiError(
		problem({
			errors: [
				{ in: 'body', pointer: '#/name', detail: 'it is taken' },
				{ in: 'body', pointer: '#/name', detail: 'it is long' },
				{ in: 'body', pointer: '#/scripts/0/source', detail: 'it is empty' },
				{ in: 'query', pointer: 'limit', detail: 'it is too much' },
			],
		}),
	);
	expect(e.fields).toEqual({ name: 'It is taken.', 'scripts/0/source': 'It is empty.', limit: 'It is too much.' });
	expect(e.message).toBe('Name: it is taken.');
});

test('the code says what to do', () => {
	expect(new ApiError(problem({ code: 'forbidden' })).hint).toContain('Ask somebody');
	expect(new ApiError(problem({ code: 'invalid' })).hint).toBe('');
});

test('whatever is thrown can be shown', () => {
	expect(asApiError(new Error('boom')).message).toBe('Boom.');
	expect(asApiError('text').code).toBe('dashboard');
	const e = new ApiError(problem({}));
	expect(asApiError(e)).toBe(e);
});
