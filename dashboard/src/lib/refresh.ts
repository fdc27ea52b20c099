import { invalidate } from '$app/navigation';

/**
 * Loads what depends on `what` anew every so often while the page is seen, and
 * when one comes back to it. To be called in an effect: it returns what ends it.
 */
export function refreshEvery(ms: number, what: `${string}:${string}`): () => void {
	const refresh = (): void => void (document.visibilityState === 'visible' && invalidate(what));
	const timer = setInterval(refresh, ms);
	document.addEventListener('visibilitychange', refresh);
	return () => {
		clearInterval(timer);
		document.removeEventListener('visibilitychange', refresh);
	};
}
