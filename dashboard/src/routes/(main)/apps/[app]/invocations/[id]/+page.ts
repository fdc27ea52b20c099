import { ApiError, api, ok } from '#lib/api/index.ts';
import type { PageLoad } from './$types.d.ts';

export const load = (async ({ params: { app, id }, depends }) => {
	depends('pc:records');
	const [invocation, { lines, before }] = await Promise.all([
		ok(api.GET('/api/v1/apps/{app}/invocations/{id}', { params: { path: { app, id } } })),
		ok(api.GET('/api/v1/apps/{app}/logs', { params: { path: { app }, query: { invocation: id, limit: 1000 } } })),
	]);
	return { invocation, lines: lines.toReversed(), older: before !== undefined, source: await sourceOf(app, invocation.script, invocation.version) };
}) satisfies PageLoad;

/** The text of the version that ran; undefined when the script is gone, or may not be read. */
async function sourceOf(app: string, script: string, version: number): Promise<string | undefined> {
	try {
		return (await ok(api.GET('/api/v1/apps/{app}/scripts/{script}/source', { params: { path: { app, script }, query: { version } } }))).source;
	} catch (e) {
		if (e instanceof ApiError && (e.code === 'not_found' || e.code === 'forbidden')) return undefined;
		throw e;
	}
}
