import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState, Text } from '@codemirror/state';
import { expect, test } from 'vitest';
import { complete, describe as describeAt } from './complete.ts';
import { ownFunctions, ownVariables, readDefinitions } from './definitions.ts';
import { marksOf, positionOf } from './diagnostics.ts';
import { rhai } from './rhai.ts';

const library = readDefinitions([
	{ name: 'kv.d.rhai', text: 'module kv;\n\n/// the value of a key, or ()\nfn get(text: String) -> ?;\n\n/// … or what is given instead\nfn get(text: String, value: ?) -> ?;\n\nmodule deep {\n\t/// inside\n\tfn dig() -> ?;\n}\n' },
	{ name: '__static__.d.rhai', text: 'module static;\n\n/// the length\nfn len(text: String) -> ?;\n\nfn get body(request: request) -> ?;\n\nfn set body(request: request, value: ?) -> ?;\n\nconst PI: float;\n' },
]);

/** The labels that are offered where the bar is. */
function offered(text: string): string[] {
	const pos = text.indexOf('|');
	const state = EditorState.create({ doc: text.replace('|', ''), extensions: [rhai()] });
	return (complete(() => library)(new CompletionContext(state, pos, false))?.options ?? []).map((o) => o.label);
}

test('definitions are read, modules in modules too', () => {
	expect([...library.keys()].sort()).toEqual(['', 'kv', 'kv::deep']);
	expect(library.get('kv')!.map((i) => [i.signature, i.params.length])).toEqual([
		['get(text: String)', 1],
		['get(text: String, value: ?)', 2],
	]);
	expect(library.get('')!.map((i) => [i.name, i.kind])).toEqual([
		['len', 'function'],
		['body', 'property'],
		['PI', 'constant'],
	]);
});

test('what fits the place is offered', () => {
	expect(offered('kv::|')).toEqual(['get']);
	expect(offered('kv::deep::d|')).toEqual(['dig']);
	expect(offered('req.|')).toEqual(['body']);
	expect(offered('x.|')).toEqual(['len']);
	const words = offered('fn total(a, b) { let sum = 0; s| }');
	expect(words).toEqual(expect.arrayContaining(['a', 'b', 'sum', 'total', 'kv', 'switch', 'PI']));
	expect(words).not.toContain('body');
});

test('nothing is offered in texts, comments and numbers', () => {
	expect(offered('"kv::|"')).toEqual([]);
	expect(offered('// kv::|')).toEqual([]);
	expect(offered('|')).toEqual([]);
	expect(offered('`${kv::|}`')).toEqual(['get']);
});

test('what the pointer rests on is described', () => {
	expect(describeAt(library, '', 'kv::get("a")', 5)).toHaveLength(2);
	expect(describeAt(library, '', 'x.len()', 3)[0]?.doc).toBe('the length');
	const source = '/// adds\nfn add(a, b) { a + b }\nadd(1, 2)';
	expect(describeAt(library, source, 'add(1, 2)', 1)[0]).toMatchObject({ signature: 'add(a, b)', doc: 'adds' });
	expect(describeAt(library, '', ' + ', 1)).toEqual([]);
});

test('the names of a source are found', () => {
	expect(ownFunctions('private fn a() {}\nfn b(x, y) {}').map((f) => f.signature)).toEqual(['a()', 'b(x, y)']);
	expect(ownVariables('let a = 1; const B = 2; for (x, i) in y {} let f = |p, q| p;')).toEqual(['a', 'B', 'x', 'i', 'f', 'p', 'q']);
});

test('columns count characters, not halves of them', () => {
	const doc = Text.of(['let s = "😀"; x', 'y']);
	expect(positionOf(doc, 1, 14)).toBe(14); // behind the character that has two units
	expect(positionOf(doc, 2, 1)).toBe(16);
	expect(positionOf(doc, 9, 1)).toBe(doc.length);
	expect(positionOf(doc, 1, 99)).toBe(15);
	expect(marksOf(doc, [{ message: 'm', line: 1, column: 1 }])[0]).toMatchObject({ from: 0, to: 3, severity: 'error' });
});
