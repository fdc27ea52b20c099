import type { Component } from 'svelte';
import Activity from '@lucide/svelte/icons/activity';
import Archive from '@lucide/svelte/icons/archive';
import Boxes from '@lucide/svelte/icons/boxes';
import Calendar from '@lucide/svelte/icons/calendar-clock';
import Code from '@lucide/svelte/icons/code-xml';
import Database from '@lucide/svelte/icons/database';
import File from '@lucide/svelte/icons/file';
import Gauge from '@lucide/svelte/icons/gauge';
import Globe from '@lucide/svelte/icons/globe';
import Home from '@lucide/svelte/icons/chart-no-axes-column';
import Hourglass from '@lucide/svelte/icons/hourglass';
import Key from '@lucide/svelte/icons/key-round';
import Lock from '@lucide/svelte/icons/lock';
import Radio from '@lucide/svelte/icons/radio';
import Scroll from '@lucide/svelte/icons/scroll-text';
import Server from '@lucide/svelte/icons/server';
import Settings from '@lucide/svelte/icons/settings';
import Shield from '@lucide/svelte/icons/shield-check';
import Terminal from '@lucide/svelte/icons/square-terminal';
import User from '@lucide/svelte/icons/user-round';
import Users from '@lucide/svelte/icons/users-round';
import Zap from '@lucide/svelte/icons/zap';

export type Place = {
	label: string;
	/** Below /apps/NAME for those of an app, from the root for others. */
	path: string;
	/** Who has it sees the place; absent: everybody. */
	capability?: string;
	icon: Component<{ size?: number | string; class?: string }>;
	/** Keys that lead there, one after the other. */
	keys?: string;
	group: string;
};

/** The places in an app, in the order of the sidebar. Each has its folder below routes/(main)/apps/[app]. */
export const appPlaces: Place[] = [
	{ label: 'Overview', path: '', icon: Home, keys: 'g o', group: '' },
	{ label: 'Scripts', path: '/scripts', capability: 'scripts:read', icon: Code, keys: 'g s', group: '' },
	{ label: 'Invocations', path: '/invocations', capability: 'records:read', icon: Activity, keys: 'g i', group: '' },
	{ label: 'Live log', path: '/logs', capability: 'records:read', icon: Terminal, keys: 'g l', group: '' },
	{ label: 'Schedules', path: '/schedules', capability: 'schedules:read', icon: Calendar, keys: 'g c', group: 'Events' },
	{ label: 'Topics', path: '/topics', capability: 'topics:read', icon: Zap, keys: 'g t', group: 'Events' },
	{ label: 'Answered later', path: '/later', capability: 'records:read', icon: Hourglass, group: 'Events' },
	{ label: 'Devices', path: '/devices', capability: 'topics:read', icon: Radio, group: 'Events' },
	{ label: 'Data', path: '/data', capability: 'data:read', icon: Database, keys: 'g d', group: 'Storage' },
	{ label: 'Files', path: '/files', capability: 'data:read', icon: File, keys: 'g f', group: 'Storage' },
	{ label: 'Secrets', path: '/secrets', capability: 'secrets:read', icon: Lock, keys: 'g x', group: 'Storage' },
	{ label: 'Domains', path: '/domains', capability: 'domains:read', icon: Globe, group: 'App' },
	{ label: 'Members', path: '/members', capability: 'members:read', icon: Users, keys: 'g m', group: 'App' },
	{ label: 'Usage', path: '/usage', capability: 'apps:read', icon: Gauge, group: 'App' },
	{ label: 'Audit log', path: '/audit', capability: 'audit:read-app', icon: Scroll, group: 'App' },
	{ label: 'App settings', path: '/settings', capability: 'apps:delete', icon: Settings, group: 'App' },
];

/** The places of the instance: routes/(main)/instance. */
export const instancePlaces: Place[] = [
	{ label: 'Instance', path: '/instance/overview', capability: 'settings:read', icon: Activity, group: 'Instance' },
	{ label: 'Apps', path: '/apps', capability: 'apps:list', icon: Boxes, keys: 'g a', group: 'Instance' },
	{ label: 'Users', path: '/instance/users', capability: 'users:read', icon: Users, keys: 'g u', group: 'Instance' },
	{ label: 'Audit log', path: '/instance/audit', capability: 'audit:read', icon: Scroll, group: 'Instance' },
	{ label: 'Nodes', path: '/instance/nodes', capability: 'nodes:read', icon: Server, group: 'Instance' },
	{ label: 'Backups', path: '/instance/backups', capability: 'backups:manage', icon: Archive, group: 'Instance' },
	{ label: 'Settings', path: '/instance/settings', capability: 'settings:read', icon: Settings, group: 'Instance' },
];

/** The places of one's own account: routes/(main)/account. */
export const accountPlaces: Place[] = [
	{ label: 'Account', path: '/account', icon: User, group: 'Account' },
	{ label: 'Security', path: '/account/security', icon: Shield, group: 'Account' },
	{ label: 'API keys', path: '/account/keys', icon: Key, keys: 'g k', group: 'Account' },
	{ label: 'Sessions', path: '/account/sessions', icon: Activity, group: 'Account' },
];

const lastAppKey = 'picloud.app';

/** The app that was open last, if it is still there, or else the first. */
export function homeApp(apps: { name: string }[]): string | undefined {
	const last = globalThis.localStorage?.getItem(lastAppKey);
	return (apps.find((a) => a.name === last) ?? apps[0])?.name;
}

export function rememberApp(name: string): void {
	localStorage.setItem(lastAppKey, name);
}

/** A place to come back to after signing in: only a path of this dashboard. */
export function safeReturn(path: string | null): string {
	return path && /^\/(?![/\\])/.test(path) && !path.startsWith('/sign-in') ? path : '/';
}
