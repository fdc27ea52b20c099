import { bracketMatching, foldService, HighlightStyle, indentService, indentUnit, LanguageSupport, StreamLanguage, syntaxHighlighting, syntaxTree, type StreamParser, type StringStream } from '@codemirror/language';
import type { EditorState } from '@codemirror/state';
import { tags as t } from '@lezer/highlight';

/** The words of the language. */
export const keywords = ['let', 'const', 'if', 'else', 'switch', 'do', 'while', 'until', 'loop', 'for', 'in', 'continue', 'break', 'fn', 'private', 'return', 'throw', 'try', 'catch', 'import', 'export', 'as'];
const keyword = new Set(keywords);
const atoms = new Set(['true', 'false']);
const special = new Set(['this', 'global', 'Fn', 'call', 'curry', 'is_def_fn', 'is_def_var', 'is_shared', 'type_of', 'print', 'debug', 'eval', 'exit']);

/**
 * Where the tokenizer is. Code and texts in backticks nest: `a${ `b` }`. A
 * frame of code ends with the brace that ends its interpolation.
 */
type Frame = { in: 'code'; braces: number } | { in: 'ticks' };
export type RhaiState = {
	frames: Frame[];
	/** How many block comments are open. */
	comment: number;
	doc: boolean;
	/** What ends the text that is open over the end of a line: '"', or '"#'… of a raw one. */
	quote: string;
	/** Whether the word that comes is the name of a function that is defined. */
	naming: boolean;
	/** Whether a dot stands before what comes. */
	member: boolean;
};

function start(): RhaiState {
	return { frames: [{ in: 'code', braces: 0 }], comment: 0, doc: false, quote: '', naming: false, member: false };
}

function blockComment(s: StringStream, state: RhaiState): string {
	while (!s.eol()) {
		if (s.match('/*')) state.comment++;
		else if (s.match('*/')) {
			if (--state.comment === 0) break;
		} else s.next();
	}
	return state.doc ? 'docComment' : 'comment';
}

function text(s: StringStream, state: RhaiState): string {
	const raw = state.quote !== '"';
	while (!s.eol()) {
		if (s.match(state.quote)) {
			state.quote = '';
			return 'string';
		}
		const c = s.next();
		if (c === '\\' && !raw) {
			if (s.eol()) return 'string'; // goes on in the next line
			s.next();
		}
	}
	if (!raw) state.quote = ''; // not closed: an error, which the checker tells
	return 'string';
}

function ticks(s: StringStream, state: RhaiState): string {
	if (s.match('${')) {
		state.frames.push({ in: 'code', braces: 0 });
		return 'interpolation';
	}
	while (!s.eol()) {
		if (s.match('${', false)) return 'string';
		const c = s.next();
		if (c === '`') {
			if (s.eat('`')) continue; // two are one of the text
			state.frames.pop();
			return 'string';
		}
		if (c === '\\') s.next();
	}
	return 'string';
}

function brace(s: StringStream, state: RhaiState, frame: { braces: number }): string {
	if (s.eat('{')) {
		frame.braces++;
		return 'brace';
	}
	s.next();
	if (frame.braces === 0 && state.frames.length > 1) {
		state.frames.pop();
		return 'interpolation';
	}
	frame.braces = Math.max(0, frame.braces - 1);
	return 'brace';
}

const number = /^(?:0x[\da-fA-F_]+|0o[0-7_]+|0b[01_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)/;

function word(s: StringStream, state: RhaiState): string | null {
	const w = (s.match(/^[A-Za-z_]\w*/) as RegExpMatchArray)[0];
	const { naming, member } = state;
	state.naming = false;
	state.member = false;
	if (member) return s.match(/^\s*\(/, false) ? 'function' : 'property';
	if (atoms.has(w)) return 'atom';
	if (keyword.has(w)) {
		state.naming = w === 'fn';
		return 'keyword';
	}
	if (naming) return 'definition';
	if (s.match(/^\s*::/, false)) return 'module';
	if (s.match(/^\s*!?\(/, false)) return 'function';
	return special.has(w) ? 'special' : 'variable';
}

function opensText(s: StringStream, state: RhaiState): boolean {
	if (s.eat('`')) {
		state.frames.push({ in: 'ticks' });
		return true;
	}
	const raw = s.match(/^(#+)"/) as RegExpMatchArray | null;
	if (raw) state.quote = '"' + raw[1];
	else if (s.eat('"')) state.quote = '"';
	return state.quote !== '';
}

function code(s: StringStream, state: RhaiState, frame: { braces: number }): string | null {
	if (s.eatSpace()) return null;
	if (s.match(/^\/\/[/!]/)) return s.skipToEnd(), 'docComment';
	if (s.match('//')) return s.skipToEnd(), 'comment';
	if (s.match('/*')) {
		state.doc = s.match(/^\*(?!\/)/) !== null;
		state.comment = 1;
		return blockComment(s, state);
	}
	if (opensText(s, state)) return state.quote ? text(s, state) : 'string';
	if (s.match(/^'(?:\\(?:x..|u.{4}|U.{8}|.)|[^'\\])'/u)) return 'character';
	if (s.match(number)) return 'number';
	if (s.match(/^[A-Za-z_]/, false)) return word(s, state);
	if (s.match('#{')) {
		frame.braces++;
		return 'brace';
	}
	if (s.match(/^[{}]/, false)) return brace(s, state, frame);
	if (s.match(/^[()[\]]/)) return 'bracket';
	if (s.match('..=') || s.match('..')) return 'operator';
	if (s.match(/^\??\./)) return (state.member = true), 'operator';
	if (s.match(/^[-+*/%<>=!&|^?~]+|^::?/)) return 'operator';
	s.next();
	return 'punctuation';
}

/** The tokenizer, line by line. */
export const rhaiParser: StreamParser<RhaiState> = {
	name: 'rhai',
	startState: start,
	copyState: (s) => ({ ...s, frames: s.frames.map((f) => ({ ...f })) }),
	token(s, state) {
		if (state.comment > 0) return blockComment(s, state);
		if (state.quote) return text(s, state);
		const frame = state.frames[state.frames.length - 1]!;
		return frame.in === 'ticks' ? ticks(s, state) : code(s, state, frame);
	},
	languageData: {
		commentTokens: { line: '//', block: { open: '/*', close: '*/' } },
		closeBrackets: { brackets: ['(', '[', '{', '"', '`', "'"] },
		indentOnInput: /^\s*[})\]]$/,
	},
	tokenTable: {
		docComment: t.docComment,
		interpolation: t.special(t.brace),
		brace: t.brace,
		bracket: t.bracket,
		definition: t.definition(t.function(t.variableName)),
		function: t.function(t.variableName),
		property: t.propertyName,
		module: t.namespace,
		special: t.standard(t.variableName),
		variable: t.variableName,
		character: t.character,
		punctuation: t.punctuation,
	},
};

export const rhaiLanguage = StreamLanguage.define(rhaiParser);

/** Indents a line like the one above, and by one step more or less for the brackets between the two. */
const indentation = indentService.of((cx, pos) => {
	const line = cx.lineAt(pos);
	if (line.from === 0 || inText(cx.state, line.from)) return line.from === 0 ? 0 : null;
	const above = cx.lineAt(line.from - 1);
	if (!above.text.trim()) return undefined;
	const opens = /[{([]\s*(?:\/\/.*)?$/.test(above.text) ? cx.unit : 0;
	const closes = /^\s*[})\]]/.test(line.text) ? cx.unit : 0;
	return Math.max(0, cx.lineIndent(above.from) + opens - closes);
});

/** Whether a position is in a text or a comment, where brackets are no brackets and nothing is completed. */
export function inText(state: EditorState, pos: number, side: -1 | 1 = -1): boolean {
	return /string|comment|character/i.test(syntaxTree(state).resolveInner(pos, side).name);
}

/** Folds what is between the last bracket that a line opens and the one that closes it. */
const folding = foldService.of((state, from, to) => {
	for (let at = to - 1; at >= from; at--) {
		const c = state.sliceDoc(at, at + 1);
		if (!'{[('.includes(c) || inText(state, at, 1)) continue;
		const end = closing(state, at);
		if (end > to) return { from: at + 1, to: end };
	}
	return null;
});

/** How far a bracket's partner is looked for. */
const reach = 50_000;

/** The place of the bracket that closes the one at `open`, or -1. */
export function closing(state: EditorState, open: number): number {
	const rest = state.sliceDoc(open, open + reach);
	let depth = 0;
	for (let i = 0; i < rest.length; i++) {
		const step = '{[('.includes(rest[i]!) ? 1 : '}])'.includes(rest[i]!) ? -1 : 0;
		if (step === 0 || inText(state, open + i, 1)) continue;
		depth += step;
		if (depth === 0) return open + i;
	}
	return -1;
}

const colours = HighlightStyle.define([
	{ tag: t.keyword, color: 'var(--code-keyword)' },
	{ tag: [t.string, t.character], color: 'var(--code-string)' },
	{ tag: [t.number, t.atom, t.bool], color: 'var(--code-number)' },
	{ tag: [t.comment, t.docComment], color: 'var(--code-comment)', fontStyle: 'italic' },
	{ tag: [t.function(t.variableName), t.standard(t.variableName)], color: 'var(--code-function)' },
	{ tag: t.definition(t.function(t.variableName)), color: 'var(--code-function)', fontWeight: '600' },
	{ tag: t.namespace, color: 'var(--code-module)' },
	{ tag: t.special(t.brace), color: 'var(--code-number)' },
]);

/** Rhai for the editor, with what belongs to a language. */
export function rhai(): LanguageSupport {
	return new LanguageSupport(rhaiLanguage, [folding, indentation, bracketMatching(), indentUnit.of('    '), syntaxHighlighting(colours)]);
}
