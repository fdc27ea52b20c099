export type Theme = 'system' | 'light' | 'dark';

const key = 'picloud.theme';

function stored(): Theme {
	const value = globalThis.localStorage?.getItem(key);
	return value === 'light' || value === 'dark' ? value : 'system';
}

class ThemeChoice {
	current = $state<Theme>(stored());

	set(theme: Theme): void {
		this.current = theme;
		if (theme === 'system') {
			localStorage.removeItem(key);
			delete document.documentElement.dataset['theme'];
			return;
		}
		localStorage.setItem(key, theme);
		document.documentElement.dataset['theme'] = theme;
	}

	/** Whether what is shown now is dark. */
	get dark(): boolean {
		return this.current === 'dark' || (this.current === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
	}

	toggle(): void {
		this.set(this.dark ? 'light' : 'dark');
	}
}

/** The theme; app.html applies the stored one before anything is painted. */
export const theme = new ThemeChoice();
