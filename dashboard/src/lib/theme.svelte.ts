export type Theme = 'system' | 'light' | 'dark';

const key = 'picloud.theme';

function stored(): Theme {
	const value = globalThis.localStorage?.getItem(key);
	return value === 'light' || value === 'dark' ? value : 'system';
}

class ThemeChoice {
	current = $state<Theme>(stored());
	/** Whether the system asks for dark. */
	#system = $state(false);

	constructor() {
		const query = globalThis.matchMedia?.('(prefers-color-scheme: dark)');
		if (!query) return;
		this.#system = query.matches;
		query.addEventListener('change', (e) => {
			this.#system = e.matches;
			this.#apply();
		});
	}

	/** Whether what is shown now is dark. */
	get dark(): boolean {
		return this.current === 'dark' || (this.current === 'system' && this.#system);
	}

	set(theme: Theme): void {
		this.current = theme;
		if (theme === 'system') localStorage.removeItem(key);
		else localStorage.setItem(key, theme);
		this.#apply();
	}

	toggle(): void {
		this.set(this.dark ? 'light' : 'dark');
	}

	#apply(): void {
		document.documentElement.dataset['theme'] = this.dark ? 'dark' : 'light';
	}
}

/** The theme; app.html applies it before anything is painted. */
export const theme = new ThemeChoice();
