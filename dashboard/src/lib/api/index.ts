import type { components } from './schema.d.ts';

export { api, ok, onSignedOut } from './client.ts';
export { ApiError, asApiError, sentence, type Diagnostic, type Problem } from './problem.ts';

type Schemas = components['schemas'];

/** Any type of the API by its name: Schema<'Script'>. */
export type Schema<Name extends keyof Schemas> = Schemas[Name];

export type Me = Schema<'Me'>;
export type AppInfo = Schema<'App'>;
export type Script = Schema<'Script'>;
export type Invocation = Schema<'Invocation'>;
export type LogLine = Schema<'LogLine'>;
export type Version = Schema<'Version'>;
export type Settings = Schema<'Settings'>;
