import { beforeEach, expect, test, vi } from 'vitest';
import { Draft } from './draft.svelte.ts';

const kept = new Map<string, string>();
vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k) });
beforeEach(() => kept.clear());

const live = (source: string, number = 1) => ({ source, version: { number, hash: '', settings: {}, source_bytes: 0, created_at: '' } });

/** Answers the next request, and hands on what was sent. */
function answer(body: unknown, status = 200): Promise<{ url: string; body: unknown }> {
	return new Promise((resolve) => {
		vi.stubGlobal('fetch', async (r: Request) => {
			resolve({ url: r.url, body: await r.json().catch(() => undefined) });
			return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' } });
		});
	});
}

test('a draft outlives the page, with the version that it began with', () => {
	const first = new Draft('a', 's', live('one'));
	first.source = 'mine';
	first.keep();
	const second = new Draft('a', 's', live('theirs', 2));
	expect([second.source, second.version, second.restored, second.behind]).toEqual(['mine', 1, true, true]);
	second.take(second.live);
	expect([second.source, second.dirty, new Draft('a', 's', live('theirs', 2)).restored]).toEqual(['theirs', false, false]);
});

test('a draft that equals what is live is none', () => {
	const draft = new Draft('a', 's', live('one'));
	draft.source = 'two';
	draft.keep();
	draft.source = 'one';
	draft.keep();
	expect(kept.size).toBe(0);
});

test('a deploy names the version that the draft began with', async () => {
	const draft = new Draft('a', 's', live('one', 4));
	draft.source = 'two';
	const sent = answer({ dry_run: false, scripts: [{ version: 5 }] });
	await draft.deploy('why');
	expect((await sent).body).toEqual({ scripts: [{ name: 's', source: 'two', note: 'why', if_version: 4 }] });
	expect([draft.dirty, draft.version, draft.behind]).toEqual([false, 5, false]);
});

test('what is typed while it is deployed goes on being a draft', async () => {
	const draft = new Draft('a', 's', live('one'));
	draft.source = 'two';
	void answer({ dry_run: false, scripts: [{ version: 2 }] });
	const done = draft.deploy();
	draft.source = 'two and more';
	await done;
	expect([draft.source, draft.live.source, draft.dirty]).toEqual(['two and more', 'two', true]);
});

test('a deploy that is refused loses nothing', async () => {
	const draft = new Draft('a', 's', live('one'));
	draft.source = 'mine';
	void answer({ type: 'about:blank', title: 'Conflict', status: 409, code: 'conflict', detail: 'the live version is 2' }, 409);
	await expect(draft.deploy()).rejects.toMatchObject({ code: 'conflict' });
	expect([draft.source, draft.version, draft.dirty]).toEqual(['mine', 1, true]);
});

test('what is kept and is no draft is left alone', () => {
	kept.set('picloud.draft.a/s', 'not json');
	expect(new Draft('a', 's', live('one')).source).toBe('one');
	kept.set('picloud.draft.a/s', '{"source":7}');
	expect(new Draft('a', 's', live('one')).source).toBe('one');
});
