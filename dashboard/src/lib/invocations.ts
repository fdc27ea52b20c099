import type { Invocation } from '#lib/api/index.ts';

/** What an outcome is called, and its tone. */
export const outcomes: Record<string, { label: string; tone: 'ok' | 'warn' | 'bad' | 'neutral' }> = {
	ok: { label: 'ok', tone: 'ok' },
	error: { label: 'error', tone: 'bad' },
	limit: { label: 'over a limit', tone: 'bad' },
	timeout: { label: 'too slow', tone: 'warn' },
	cancel: { label: 'canceled', tone: 'neutral' },
};

/** What started an invocation, as a line: 'GET /hello' or 'message'. */
export function causeOf(v: Invocation): string {
	return v.method ? `${v.method} ${v.path ?? ''}` : v.trigger;
}
