import { createSubscriber } from 'svelte/reactivity';

/** How often what says “3 minutes ago” is looked at again. */
const every = 15_000;

const subscribe = createSubscriber((update) => {
	const timer = setInterval(() => document.visibilityState === 'visible' && update(), every);
	return () => clearInterval(timer);
});

/** The time, which in a template or effect goes on by itself. No timer runs while nobody reads it. */
export function now(): number {
	subscribe();
	return Date.now();
}
