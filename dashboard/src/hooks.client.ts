import type { HandleClientError } from '@sveltejs/kit/hooks';
import { asApiError } from '#lib/api/problem.ts';

/** Makes of what a load function threw what routes/…/+error.svelte shows. */
export const handleError: HandleClientError = ({ kind, error }) => {
	if (kind === 'framework') return { message: 'There is no such page.', code: 'not_found' };
	if (kind === 'app') return;
	const e = asApiError(error);
	if (e.code === 'dashboard') console.error(error);
	return { message: e.message, hint: e.hint, code: e.code, status: e.status || 500, requestId: e.requestId };
};
