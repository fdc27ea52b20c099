export type Command = { label: string; kind: string; keys?: string; run: () => unknown };

/** How well a query fits a text: the higher the better, 0 when its letters are not there in their order. */
export function score(text: string, query: string): number {
	const t = text.toLowerCase();
	const q = query.toLowerCase().trim();
	if (!q) return 1;
	if (t.startsWith(q)) return 100 - t.length / 100;
	const at = t.indexOf(q);
	if (at >= 0) return (/[^a-z0-9]/.test(t[at - 1] ?? ' ') ? 80 : 60) - t.length / 100;
	let from = 0;
	for (const c of q) {
		from = t.indexOf(c, from) + 1;
		if (from === 0) return 0;
	}
	return 20 - t.length / 100;
}

/** The commands that fit, best first; among equals the order stays. */
export function rank(commands: Command[], query: string): Command[] {
	return commands
		.map((command) => ({ command, score: score(command.label, query) }))
		.filter((c) => c.score > 0)
		.sort((a, b) => b.score - a.score)
		.map((c) => c.command);
}
