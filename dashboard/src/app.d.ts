import type { AppInfo, Me } from '#lib/api/index.ts';

declare global {
	namespace App {
		/** What an error page shows: see hooks.client.ts. */
		interface Error {
			hint?: string;
			code?: string;
			requestId?: string;
		}
		interface PageData {
			/** Who is signed in; set below routes/(main). */
			me?: Me;
			apps?: AppInfo[];
			/** The app that the page is about; set below routes/(main)/apps/[app]. */
			app?: AppInfo;
			/** What the browser's tab says. */
			title?: string;
			/** Whether the page takes all the width that there is. */
			wide?: boolean;
		}
	}
}
