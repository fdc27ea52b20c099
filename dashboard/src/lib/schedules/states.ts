type Tone = 'ok' | 'warn' | 'bad' | 'neutral' | 'accent';

/** What the states of a schedule's run are called. */
export const runStates: Record<string, { tone: Tone; about: string }> = {
	waiting: { tone: 'neutral', about: 'It is due, and about to run.' },
	running: { tone: 'accent', about: 'The script is at it.' },
	ok: { tone: 'ok', about: 'The script ran to its end.' },
	failed: { tone: 'bad', about: 'The script failed, as often as it may.' },
	skipped: { tone: 'warn', about: 'The run before was not over yet.' },
	missed: { tone: 'warn', about: 'Nothing ran at the time: the server was down, or the schedule paused.' },
	replaced: { tone: 'warn', about: 'The next run took its place.' },
	dropped: { tone: 'neutral', about: 'Somebody deleted the event.' },
};

/** What the overlap policies do. */
export const overlaps: Record<string, string> = {
	forbid: 'A run that is due while the last one goes on is skipped',
	allow: 'Runs may overlap',
	replace: 'A run that is due ends the last one',
};

/** What happens to runs that were missed. */
export const missedPolicies: Record<string, string> = {
	skip: 'What was missed is left out',
	once: 'What was missed is made up for once',
	all: 'What was missed is made up for, one by one',
};

/** How late a run began, in words; '' when nobody would mind. */
export function lateness(driftMs: number | undefined): string {
	if (driftMs === undefined) return '';
	if (driftMs < 1000) return `${Math.round(driftMs)} ms`;
	if (driftMs < 60_000) return `${(driftMs / 1000).toFixed(1)} s`;
	if (driftMs < 3_600_000) return `${Math.round(driftMs / 60_000)} min`;
	return `${(driftMs / 3_600_000).toFixed(1)} h`;
}
