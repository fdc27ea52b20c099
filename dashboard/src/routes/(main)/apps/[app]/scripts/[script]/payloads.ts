/** A request that was made up, to be sent to a script. Headers are lines like 'Name: value'. */
export type Payload = { name: string; kind: 'http' | 'message' | 'schedule'; method: string; path: string; topic: string; schedule: string; headers: string; body: string };

/** How many are kept for a script. */
const most = 50;

const keyOf = (app: string, script: string): string => `picloud.payloads.${app}/${script}`;

export function blank(script: string): Payload {
	return { name: '', kind: 'http', method: 'GET', path: `/${script}`, topic: '', schedule: '', headers: '', body: '' };
}

/** The saved payloads of a script, in the order of their names. */
export function load(store: Storage, app: string, script: string): Payload[] {
	try {
		const list: unknown = JSON.parse(store.getItem(keyOf(app, script)) ?? '[]');
		return Array.isArray(list) ? list.filter(isPayload) : [];
	} catch {
		return [];
	}
}

/** Saves a payload; one of the same name is replaced. */
export function save(store: Storage, app: string, script: string, payload: Payload): Payload[] {
	const rest = load(store, app, script).filter((p) => p.name !== payload.name);
	return put(store, app, script, [...rest, payload].sort((a, b) => a.name.localeCompare(b.name)).slice(0, most));
}

export function remove(store: Storage, app: string, script: string, name: string): Payload[] {
	return put(store, app, script, load(store, app, script).filter((p) => p.name !== name));
}

function put(store: Storage, app: string, script: string, list: Payload[]): Payload[] {
	store.setItem(keyOf(app, script), JSON.stringify(list));
	return list;
}

function isPayload(p: unknown): p is Payload {
	const o = p as Record<string, unknown> | null;
	return typeof o === 'object' && o !== null && ['name', 'method', 'path', 'topic', 'schedule', 'headers', 'body'].every((k) => typeof o[k] === 'string') && ['http', 'message', 'schedule'].includes(o['kind'] as string);
}

/** Reads headers from lines. What is no header is told, by its line. */
export function readHeaders(text: string): { headers: { name: string; value: string }[]; wrong: string[] } {
	const headers: { name: string; value: string }[] = [];
	const wrong: string[] = [];
	for (const line of text.split('\n')) {
		if (!line.trim()) continue;
		const m = /^\s*([!#$%&'*+\-.^_`|~\w]+)\s*:\s*(.*?)\s*$/.exec(line);
		if (m) headers.push({ name: m[1]!, value: m[2]! });
		else wrong.push(line.trim());
	}
	return { headers, wrong };
}

/** Quotes a word for a shell. */
function quoted(word: string): string {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The curl line that sends a payload to an address. */
export function curlOf(base: string, p: Pick<Payload, 'method' | 'path' | 'headers' | 'body'>): string {
	const parts = ['curl'];
	const implied = p.body ? 'POST' : 'GET';
	if (p.method !== implied) parts.push('-X', p.method);
	for (const h of readHeaders(p.headers).headers) parts.push('-H', quoted(`${h.name}: ${h.value}`));
	if (p.body) parts.push('--data-raw', quoted(p.body));
	parts.push(quoted(base.replace(/\/$/, '') + p.path));
	return parts.join(' ');
}
