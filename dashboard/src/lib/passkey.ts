import { api, ok, sentence, ApiError, type Schema } from '#lib/api/index.ts';

type Ceremony = Schema<'Ceremony'>;

/** Whether the browser can use passkeys here at all. */
export function passkeysWork(): boolean {
	return typeof PublicKeyCredential !== 'undefined' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;
}

/** Asks the browser for a passkey. The answer goes back to the server as it is. */
export async function usePasskey(ceremony: Ceremony): Promise<{ challenge: string; credential: unknown }> {
	const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKeyOf(ceremony) as PublicKeyCredentialRequestOptionsJSON);
	return { challenge: ceremony.challenge, credential: await asked(() => navigator.credentials.get({ publicKey: options })) };
}

/** Asks the browser to make a passkey. */
export async function makePasskey(ceremony: Ceremony): Promise<{ challenge: string; credential: unknown }> {
	const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKeyOf(ceremony) as PublicKeyCredentialCreationOptionsJSON);
	return { challenge: ceremony.challenge, credential: await asked(() => navigator.credentials.create({ publicKey: options })) };
}

/** Signs in with a passkey, alone or as the second factor that a challenge asks for. */
export async function signInWithPasskey(challenge?: string): Promise<Schema<'SignedIn'>> {
	const begun = await ok(api.POST('/api/v1/login/passkey/begin', { body: challenge ? { challenge } : {} }));
	return ok(api.POST('/api/v1/login/passkey', { body: { ...(await usePasskey(begun)), cookie: true } }));
}

function publicKeyOf(ceremony: Ceremony): unknown {
	return (ceremony.options as { publicKey: unknown }).publicKey;
}

async function asked(ask: () => Promise<Credential | null>): Promise<unknown> {
	try {
		const credential = (await ask()) as PublicKeyCredential | null;
		if (credential) return credential.toJSON();
	} catch (cause) {
		const canceled = cause instanceof DOMException && (cause.name === 'NotAllowedError' || cause.name === 'AbortError');
		const detail = canceled ? 'the passkey was not used: the browser’s question was closed, or no passkey fits' : sentence((cause as Error).message);
		throw new ApiError({ type: 'about:blank', title: 'Passkey', status: 0, code: 'passkey', detail });
	}
	throw new ApiError({ type: 'about:blank', title: 'Passkey', status: 0, code: 'passkey', detail: 'the browser gave no passkey' });
}
