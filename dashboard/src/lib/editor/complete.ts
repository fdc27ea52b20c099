import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { hoverTooltip, type EditorView, type Tooltip } from '@codemirror/view';
import type { Extension } from '@codemirror/state';
import { lookUp, ownFunctions, ownVariables, type Item, type Library } from './definitions.ts';
import { inText, keywords } from './rhai.ts';

const kinds = { function: 'function', property: 'property', constant: 'constant' } as const;

/** One entry of the list for all overloads of a name. */
function entries(items: Item[], boost = 0): Completion[] {
	const byName = Map.groupBy(items, (i) => i.name);
	return [...byName].map(([name, list]) => {
		const first = list[0]!;
		return {
			label: name,
			type: kinds[first.kind],
			detail: first.kind === 'function' ? first.signature.slice(name.length) + (list.length > 1 ? ` +${list.length - 1}` : '') : '',
			info: list.find((i) => i.doc)?.doc,
			apply: first.kind === 'function' ? callOf(name, list) : name,
			boost,
		};
	});
}

/** Puts a call there, with the cursor between the brackets if there is anything to say. */
function callOf(name: string, overloads: Item[]) {
	const empty = overloads.every((i) => i.params.length === 0);
	return (view: EditorView, _: Completion, from: number, to: number): void => {
		const open = view.state.sliceDoc(to, to + 1) === '(';
		const insert = open ? name : name + '()';
		view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + name.length + (open ? 0 : empty ? 2 : 1) }, userEvent: 'input.complete' });
	};
}

/** The members of a value: properties, and functions called with it in front. Of `req` they are those of a request. */
function members(library: Library, receiver: string, own: Item[]): Completion[] {
	const ofRequest = /^(req|request)$/.test(receiver);
	const fits = (i: Item): boolean => i.kind !== 'constant' && i.params.length > 0 && (i.params[0] === 'request') === ofRequest;
	const method = (i: Item): Item => (i.kind === 'property' ? i : { ...i, params: i.params.slice(1), signature: i.signature.replace(/\((?:[^,)]*)(?:,\s*)?/, '(') });
	return entries([...own, ...(library.get('') ?? [])].filter(fits).map(method));
}

/** Completes what a script can call, on the text before the cursor. */
export function complete(library: () => Library) {
	return (cx: CompletionContext): CompletionResult | null => {
		if (inText(cx.state, cx.pos)) return null;
		const before = cx.state.sliceDoc(Math.max(0, cx.pos - 200), cx.pos);
		const word = /\w*$/.exec(before)![0];
		const from = cx.pos - word.length;
		const validFor = /^\w*$/;
		const path = /([A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)::\w*$/.exec(before);
		if (path) return { from, options: entries(library().get(path[1]!) ?? []), validFor };
		const source = cx.state.doc.toString();
		const dot = /([A-Za-z_]\w*)?[\])]?\??\.\w*$/.exec(before);
		if (dot && !/\d\.\w*$/.test(before)) return { from, options: members(library(), dot[1] ?? '', []), validFor };
		if (!word && !cx.explicit) return null;
		return { from, options: words(library(), source), validFor };
	};
}

function words(library: Library, source: string): Completion[] {
	const modules = new Set([...library.keys()].filter(Boolean).map((m) => m.split('::')[0]!));
	return [
		...ownVariables(source).map((label) => ({ label, type: 'variable', boost: 3 })),
		...entries(ownFunctions(source), 2),
		...[...modules].map((label) => ({ label, type: 'namespace', apply: label + '::', detail: '::', boost: 1 })),
		...keywords.map((label) => ({ label, type: 'keyword' })),
		...entries((library.get('') ?? []).filter((i) => i.kind !== 'property'), -1),
	];
}

/** What is told of the word at a position, or nothing. */
export function describe(library: Library, source: string, line: string, column: number): Item[] {
	const start = /\w*$/.exec(line.slice(0, column))!;
	const end = /^\w*/.exec(line.slice(column))![0];
	const name = start[0] + end;
	if (!name) return [];
	const head = line.slice(0, start.index);
	const module = /([A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)::$/.exec(head)?.[1];
	if (module) return lookUp(library, module, name);
	const own = ownFunctions(source).filter((f) => f.name === name);
	if (own.length && !head.endsWith('.')) return own;
	const found = lookUp(library, '', name);
	return head.endsWith('.') ? found.filter((i) => i.params.length > 0) : found.filter((i) => i.kind !== 'property');
}

/** Shows the signatures and the documentation of what the pointer rests on. */
export function hoverDocs(library: () => Library): Extension {
	return hoverTooltip((view, pos): Tooltip | null => {
		if (inText(view.state, pos, 1)) return null;
		const line = view.state.doc.lineAt(pos);
		const items = describe(library(), view.state.doc.toString(), line.text, pos - line.from);
		return items.length ? { pos, above: true, create: () => ({ dom: card(items) }) } : null;
	});
}

/** How many overloads are shown. */
const shown = 4;

function card(items: Item[]): HTMLElement {
	const dom = document.createElement('div');
	dom.className = 'rhai-doc';
	for (const i of items.slice(0, shown)) {
		const code = dom.appendChild(document.createElement('code'));
		code.textContent = i.signature;
		if (i.doc) dom.appendChild(document.createElement('p')).textContent = i.doc;
	}
	if (items.length > shown) dom.appendChild(document.createElement('p')).textContent = `and ${items.length - shown} more`;
	return dom;
}
