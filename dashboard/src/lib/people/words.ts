import type { Schema } from '#lib/api/index.ts';

/** What the roles on the instance allow. */
export const roles = [
	{ value: 'member', label: 'Member', about: 'Sees the apps they belong to.' },
	{ value: 'admin', label: 'Admin', about: 'May do everything in every app, and manage people.' },
	{ value: 'owner', label: 'Owner', about: 'An admin who may also make and unmake owners.' },
] as const;

/** What the roles in an app allow. */
export const appRoles = [
	{ value: 'viewer', label: 'Viewer', about: 'Looks at everything, changes nothing.' },
	{ value: 'editor', label: 'Editor', about: 'Deploys scripts and works with data.' },
	{ value: 'admin', label: 'Admin', about: 'Also manages members, domains and the app itself.' },
] as const;

/** What the scopes of an API key cover. */
export const scopes = [
	{ value: 'read', about: 'Look at scripts, routes, history and members' },
	{ value: 'deploy', about: 'Change what is live, and watch it' },
	{ value: 'invoke', about: 'Run scripts, and call routes that ask for a key' },
	{ value: 'data', about: 'Read and write data, publish messages' },
	{ value: 'admin', about: 'Everything that you may do, but for what is personal' },
] as const;

/** A browser by the name that people know it by: 'Firefox on Linux'. */
export function browserName(userAgent: string): string {
	const browser = [
		['Edg/', 'Edge'],
		['OPR/', 'Opera'],
		['Firefox/', 'Firefox'],
		['Chrome/', 'Chrome'],
		['Safari/', 'Safari'],
		['picloud', 'The command line'],
		['curl/', 'curl'],
	].find(([mark]) => userAgent.includes(mark!))?.[1];
	const system = [
		['iPhone', 'iOS'],
		['iPad', 'iPadOS'],
		['Android', 'Android'],
		['Mac OS X', 'macOS'],
		['Windows', 'Windows'],
		['Linux', 'Linux'],
	].find(([mark]) => userAgent.includes(mark!))?.[1];
	if (!browser) return userAgent.slice(0, 60) || 'An unknown program';
	return system ? `${browser} on ${system}` : browser;
}

/** The drawing of a QR code as the path of an SVG, and its width: one unit a module. */
export function qrPath(lines: string): { size: number; path: string } {
	const rows = lines.trim().split('\n');
	const path = rows.flatMap((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`)).join('');
	return { size: rows[0]?.length ?? 0, path };
}

type Change = { field: string; before: string; after: string };

/** What an entry of the audit log changed, a line for each field. */
export function changesOf(entry: Schema<'AuditEntry'>): Change[] {
	const before = (entry.before ?? {}) as Record<string, unknown>;
	const after = (entry.after ?? {}) as Record<string, unknown>;
	return [...new Set([...Object.keys(before), ...Object.keys(after)])]
		.sort()
		.map((field) => ({ field, before: shown(before[field]), after: shown(after[field]) }))
		.filter((c) => c.before !== c.after);
}

function shown(value: unknown): string {
	if (value === undefined || value === null) return '';
	return typeof value === 'string' ? value : JSON.stringify(value);
}
