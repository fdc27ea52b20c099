import type { Diagnostic as Mark } from '@codemirror/lint';
import type { Text } from '@codemirror/state';
import type { Diagnostic } from '#lib/api/problem.ts';

/** The position of a line and a column, which count from 1, the column in characters (not in UTF-16). */
export function positionOf(doc: Text, line: number, column: number): number {
	if (line < 1) return 0;
	if (line > doc.lines) return doc.length;
	const l = doc.line(line);
	const before = [...l.text].slice(0, Math.max(0, column - 1)).join('');
	return Math.min(l.from + before.length, l.to);
}

/** What the checker found, as marks on the word at each place. */
export function marksOf(doc: Text, found: Diagnostic[]): Mark[] {
	return found.map((d) => {
		const from = positionOf(doc, d.line ?? 1, d.column ?? 1);
		const line = doc.lineAt(from);
		const word = /^\w+|^./u.exec(line.text.slice(from - line.from))?.[0] ?? '';
		return { from, to: from + word.length, severity: d.warning ? 'warning' : 'error', message: d.message };
	});
}
