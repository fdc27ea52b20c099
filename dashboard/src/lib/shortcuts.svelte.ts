import { untrack } from 'svelte';

export type Shortcut = { keys: string; label: string; group: string; run: () => void };

/** How long the second key of two may take. */
const pause = 1200;

/** Whether keys typed there are text. */
function typing(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/**
 * The keys that do something. Components enter theirs while they are shown:
 *
 *     $effect(() => shortcuts.add({ keys: 'c', label: 'New script', group: 'Scripts', run: () => goto(…) }));
 *
 * 'Mod+K' is Ctrl or Cmd with a key, and works while typing; 'g s' are two keys
 * one after the other; 'c' is one. Those work outside of fields only.
 */
class Shortcuts {
	// No state: what ends an effect would see the list as it was before the
	// change, and put back what others have entered since.
	#entered: Shortcut[] = [];
	#changes = $state(0);
	#first = '';
	#at = 0;

	/** What is entered, in the order of entering. */
	get list(): Shortcut[] {
		void this.#changes;
		return this.#entered;
	}

	add(...added: Shortcut[]): () => void {
		this.#set([...this.#entered, ...added]);
		return () => this.#set(this.#entered.filter((s) => !added.includes(s)));
	}

	#set(list: Shortcut[]): void {
		this.#entered = list;
		// Untracked: the effect that adds must not run again because of that.
		untrack(() => this.#changes++);
	}

	handle(e: KeyboardEvent, time = performance.now()): void {
		if (e.defaultPrevented || e.altKey || e.isComposing) return;
		const found = e.ctrlKey || e.metaKey ? this.#find('Mod+' + e.key.toUpperCase()) : typing(e.target) || inDialog(e) ? undefined : this.#plain(e.key, time);
		if (!found) return;
		e.preventDefault();
		found.run();
	}

	#find(keys: string): Shortcut | undefined {
		return this.#entered.findLast((s) => s.keys === keys);
	}

	#plain(key: string, time: number): Shortcut | undefined {
		const found = (time - this.#at < pause ? this.#find(`${this.#first} ${key}`) : undefined) ?? this.#find(key);
		this.#first = found ? '' : key;
		this.#at = time;
		return found;
	}
}

function inDialog(e: KeyboardEvent): boolean {
	return e.target instanceof Element && e.target.closest('dialog[open]') !== null;
}

export const shortcuts = new Shortcuts();
