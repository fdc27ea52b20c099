import { beforeEach, expect, test } from 'vitest';
import { blank, curlOf, load, readHeaders, remove, save } from './payloads.ts';

let store: Storage;
beforeEach(() => {
	const kept = new Map<string, string>();
	store = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) } as unknown as Storage;
});

test('payloads are kept for each script, by name', () => {
	save(store, 'a', 's', { ...blank('s'), name: 'two' });
	save(store, 'a', 's', { ...blank('s'), name: 'one' });
	save(store, 'a', 's', { ...blank('s'), name: 'two', body: 'new' });
	expect(load(store, 'a', 's').map((p) => [p.name, p.body])).toEqual([
		['one', ''],
		['two', 'new'],
	]);
	expect(load(store, 'a', 'other')).toEqual([]);
	expect(remove(store, 'a', 's', 'one').map((p) => p.name)).toEqual(['two']);
});

test('what is kept and is not ours is left out', () => {
	store.setItem('picloud.payloads.a/s', '[{"name":"x"},null,7]');
	expect(load(store, 'a', 's')).toEqual([]);
	store.setItem('picloud.payloads.a/s', 'not json');
	expect(load(store, 'a', 's')).toEqual([]);
});

test('headers are lines', () => {
	expect(readHeaders('Accept: text/html\n\n X-A :  1 : 2 \nno header\n: x')).toEqual({
		headers: [
			{ name: 'Accept', value: 'text/html' },
			{ name: 'X-A', value: '1 : 2' },
		],
		wrong: ['no header', ': x'],
	});
});

test('curl gets what a shell needs', () => {
	expect(curlOf('http://h:1/', { method: 'GET', path: '/a', headers: '', body: '' })).toBe('curl http://h:1/a');
	expect(curlOf('http://h', { method: 'POST', path: '/a?x=1&y=2', headers: 'A: b', body: `{"it's":1}` })).toBe(`curl -H 'A: b' --data-raw '{"it'\\''s":1}' 'http://h/a?x=1&y=2'`);
	expect(curlOf('http://h', { method: 'DELETE', path: '/a', headers: '', body: '' })).toBe('curl -X DELETE http://h/a');
});
