package picloud

import (
	"context"
	"time"
)

// TOTP is a user's authenticator app: a secret that both sides know, from
// which a code is made every 30 seconds.
type TOTP struct {
	UserID    string
	Secret    []byte // sealed
	Confirmed bool   // a code of it was shown once; before, it counts for nothing
	LastStep  int64  // of the last code that was used; it and older ones are spent
	CreatedAt time.Time
}

// Passkey is a key pair that a device of a user holds. Nothing of it is
// secret here.
type Passkey struct {
	ID           string
	UserID       string
	Name         string // for the user to tell them apart
	RPID         string // the host name that it is for
	CredentialID []byte // unique
	Credential   []byte // public key, counter and so on, as the verifier encodes them
	CreatedAt    time.Time
	LastUsedAt   time.Time // the zero time when it was never used
}

// FactorSummary is which second factors a user has.
type FactorSummary struct {
	TOTP          bool // confirmed
	Passkeys      int
	RecoveryCodes int // that are left
}

// Required reports whether a password alone does not sign the user in.
func (f FactorSummary) Required() bool { return f.TOTP || f.Passkeys > 0 }

// Identity is a user as an OpenID provider knows them.
type Identity struct {
	Issuer, Subject string
	Email           string // as it was when it was linked
	CreatedAt       time.Time
}

// Factors keeps what people prove themselves with besides a password.
type Factors interface {
	// FactorsOf tells which factors a user has.
	FactorsOf(ctx context.Context, userID string) (FactorSummary, error)

	// PutTOTP enters an authenticator app that is to be confirmed, in place
	// of one that is not. It fails with CodeConflict if one is confirmed.
	PutTOTP(ctx context.Context, t TOTP) error
	// TOTPOf finds a user's authenticator app, confirmed or not; CodeNotFound
	// if there is none.
	TOTPOf(ctx context.Context, userID string) (TOTP, error)
	// ConfirmTOTP makes the app with this secret count, and spends the step of
	// the code that showed it. With codes, they become the user's recovery
	// codes unless there are some. It fails with CodeConflict if the app is
	// not there any more or is confirmed.
	ConfirmTOTP(ctx context.Context, t TOTP, step int64, codes []TokenHash) error
	// UseTOTP spends a step. It fails with CodeInvalidCredentials if it, or a
	// later one, is spent: of two who use one code at once, one fails.
	UseTOTP(ctx context.Context, userID string, step int64) error
	// DeleteTOTP removes the app, and the recovery codes with the last factor.
	DeleteTOTP(ctx context.Context, userID string) error
	// ListTOTP lists the apps of all users, for their secrets to be sealed anew.
	ListTOTP(ctx context.Context) ([]TOTP, error)
	// ReplaceTOTPSecret stores a secret in place of an old one; it does nothing
	// if the old one is not there any more.
	ReplaceTOTPSecret(ctx context.Context, userID string, old, sealed []byte) error

	// PutRecoveryCodes replaces a user's codes.
	PutRecoveryCodes(ctx context.Context, userID string, codes []TokenHash) error
	// UseRecoveryCode spends one; CodeInvalidCredentials if it is none.
	UseRecoveryCode(ctx context.Context, userID string, code TokenHash) error

	// AddPasskey enters a passkey. With codes, they become the user's recovery
	// codes unless there are some. It fails with CodeConflict if the credential
	// is known, and if the user has MaxPasskeys.
	AddPasskey(ctx context.Context, p Passkey, codes []TokenHash) error
	// ListPasskeys lists a user's passkeys, the oldest first.
	ListPasskeys(ctx context.Context, userID string) ([]Passkey, error)
	// PasskeyByCredential finds a passkey with its user's credentials;
	// CodeNotFound if there is none.
	PasskeyByCredential(ctx context.Context, credentialID []byte) (Passkey, Credentials, error)
	// UsePasskey notes a use, with what the verifier has learned from it.
	UsePasskey(ctx context.Context, id string, credential []byte, at time.Time) error
	// RenamePasskey renames one of a user's passkeys; CodeNotFound if it is not theirs.
	RenamePasskey(ctx context.Context, userID, id, name string) error
	// DeletePasskey removes one of a user's passkeys, and the recovery codes
	// with the last factor; CodeNotFound if it is not theirs.
	DeletePasskey(ctx context.Context, userID, id string) error

	// ResetFactors removes all second factors of somebody who has lost them,
	// and ends their sessions. Who may is who may change the user; the actor ""
	// is the operator. It fails with CodeForbidden for one's own.
	ResetFactors(ctx context.Context, actor, userID string) (User, error)
}

// MaxPasskeys is how many passkeys a user may have.
const MaxPasskeys = 20

// Identities keeps who is whom at OpenID providers, and the e-mail addresses
// by which they are told for the first time.
type Identities interface {
	// IdentityUser finds the user who is linked; CodeNotFound if none is.
	IdentityUser(ctx context.Context, issuer, subject string) (User, error)
	// LinkByEmail links the identity to the active user with its address. It
	// fails with CodeNotFound if there is none, and with CodeConflict if the
	// user has chosen the address themselves: nobody has vouched that it is
	// theirs, and who waits at the account of somebody else's address must not
	// be given their sign-in.
	LinkByEmail(ctx context.Context, id Identity) (User, error)
	// LinkIdentity links the identity to a user; CodeConflict if it is linked
	// to somebody else.
	LinkIdentity(ctx context.Context, userID string, id Identity) error
	// ListIdentities lists those of a user.
	ListIdentities(ctx context.Context, userID string) ([]Identity, error)
	// UnlinkIdentity removes one of a user's; CodeNotFound if it is not theirs.
	UnlinkIdentity(ctx context.Context, userID, issuer, subject string) error
	// ChooseEmail replaces the address of a user by one that they chose
	// themselves; CodeConflict if it is taken.
	ChooseEmail(ctx context.Context, userID, email string) error
}
