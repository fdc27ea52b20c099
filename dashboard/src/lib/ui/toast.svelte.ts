import { asApiError } from '#lib/api/problem.ts';

export type Toast = { id: number; kind: 'ok' | 'error'; text: string; detail?: string };

class Toasts {
	list = $state<Toast[]>([]);
	#next = 1;

	add(toast: Omit<Toast, 'id'>, forMs: number): void {
		const id = this.#next++;
		this.list = [...this.list.slice(-3), { ...toast, id }];
		setTimeout(() => this.remove(id), forMs);
	}

	remove(id: number): void {
		this.list = this.list.filter((t) => t.id !== id);
	}
}

/** What is shown now; Toasts.svelte shows it. */
export const toasts = new Toasts();

/** Says briefly that something was done, or was not. What must be read belongs on the page. */
export const toast = {
	ok: (text: string): void => toasts.add({ kind: 'ok', text }, 4000),
	error: (error: unknown): void => {
		const e = asApiError(error);
		toasts.add({ kind: 'error', text: e.message, detail: e.hint }, 10_000);
	},
};
