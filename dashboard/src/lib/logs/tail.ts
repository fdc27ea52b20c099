/**
 * What a live view shows of lines that come faster than anyone reads: the last
 * `keep` of them. While it is held, what comes waits, and no more than `keep` of
 * that either.
 */
export class Tail<Line> {
	readonly keep: number;
	#shown: Line[] = [];
	#waiting: Line[] = [];
	#held = false;
	#missed = 0;

	constructor(keep: number) {
		this.keep = keep;
	}

	get shown(): readonly Line[] {
		return this.#shown;
	}
	get held(): boolean {
		return this.#held;
	}
	/** How many lines came while it was held. */
	get waiting(): number {
		return this.#waiting.length + this.#missed;
	}

	/** Takes lines in, and reports whether what is shown has changed. */
	push(lines: readonly Line[]): boolean {
		if (lines.length === 0) return false;
		if (this.#held) {
			const all = this.#waiting.concat(lines);
			this.#missed += Math.max(0, all.length - this.keep);
			this.#waiting = all.slice(-this.keep);
			return false;
		}
		this.#shown = this.#shown.concat(lines).slice(-this.keep);
		return true;
	}

	hold(): void {
		this.#held = true;
	}

	/** Shows what waited, and everything from now on. */
	release(): void {
		this.#held = false;
		this.#missed = 0;
		const waited = this.#waiting;
		this.#waiting = [];
		this.push(waited);
	}

	clear(): void {
		this.#shown = [];
		this.#waiting = [];
		this.#missed = 0;
	}
}
