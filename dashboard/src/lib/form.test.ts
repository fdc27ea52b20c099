import { expect, test } from 'vitest';
import { ApiError } from '#lib/api/problem.ts';
import { Form } from './form.svelte.ts';

const invalid = (...pointers: string[]): ApiError =>
	new ApiError({ type: 'about:blank', title: '', status: 422, code: 'invalid', detail: 'no', errors: pointers.map((pointer) => ({ in: 'body', pointer, detail: 'no' })) });

test('an error of a field that is shown goes there only', async () => {
	const form = new Form(['name']);
	expect(await form.run(() => Promise.reject(invalid('#/name')))).toBe(false);
	expect(form.fields).toEqual({ name: 'No.' });
	expect(form.error).toBeUndefined();
});

test('an error of a field that is not shown is not lost', async () => {
	const form = new Form(['name']);
	await form.run(() => Promise.reject(invalid('#/name', '#/other')));
	expect(form.error?.code).toBe('invalid');
});

test('a form that is being sent is not sent twice', async () => {
	const form = new Form();
	let sent = 0;
	let finish = (): void => {};
	const first = form.run(() => new Promise<void>((resolve) => ((finish = resolve), sent++)));
	expect(form.busy).toBe(true);
	expect(await form.run(async () => sent++)).toBe(false);
	finish();
	expect(await first).toBe(true);
	expect([sent, form.busy]).toEqual([1, false]);
});
