/** Puts text on the clipboard, and reports whether it is there. Over plain http browsers have the old way only. */
export async function copyText(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = document.createElement('textarea');
		area.value = text;
		area.style.position = 'fixed';
		area.style.opacity = '0';
		(document.querySelector('dialog[open]') ?? document.body).append(area);
		area.select();
		const copied = document.execCommand('copy');
		area.remove();
		return copied;
	}
}
