package auth

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// freshSession is how old a session may be to stand for the password of who
// has none: whoever signs in with a provider or a passkey only.
const freshSession = 10 * time.Minute

// Proof is what somebody shows, though they are signed in, to change what
// protects the account: the password, and a second factor when there is one. A
// session that was left open is not enough.
type Proof struct {
	Password string
	Code     string        // of the authenticator app, or a recovery code
	Passkey  *PasskeyProof // in place of a code
	Address  string
}

// PasskeyProof is the answer to [Service.BeginPasskeyProof].
type PasskeyProof struct {
	Challenge string
	Response  []byte // JSON, as a browser makes it
}

// Factors tells which second factors the principal has.
func (s *Service) Factors(ctx context.Context, p picloud.Principal) (picloud.FactorSummary, error) {
	return s.store.FactorsOf(ctx, p.User.ID)
}

// prove checks a proof. Failures count like failed logins.
func (s *Service) prove(ctx context.Context, p picloud.Principal, proof Proof) error {
	if err := s.checkOwnPassword(ctx, p, proof.Password, "password", proof.Address); err != nil {
		return err
	}
	factors, err := s.store.FactorsOf(ctx, p.User.ID)
	if err != nil || !factors.Required() {
		return err
	}
	if proof.Code == "" && proof.Passkey == nil {
		return picloud.Invalid("code", "a code of the authenticator app or a recovery code is needed")
	}
	attempt, err := s.begin(ctx, p.User.Username, proof.Address)
	if err != nil {
		return err
	}
	if proof.Passkey != nil {
		err = s.finishPasskeyProof(ctx, p, *proof.Passkey)
	} else {
		err = s.checkCode(ctx, p.User.ID, proof.Code)
	}
	if err == nil {
		attempt.succeed()
		return nil
	}
	if !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
		attempt.forget()
		return err
	}
	return &picloud.Error{Code: picloud.CodeInvalidCredentials, Field: "code", Message: errWrongCode.Message}
}

// checkOwnPassword checks the password of who is signed in. For who has none,
// having signed in a moment ago does.
func (s *Service) checkOwnPassword(ctx context.Context, p picloud.Principal, password, field, address string) error {
	if !p.Authenticated() {
		return picloud.Errorf(picloud.CodeUnauthenticated, "sign in first")
	}
	c, err := s.store.CredentialsOf(ctx, p.User.Username)
	if picloud.IsCode(err, picloud.CodeNotFound) || err == nil && c.PasswordHash == "" {
		return s.fresh(ctx, p)
	}
	if err != nil {
		return err
	}
	attempt, err := s.begin(ctx, p.User.Username, address)
	if err != nil {
		return err
	}
	if _, err := s.verify(ctx, p.User.Username, password); err != nil {
		if !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
			attempt.forget()
			return err
		}
		return &picloud.Error{Code: picloud.CodeInvalidCredentials, Field: field, Message: "the password is wrong"}
	}
	attempt.succeed()
	return nil
}

// fresh wants the session to be a new one.
func (s *Service) fresh(ctx context.Context, p picloud.Principal) error {
	list, err := s.Sessions(ctx, p)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(v picloud.Session) bool { return v.ID == p.SessionID })
	if i < 0 || s.now().Sub(list[i].CreatedAt) > freshSession {
		return picloud.Errorf(picloud.CodeForbidden, "sign in anew first: your account has no password to confirm this with")
	}
	return nil
}

// Enrolment is an authenticator app that is to be confirmed.
type Enrolment struct {
	Secret string // in base32, for who cannot scan
	URI    string // otpauth://, for the app; shown as a QR code
}

// EnrolTOTP makes the secret of an authenticator app. It counts for nothing
// until [Service.ConfirmTOTP] was given a code of it. It fails with CodeConflict
// if there is an app already. issuer is the name that the app shows.
func (s *Service) EnrolTOTP(ctx context.Context, p picloud.Principal, issuer string, proof Proof) (Enrolment, error) {
	if s.keys == nil {
		return Enrolment{}, errNoKeys
	}
	if err := s.prove(ctx, p, proof); err != nil {
		return Enrolment{}, err
	}
	secret := make([]byte, totpBytes)
	if _, err := io.ReadFull(s.rand, secret); err != nil {
		return Enrolment{}, fmt.Errorf("make a secret: %w", err)
	}
	sealed, err := s.keys.Seal(secret, totpPlace(p.User.ID))
	if err != nil {
		return Enrolment{}, fmt.Errorf("seal a secret: %w", err)
	}
	if err := s.store.PutTOTP(ctx, picloud.TOTP{UserID: p.User.ID, Secret: sealed}); err != nil {
		return Enrolment{}, err
	}
	return Enrolment{Secret: encodeSecret(secret), URI: otpURI(issuer, p.User.Username, encodeSecret(secret))}, nil
}

// otpURI is the address that authenticator apps read.
func otpURI(issuer, user, secret string) string {
	// Some apps take a plus for a plus: spaces are %20.
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(user) +
		"?secret=" + secret + "&issuer=" + url.PathEscape(issuer) + "&algorithm=SHA1&digits=6&period=30"
}

// ConfirmTOTP makes the enrolled app count, once a code shows that it works. The
// recovery codes are the user's first, or nil when there are some already.
func (s *Service) ConfirmTOTP(ctx context.Context, p picloud.Principal, code string) (recovery []string, err error) {
	t, err := s.store.TOTPOf(ctx, p.User.ID)
	if err != nil {
		return nil, err
	}
	step, err := s.matchTOTP(t, code)
	if err == errWrongCode {
		return nil, picloud.Invalid("code", "the code is wrong: is the clock of the phone right?")
	}
	if err != nil {
		return nil, err
	}
	factors, err := s.store.FactorsOf(ctx, p.User.ID)
	if err != nil {
		return nil, err
	}
	codes, hashes, err := s.newRecoveryCodes(p.User.ID)
	if err != nil {
		return nil, err
	}
	if err := s.store.ConfirmTOTP(ctx, t, step, hashes); err != nil || factors.RecoveryCodes > 0 {
		return nil, err
	}
	return codes, nil
}

// DisableTOTP removes the authenticator app.
func (s *Service) DisableTOTP(ctx context.Context, p picloud.Principal, proof Proof) error {
	if err := s.prove(ctx, p, proof); err != nil {
		return err
	}
	return s.store.DeleteTOTP(ctx, p.User.ID)
}

// RenewRecoveryCodes replaces the recovery codes. It fails with CodeConflict if
// there is no second factor that they could stand in for.
func (s *Service) RenewRecoveryCodes(ctx context.Context, p picloud.Principal, proof Proof) ([]string, error) {
	factors, err := s.store.FactorsOf(ctx, p.User.ID)
	if err != nil {
		return nil, err
	}
	if !factors.Required() {
		return nil, picloud.Errorf(picloud.CodeConflict, "recovery codes stand in for a second factor, and the account has none")
	}
	if err := s.prove(ctx, p, proof); err != nil {
		return nil, err
	}
	codes, hashes, err := s.newRecoveryCodes(p.User.ID)
	if err != nil {
		return nil, err
	}
	return codes, s.store.PutRecoveryCodes(ctx, p.User.ID, hashes)
}

// ResetFactors removes all second factors of a user who has lost them, and ends
// their sessions. Who may is checked by the store.
func (s *Service) ResetFactors(ctx context.Context, p picloud.Principal, u picloud.User) error {
	_, err := s.store.ResetFactors(ctx, p.User.ID, u.ID)
	return err
}

// Reseal brings all secrets under the current key of the instance, and tells
// how many it changed. It fails if one cannot be opened: the keys are not those
// of this database.
func (s *Service) Reseal(ctx context.Context) (changed int, err error) {
	list, err := s.store.ListTOTP(ctx)
	if err != nil || s.keys == nil {
		return 0, err
	}
	for _, t := range list {
		sealed, fresh, err := s.keys.Rewrap(t.Secret, totpPlace(t.UserID))
		if err != nil {
			return changed, fmt.Errorf("open the secret of an authenticator app: %w", err)
		}
		if !fresh {
			continue
		}
		if err := s.store.ReplaceTOTPSecret(ctx, t.UserID, t.Secret, sealed); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}
