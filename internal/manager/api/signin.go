package api

import (
	"time"
)

// Challenge asks for a second factor, with POST /login/code or
// /login/passkey/begin.
type Challenge struct {
	Challenge string    `json:"challenge" doc:"A token that is good for this only, for a few tries"`
	ExpiresAt time.Time `json:"expires_at"`
	Methods   []string  `json:"methods" doc:"How to go on: totp and recovery_code by code, passkey by passkey"`
}

// LoginCode finishes a sign-in with a code.
type LoginCode struct {
	Challenge string `json:"challenge"`
	Code      string `json:"code" doc:"The six digits of the authenticator app, or a recovery code"`
	Cookie    bool   `json:"cookie,omitempty" doc:"As for POST /login"`
}

// BeginPasskey starts a sign-in with a passkey.
type BeginPasskey struct {
	Challenge string `json:"challenge,omitempty" doc:"That of a second factor; absent to sign in with a passkey alone"`
}

// Ceremony is what a browser is to do with a passkey.
type Ceremony struct {
	Challenge string    `json:"challenge" doc:"To be sent back with the credential"`
	ExpiresAt time.Time `json:"expires_at"`
	Options   any       `json:"options" doc:"For navigator.credentials.create or .get, with publicKey in the JSON form of WebAuthn"`
}

// LoginPasskey finishes a sign-in with a passkey.
type LoginPasskey struct {
	Challenge  string `json:"challenge"`
	Credential any    `json:"credential" doc:"The answer of the browser, as PublicKeyCredential.toJSON() gives it"`
	Cookie     bool   `json:"cookie,omitempty" doc:"As for POST /login"`
}

// LoginMethods is how one can sign in.
type LoginMethods struct {
	Password       bool   `json:"password"`
	Passkeys       bool   `json:"passkeys"`
	PasskeysWhyNot string `json:"passkeys_why_not,omitempty" doc:"For people, when there are no passkeys"`
	Provider       string `json:"provider,omitempty" doc:"The name of the OpenID provider, which a browser reaches at /login/oidc; absent when there is none"`
	CookieWorks    bool   `json:"cookie_works" doc:"Whether a browser keeps the session's cookie at this address"`
	CookieWhyNot   string `json:"cookie_why_not,omitempty" doc:"For people, when it does not: what to do"`
}

// Proof confirms a change of what protects an account: the password, and when
// there is a second factor, that too.
type Proof struct {
	Password string        `json:"password"`
	Code     string        `json:"code,omitempty" doc:"Of the authenticator app, or a recovery code; needed when there is a second factor"`
	Passkey  *PasskeyProof `json:"passkey,omitempty" doc:"In place of a code"`
}

// PasskeyProof is the answer to what POST /me/passkeys/proof asks.
type PasskeyProof struct {
	Challenge  string `json:"challenge"`
	Credential any    `json:"credential"`
}

// Factors is which second factors one has.
type Factors struct {
	TOTP          bool `json:"totp" doc:"An authenticator app is set up"`
	Passkeys      int  `json:"passkeys"`
	RecoveryCodes int  `json:"recovery_codes" doc:"How many are left"`
	Required      bool `json:"required" doc:"A password alone does not sign in"`
}

// Enrolment is an authenticator app that is to be confirmed.
type Enrolment struct {
	Secret string `json:"secret" doc:"In base32, for who cannot scan"`
	URI    string `json:"uri" doc:"For the app, to be shown as a QR code"`
	QR     string `json:"qr" doc:"The QR code as lines of 0 and 1, with its quiet zone"`
}

// ConfirmTOTP shows that the app works.
type ConfirmTOTP struct {
	Code string `json:"code"`
}

// RecoveryCodes are shown once.
type RecoveryCodes struct {
	RecoveryCodes []string `json:"recovery_codes" doc:"Each signs in once in place of another factor. Empty when there were some already: those go on being good"`
}

// Passkeys lists passkeys.
type Passkeys struct {
	Passkeys []Passkey `json:"passkeys"`
}

// Passkey is a key pair on a device.
type Passkey struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Host       string    `json:"host" doc:"The host name that it is for"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// NewPasskey registers what a browser made.
type NewPasskey struct {
	Challenge  string `json:"challenge"`
	Name       string `json:"name" doc:"To tell it apart, such as the device"`
	Credential any    `json:"credential" doc:"The answer of the browser, as PublicKeyCredential.toJSON() gives it"`
}

// RegisteredPasskey is a new passkey.
type RegisteredPasskey struct {
	Passkey       Passkey  `json:"passkey"`
	RecoveryCodes []string `json:"recovery_codes" doc:"Shown once; empty when there were some already"`
}

// Rename gives something a new name.
type Rename struct {
	Name string `json:"name"`
}

// ChangeMe changes one's own account. Absent fields stay.
type ChangeMe struct {
	CurrentPassword string  `json:"current_password"`
	Email           *string `json:"email,omitempty"`
	Password        *string `json:"password,omitempty" doc:"A new password; other sessions end"`
}

// Ended tells how many sessions were ended.
type Ended struct {
	Ended int64 `json:"ended"`
}

// Identities lists who one is at OpenID providers.
type Identities struct {
	Identities []Identity `json:"identities"`
}

// Identity is a user as an OpenID provider knows them.
type Identity struct {
	Issuer    string    `json:"issuer"`
	Subject   string    `json:"subject"`
	Email     string    `json:"email" doc:"As it was when it was linked"`
	CreatedAt time.Time `json:"created_at"`
}

// RemoveIdentity unlinks an identity.
type RemoveIdentity struct {
	Proof
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// Departure is where a browser goes on.
type Departure struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}
