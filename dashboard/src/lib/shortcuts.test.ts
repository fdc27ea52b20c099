import { beforeEach, expect, test } from 'vitest';
import { shortcuts, type Shortcut } from './shortcuts.svelte.ts';

let ran: string[];
const shortcut = (keys: string): Shortcut => ({ keys, label: keys, group: 'x', run: () => ran.push(keys) });
const key = (k: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent => ({ key: k, target: null, preventDefault: () => {}, ...more }) as KeyboardEvent;

beforeEach(() => {
	ran = [];
	globalThis.HTMLElement ??= class {} as typeof HTMLElement;
	globalThis.Element ??= class {} as typeof Element;
});

test('keys run what they are entered for, one or two after the other', () => {
	const end = shortcuts.add(shortcut('c'), shortcut('g s'), shortcut('Mod+S'));
	shortcuts.handle(key('g'), 1000);
	shortcuts.handle(key('s'), 1500);
	shortcuts.handle(key('c'), 1600);
	shortcuts.handle(key('s', { ctrlKey: true }), 1700);
	shortcuts.handle(key('g'), 2000);
	shortcuts.handle(key('s'), 9000); // too late
	expect(ran).toEqual(['g s', 'c', 'Mod+S']);
	end();
	shortcuts.handle(key('c'), 10_000);
	expect(ran).toHaveLength(3);
});

test('what is entered while another ends stays', () => {
	const end = shortcuts.add(shortcut('a'));
	const other = shortcuts.add(shortcut('b'));
	end();
	expect(shortcuts.list.map((s) => s.keys)).toEqual(['b']);
	other();
	expect(shortcuts.list).toEqual([]);
});

test('the innermost of the same keys counts', () => {
	const ends = [shortcuts.add(shortcut('x')), shortcuts.add({ ...shortcut('x'), run: () => ran.push('inner') })];
	shortcuts.handle(key('x'), 1);
	expect(ran).toEqual(['inner']);
	ends.forEach((end) => end());
});
