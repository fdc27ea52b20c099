// The editor itself. It is large: load it with import() when it is needed.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { codeFolding, foldGutter, foldKeymap, indentOnInput } from '@codemirror/language';
import { forceLinting, linter, lintGutter, lintKeymap } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers, rectangularSelection } from '@codemirror/view';
import type { Diagnostic } from '#lib/api/problem.ts';
import { complete, hoverDocs } from './complete.ts';
import type { Library } from './definitions.ts';
import { marksOf, positionOf } from './diagnostics.ts';
import { rhai } from './rhai.ts';

/** How long nothing must be typed before the source is checked, in milliseconds. */
const checkDelay = 350;

const look = EditorView.theme({
	'&': { height: '100%', fontSize: '13px', backgroundColor: 'var(--bg)', color: 'var(--ink)' },
	'&.cm-focused': { outline: 'none' },
	'.cm-scroller': { fontFamily: 'var(--font-mono, ui-monospace, monospace)', lineHeight: '1.6' },
	'.cm-content': { padding: '8px 0', caretColor: 'var(--ink)' },
	'.cm-gutters': { backgroundColor: 'var(--bg)', color: 'var(--faint)', border: 'none' },
	'.cm-lineNumbers .cm-gutterElement': { padding: '0 6px 0 10px', minWidth: '34px' },
	'.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
	'.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
	'.cm-cursor': { borderLeftColor: 'var(--ink)' },
	'.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--line-strong)' },
	'.cm-foldPlaceholder': { backgroundColor: 'var(--hover)', border: '1px solid var(--line)', color: 'var(--muted)' },
	'.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--line)', borderRadius: '8px', boxShadow: 'var(--shadow)', color: 'var(--ink)', overflow: 'hidden' },
	'.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--font-mono, ui-monospace, monospace)', fontSize: '12.5px' },
	'.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px' },
	'.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--ink)' },
	'.cm-completionDetail': { color: 'var(--faint)', fontStyle: 'normal' },
	'.cm-completionInfo': { padding: '6px 10px', maxWidth: '340px', whiteSpace: 'pre-wrap' },
	'.cm-diagnostic': { padding: '4px 10px' },
	'.cm-panels': { backgroundColor: 'var(--surface)', color: 'var(--ink)' },
	'.rhai-doc': { padding: '6px 10px', maxWidth: '420px', fontFamily: 'var(--font-sans)' },
	'.rhai-doc code': { display: 'block', fontWeight: '600' },
	'.rhai-doc p': { color: 'var(--muted)', margin: '0 0 4px', whiteSpace: 'pre-wrap' },
	'.cm-deletedChunk': { backgroundColor: 'var(--bad-soft)' },
	'.cm-changedLine': { backgroundColor: 'var(--ok-soft) !important' },
	'.cm-insertedLine, .cm-changedText': { background: 'none !important', textDecoration: 'underline 2px var(--ok)', textUnderlineOffset: '3px' },
	'.cm-deletedText, .cm-deletedLine del': { background: 'none !important', textDecoration: 'underline 2px var(--bad)', textUnderlineOffset: '3px' },
});

export type EditorOptions = {
	parent: HTMLElement;
	label: string;
	source: string;
	readonly: boolean;
	library: () => Library;
	/** Checks the source, as it is typed; absent for one that is only read. */
	check?: (source: string) => Promise<Diagnostic[]>;
	onchange?: (source: string) => void;
	/** Shows the source as a change of this one. */
	original?: string;
};

function basics(o: EditorOptions): Extension[] {
	return [
		lineNumbers(),
		highlightSpecialChars(),
		foldGutter({ openText: '⌄', closedText: '›' }),
		codeFolding(),
		drawSelection(),
		rectangularSelection(),
		highlightSelectionMatches(),
		rhai(),
		look,
		EditorView.contentAttributes.of({ 'aria-label': o.label }),
		hoverDocs(o.library),
		keymap.of([
			...closeBracketsKeymap, ...defaultKeymap.filter((k) => k.key !== 'Mod-Enter'), // which runs the script
			...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
	];
}

/** What went wrong when the source ran: it stays marked until the source is another. */
type Pinned = { list: Diagnostic[] };

function writing(o: EditorOptions): Extension[] {
	return [
		history(),
		indentOnInput(),
		closeBrackets(),
		highlightActiveLine(),
		highlightActiveLineGutter(),
		autocompletion({ override: [complete(o.library)], icons: false }),
		keymap.of([indentWithTab]),
		EditorView.updateListener.of((u) => u.docChanged && o.onchange?.(u.state.doc.toString())),
	];
}

/** That the server cannot be asked is no fault of the source. */
function checking(check: EditorOptions['check'], pinned: Pinned): Extension[] {
	const look = async (view: EditorView) => {
		const found = check ? await check(view.state.doc.toString()).catch(() => []) : [];
		return marksOf(view.state.doc, [...pinned.list, ...found]);
	};
	const unpin = EditorView.updateListener.of((u) => void (u.docChanged && (pinned.list = [])));
	return [lintGutter(), linter(look, { delay: checkDelay }), unpin];
}

export class SourceEditor {
	readonly view: EditorView;
	#pinned: Pinned = { list: [] };

	constructor(o: EditorOptions) {
		const extensions = [...basics(o), ...(o.readonly ? [EditorState.readOnly.of(true)] : writing(o)), ...checking(o.check, this.#pinned)];
		if (o.original !== undefined) extensions.push(unifiedMergeView({ original: o.original, mergeControls: false, gutter: true }));
		this.view = new EditorView({ parent: o.parent, state: EditorState.create({ doc: o.source, extensions }) });
	}

	/** Replaces the source, where it is another. */
	set source(text: string) {
		const { doc } = this.view.state;
		if (doc.toString() !== text) this.view.dispatch({ changes: { from: 0, to: doc.length, insert: text } });
	}

	/** Goes to a place, and marks what went wrong there if that is said. */
	reveal(line: number, column = 1, message = ''): void {
		const pos = positionOf(this.view.state.doc, line, column);
		this.view.dispatch({ selection: { anchor: pos }, effects: EditorView.scrollIntoView(pos, { y: 'center' }) });
		this.#pinned.list = message ? [{ message, line, column }] : [];
		forceLinting(this.view);
		this.view.focus();
	}

	destroy(): void {
		this.view.destroy();
	}
}
