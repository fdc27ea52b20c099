import { api, ok, type Invocation, type LogLine, type Schema } from '#lib/api/index.ts';
import { readHeaders, type Payload } from './payloads.ts';

/** What came of a payload that was sent. */
export type Trial = { answer?: Schema<'Invoked'>; published?: number; scheduled?: boolean; invocation?: Invocation; logs: LogLine[] };

/** Runs the live version on a made-up request, and gets its record and log. */
export async function sendRequest(app: string, script: string, p: Payload): Promise<Trial> {
	const body = { method: p.method, path: p.path, headers: readHeaders(p.headers).headers, ...(p.body ? { body: p.body } : {}) };
	const answer = await ok(api.POST('/api/v1/apps/{app}/scripts/{script}/invoke', { params: { path: { app, script } }, body }));
	const id = answer.invocation_id;
	const [invocation, logs] = await Promise.all([
		// Without the right to read records there is still the answer.
		ok(api.GET('/api/v1/apps/{app}/invocations/{id}', { params: { path: { app, id } } })).catch(() => undefined),
		ok(api.GET('/api/v1/apps/{app}/logs', { params: { path: { app }, query: { invocation: id, limit: 1000 } } })).catch(() => ({ lines: [] })),
	]);
	return { answer, invocation, logs: logs.lines.toReversed() };
}

/** Publishes a message on a topic, with the body as JSON where it is some. */
export async function publish(app: string, p: Payload): Promise<Trial> {
	const done = await ok(api.POST('/api/v1/apps/{app}/topics/{topic}/messages', { params: { path: { app, topic: p.topic } }, body: { body: jsonOrText(p.body) } }));
	return { published: done.events, logs: [] };
}

/** Has a schedule run now. */
export async function runSchedule(app: string, script: string, p: Payload): Promise<Trial> {
	await ok(api.POST('/api/v1/apps/{app}/scripts/{script}/schedules/{schedule}/run', { params: { path: { app, script, schedule: p.schedule } } }));
	return { scheduled: true, logs: [] };
}

function jsonOrText(text: string): unknown {
	if (!text.trim()) return null;
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

/** The text of an answer: JSON laid out, anything else as it came. */
export function bodyText(a: Schema<'Invoked'>): string {
	if (a.body_base64) return `${atob(a.body_base64).length} bytes that are no text`;
	const type = a.headers.find((h) => h.name.toLowerCase() === 'content-type')?.value ?? '';
	if (!type.includes('json')) return a.body ?? '';
	try {
		return JSON.stringify(JSON.parse(a.body ?? ''), null, 2);
	} catch {
		return a.body ?? '';
	}
}
