export type ExcerptLine = { number: number; text: string; at: boolean };

/** The lines around line `at` of a source, with tabs as spaces, so that a caret below stands right. */
export function excerpt(source: string, at: number, around = 3): ExcerptLine[] {
	const lines = source.split('\n');
	const from = Math.max(1, at - around);
	return lines.slice(from - 1, at + around).map((text, i) => ({ number: from + i, text: text.replaceAll('\t', '    '), at: from + i === at }));
}

/** How far a caret under `column` (from 1) of a line has to be moved in when its tabs are four spaces. */
export function caretIndent(source: string, line: number, column: number): number {
	const before = [...(source.split('\n')[line - 1] ?? '')].slice(0, Math.max(0, column - 1));
	return before.reduce((n, c) => n + (c === '\t' ? 4 : 1), 0);
}
