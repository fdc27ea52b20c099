/** A value as it is edited: JSON, indented, or base64 of bytes that are no JSON. */
export type Body = { kind: 'json'; text: string } | { kind: 'bytes'; text: string };

/** What the API holds of a value, as text to be edited. */
export function bodyOf(held: { value?: unknown; base64?: string | undefined }): Body {
	if (held.base64 !== undefined) return { kind: 'bytes', text: held.base64 };
	return { kind: 'json', text: JSON.stringify(held.value ?? null, null, 2) };
}

/** What was typed, read: the value, or why it is none. */
export function readBody(body: Body): { value?: unknown; base64?: string; problem?: string } {
	if (body.kind === 'bytes') {
		const compact = body.text.replace(/\s/g, '');
		return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact) ? { base64: compact } : { problem: 'This is not base64.' };
	}
	if (!body.text.trim()) return { problem: 'Enter a JSON value: a text in "quotes", a number, an object…' };
	try {
		return { value: JSON.parse(body.text) as unknown };
	} catch (e) {
		return { problem: `This is not JSON: ${(e as Error).message}` };
	}
}
