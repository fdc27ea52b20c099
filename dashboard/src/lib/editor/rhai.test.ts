import { ensureSyntaxTree } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { expect, test } from 'vitest';
import { closing, inText, rhai } from './rhai.ts';

function state(doc: string): EditorState {
	const s = EditorState.create({ doc, extensions: [rhai()] });
	ensureSyntaxTree(s, doc.length, 5000);
	return s;
}

/** The tokens of a source as 'text:kind'. */
function tokens(doc: string): string[] {
	const found: string[] = [];
	const s = state(doc);
	ensureSyntaxTree(s, doc.length, 5000)!.iterate({
		enter: (n) => {
			if (n.node.firstChild === null && n.to > n.from && n.name !== 'Document') found.push(`${doc.slice(n.from, n.to)}:${n.name}`);
		},
	});
	return found;
}

const kinds = (doc: string): Record<string, string> => Object.fromEntries(tokens(doc).map((t) => [t.slice(0, t.lastIndexOf(':')), t.slice(t.lastIndexOf(':') + 1)]));

test('words are what they are used as', () => {
	const k = kinds('fn handle(req) { let x = kv::get("a"); x.len() + req.query; print(true) }');
	expect(k).toMatchObject({ fn: 'keyword', let: 'keyword', '"a"': 'string', true: expect.stringMatching(/atom/) });
	expect(k['handle']).toMatch(/definition|function/i);
	expect(k['kv']).toBe('module');
	expect(k['len']).toBe('function');
	expect(k['query']).toBe('propertyName');
});

test('comments nest', () => {
	const s = state('/* a /* b */ still */ let x');
	expect(inText(s, 14)).toBe(true);
	expect(inText(s, 24)).toBe(false);
});

test('texts in backticks hold code, which holds texts', () => {
	const doc = 'let a = `x ${ f(`y ${b} {`) + #{ c: "}" }.c } z`; d';
	const s = state(doc);
	expect(inText(s, doc.indexOf('x') + 1)).toBe(true);
	expect(inText(s, doc.indexOf('f(') + 1)).toBe(false);
	expect(inText(s, doc.indexOf('y') + 1)).toBe(true);
	expect(inText(s, doc.indexOf('b}') + 1)).toBe(false);
	expect(inText(s, doc.indexOf('.c') + 2)).toBe(false);
	expect(inText(s, doc.indexOf(' z') + 2)).toBe(true);
	expect(inText(s, doc.length)).toBe(false);
});

test('texts end where they end', () => {
	for (const [text, open] of [
		['"a\\"b" x', false],
		['"a\\\nb" x', false],
		['"never closed\nlet x', false],
		['#"raw \\ " still"# x', false],
		['#"raw', true],
		["'\\'' x", false],
		['`two `` of them', true],
		['`several\nlines` x', false],
	] as const) {
		expect([text, inText(state(text), text.length)]).toEqual([text, open]);
	}
});

test('numbers do not swallow ranges and methods', () => {
	expect(tokens('0..10').map((t) => t.split(':')[0])).toEqual(['0', '..', '10']);
	expect(kinds('1_000.5e-3 + 0xff').hasOwnProperty('1_000.5e-3')).toBe(true);
	expect(tokens('3.abs()')[0]).toMatch(/^3:/);
});

test('a block is folded to its own end', () => {
	const doc = 'fn f() { if a { "}" } /* } */ `}${ #{} }` }\nlet b = 1;';
	expect(closing(state(doc), doc.indexOf('{'))).toBe(doc.indexOf('\n') - 1);
});
