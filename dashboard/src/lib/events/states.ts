/** What the states of an event are called. */
export const states = {
	waiting: { label: 'waiting', tone: 'neutral', about: 'It is run when it is due.' },
	blocked: { label: 'blocked', tone: 'neutral', about: 'It waits behind an earlier one with the same key.' },
	dead: { label: 'dead', tone: 'bad', about: 'It was tried too often, and is kept until somebody looks at it.' },
} as const;

export type EventState = keyof typeof states;

export function isState(s: string | null): s is EventState {
	return s !== null && s in states;
}
