/** The filters of the audit log that a page's address holds. */
export function auditQuery(search: URLSearchParams): Record<string, string | number | boolean> {
	const query: Record<string, string | number | boolean> = { limit: 50 };
	for (const name of ['user', 'action', 'target', 'app']) {
		const value = search.get(name);
		if (value) query[name] = value;
	}
	if (search.get('failed') === 'true') query['failed'] = true;
	const before = Number(search.get('before'));
	if (Number.isSafeInteger(before) && before > 0) query['before'] = before;
	return query;
}
