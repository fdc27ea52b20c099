import { api, ok } from '#lib/api/index.ts';
import { readDefinitions, type Library } from './definitions.ts';

let loaded: Promise<Library> | undefined;

/** What scripts can call, asked for once. Without it the editor works, and completes less. */
export function loadLibrary(): Promise<Library> {
	loaded ??= ok(api.GET('/api/v1/definitions')).then((d) => readDefinitions(d.files));
	loaded.catch(() => (loaded = undefined));
	return loaded;
}
