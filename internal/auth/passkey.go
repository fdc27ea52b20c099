package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/picloud/picloud/internal/picloud"
)

const maxPasskeyName = 60

// passkeys verifies passkeys for one host.
type passkeys struct{ web *webauthn.WebAuthn }

func (k *passkeys) rpID() string { return k.web.Config.RPID }

// newPasskeys makes the verifier for the host of the admin listener, or says
// why there can be none.
func newPasskeys(admin *url.URL) (*passkeys, error) {
	if admin == nil {
		return nil, picloud.Errorf(picloud.CodeUnavailable, "passkeys are bound to a host name; start the server with --admin-url to say which")
	}
	host := strings.ToLower(admin.Hostname())
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, picloud.Errorf(picloud.CodeUnavailable,
			"passkeys are bound to a host name, and the address of this server, %s, has none; give it a name, and start it with --admin-url", admin.Host)
	}
	if admin.Scheme != "https" && !localName(host) {
		return nil, picloud.Errorf(picloud.CodeUnavailable, "browsers use passkeys over https only, and the address of this server is %s", admin)
	}
	web, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "PiCloud", RPOrigins: []string{admin.Scheme + "://" + strings.ToLower(admin.Host)},
		AttestationPreference: protocol.PreferNoAttestation,
	})
	if err != nil {
		return nil, &picloud.Error{Code: picloud.CodeUnavailable, Message: fmt.Sprintf("there are no passkeys for %s", admin), Err: err}
	}
	return &passkeys{web}, nil
}

// localName reports whether browsers trust a host name without https.
func localName(host string) bool { return host == "localhost" || strings.HasSuffix(host, ".localhost") }

// keyHolder is a user as the verifier wants to see them.
type keyHolder struct {
	user picloud.User
	keys []webauthn.Credential
}

func (h keyHolder) WebAuthnID() []byte                         { return []byte(h.user.ID) }
func (h keyHolder) WebAuthnName() string                       { return h.user.Username }
func (h keyHolder) WebAuthnDisplayName() string                { return h.user.Username }
func (h keyHolder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func (h keyHolder) descriptors() (list []protocol.CredentialDescriptor) {
	for _, k := range h.keys {
		list = append(list, k.Descriptor())
	}
	return list
}

// holder is a user with their passkeys for this host.
func (s *Service) holder(ctx context.Context, u picloud.User) (keyHolder, error) {
	list, err := s.store.ListPasskeys(ctx, u.ID)
	h := keyHolder{user: u}
	for _, p := range list {
		if p.RPID != s.passkeys.rpID() {
			continue
		}
		var c webauthn.Credential
		if err := json.Unmarshal(p.Credential, &c); err != nil {
			return h, fmt.Errorf("read passkey %s: %w", p.ID, err)
		}
		h.keys = append(h.keys, c)
	}
	return h, err
}

// Ceremony is what a browser has to do with a passkey.
type Ceremony struct {
	Token     string // of the challenge, to be sent back with the answer
	ExpiresAt time.Time
	Options   json.RawMessage // for navigator.credentials
}

// PasskeysAvailable is nil, or the error that says why there are no passkeys.
func (s *Service) PasskeysAvailable() error { return s.noPasskeys }

// beginCeremony enters the challenge of a ceremony.
func (s *Service) beginCeremony(ch challenge, options any, session *webauthn.SessionData) (Ceremony, error) {
	var err error
	if ch.session, err = json.Marshal(session); err != nil {
		return Ceremony{}, err
	}
	encoded, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	token, expires, err := s.challenges.add(ch)
	return Ceremony{Token: token, ExpiresAt: expires, Options: encoded}, err
}

// BeginPasskey starts the registration of a passkey. It takes a proof: a key to
// the account is not made from a session that was left open.
func (s *Service) BeginPasskey(ctx context.Context, p picloud.Principal, proof Proof) (Ceremony, error) {
	if s.passkeys == nil {
		return Ceremony{}, s.noPasskeys
	}
	if err := s.prove(ctx, p, proof); err != nil {
		return Ceremony{}, err
	}
	h, err := s.holder(ctx, p.User)
	if err != nil {
		return Ceremony{}, err
	}
	options, session, err := s.passkeys.web.BeginRegistration(h,
		webauthn.WithExclusions(h.descriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		}))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin a registration: %w", err)
	}
	return s.beginCeremony(challenge{purpose: passkeyRegister, network: network(proof.Address), user: p.User}, options, session)
}

// FinishPasskey registers the passkey that a browser made. The recovery codes
// are the user's first, or nil when there are some already.
func (s *Service) FinishPasskey(ctx context.Context, p picloud.Principal, token, name string, response []byte) (key picloud.Passkey, recovery []string, err error) {
	if name, err = passkeyName(name); err != nil {
		return key, nil, err
	}
	ch, session, err := s.answered(token, passkeyRegister)
	if err != nil {
		return key, nil, err
	}
	if ch.user.ID != p.User.ID {
		return key, nil, errChallenge
	}
	made, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return key, nil, badPasskey(err)
	}
	credential, err := s.passkeys.web.CreateCredential(keyHolder{user: p.User}, session, made)
	if err != nil {
		return key, nil, badPasskey(err)
	}
	if err := s.challenges.finish(token); err != nil {
		return key, nil, err
	}
	return s.addPasskey(ctx, p.User, name, credential)
}

func (s *Service) addPasskey(ctx context.Context, u picloud.User, name string, c *webauthn.Credential) (key picloud.Passkey, recovery []string, err error) {
	encoded, err := json.Marshal(c)
	if err != nil {
		return key, nil, err
	}
	factors, err := s.store.FactorsOf(ctx, u.ID)
	if err != nil {
		return key, nil, err
	}
	codes, hashes, err := s.newRecoveryCodes(u.ID)
	if err != nil {
		return key, nil, err
	}
	key = picloud.Passkey{
		ID: s.ids.New(), UserID: u.ID, Name: name, RPID: s.passkeys.rpID(), CredentialID: c.ID, Credential: encoded,
		CreatedAt: s.now().UTC().Truncate(time.Microsecond),
	}
	if err := s.store.AddPasskey(ctx, key, hashes); err != nil || factors.RecoveryCodes > 0 {
		return key, nil, err
	}
	return key, codes, nil
}

func passkeyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxPasskeyName || printable(name, maxPasskeyName) != name {
		return "", picloud.Invalid("name", "the name of a passkey has 1 to %d bytes that can be shown", maxPasskeyName)
	}
	return name, nil
}

// answered is the challenge that an answer is to, and what the verifier
// remembers of it.
func (s *Service) answered(token string, p ...purpose) (challenge, webauthn.SessionData, error) {
	var session webauthn.SessionData
	if s.passkeys == nil {
		return challenge{}, session, s.noPasskeys
	}
	ch, err := s.challenges.look(token, p...)
	if err != nil {
		return ch, session, err
	}
	if ch.session == nil {
		return ch, session, errChallenge
	}
	return ch, session, json.Unmarshal(ch.session, &session)
}

// badPasskey is what is told of an answer that does not verify. Its details are
// for the log.
func badPasskey(err error) error {
	var details *protocol.Error
	if errors.As(err, &details) {
		err = fmt.Errorf("%w: %s", err, details.DevInfo)
	}
	return &picloud.Error{Code: picloud.CodeInvalidCredentials, Message: "the passkey was not accepted", Err: err}
}

// Passkeys lists the principal's passkeys.
func (s *Service) Passkeys(ctx context.Context, p picloud.Principal) ([]picloud.Passkey, error) {
	return s.store.ListPasskeys(ctx, p.User.ID)
}

// RenamePasskey renames one of the principal's passkeys.
func (s *Service) RenamePasskey(ctx context.Context, p picloud.Principal, id, name string) error {
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	return s.store.RenamePasskey(ctx, p.User.ID, id, name)
}

// DeletePasskey removes one of the principal's passkeys.
func (s *Service) DeletePasskey(ctx context.Context, p picloud.Principal, id string, proof Proof) error {
	if err := s.prove(ctx, p, proof); err != nil {
		return err
	}
	return s.store.DeletePasskey(ctx, p.User.ID, id)
}

// BeginPasskeyProof starts showing a passkey in place of a code, for [Proof].
func (s *Service) BeginPasskeyProof(ctx context.Context, p picloud.Principal, from Client) (Ceremony, error) {
	return s.beginOwn(ctx, challenge{purpose: passkeyProof, network: network(from.Address), user: p.User})
}

// beginOwn starts a ceremony with the passkeys of one user.
func (s *Service) beginOwn(ctx context.Context, ch challenge) (Ceremony, error) {
	if s.passkeys == nil {
		return Ceremony{}, s.noPasskeys
	}
	h, err := s.holder(ctx, ch.user)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.keys) == 0 {
		return Ceremony{}, picloud.Errorf(picloud.CodeConflict, "the account has no passkey for this address")
	}
	options, session, err := s.passkeys.web.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin with a passkey: %w", err)
	}
	return s.beginCeremony(ch, options, session)
}

func (s *Service) finishPasskeyProof(ctx context.Context, p picloud.Principal, proof PasskeyProof) error {
	ch, session, err := s.answered(proof.Challenge, passkeyProof)
	if err != nil {
		return err
	}
	if ch.user.ID != p.User.ID {
		return errChallenge
	}
	return s.checkOwn(ctx, p.User, proof.Challenge, session, proof.Response)
}

// checkOwn checks an answer with one of the passkeys of one user, and uses the
// challenge up.
func (s *Service) checkOwn(ctx context.Context, u picloud.User, token string, session webauthn.SessionData, response []byte) error {
	h, err := s.holder(ctx, u)
	if err != nil {
		return err
	}
	shown, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return badPasskey(err)
	}
	credential, err := s.passkeys.web.ValidateLogin(h, session, shown)
	if err != nil {
		return badPasskey(err)
	}
	return s.usePasskey(ctx, token, credential)
}

// usePasskey notes the use of a passkey, and uses the challenge up. One whose
// counter went back has a copy somewhere, and is refused.
func (s *Service) usePasskey(ctx context.Context, token string, c *webauthn.Credential) error {
	if err := s.challenges.finish(token); err != nil {
		return err
	}
	key, _, err := s.store.PasskeyByCredential(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.Authenticator.CloneWarning {
		s.log.WarnContext(ctx, "a passkey was refused: its counter went back, there may be a copy of it", "passkey", key.ID)
		return badPasskey(errors.New("the counter went back"))
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.store.UsePasskey(ctx, key.ID, encoded, s.now())
}

// BeginPasskeyLogin starts signing in with a passkey. With the token of the
// challenge of a second factor it is for the passkeys of that user; without, for
// any that the browser knows, and then the passkey has to verify its user.
func (s *Service) BeginPasskeyLogin(ctx context.Context, second string, from Client) (Ceremony, error) {
	if s.passkeys == nil {
		return Ceremony{}, s.noPasskeys
	}
	if second == "" {
		options, session, err := s.passkeys.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		if err != nil {
			return Ceremony{}, fmt.Errorf("begin with a passkey: %w", err)
		}
		return s.beginCeremony(challenge{purpose: passkeySignIn, network: network(from.Address)}, options, session)
	}
	ch, err := s.challenges.look(second, secondFactor)
	if err != nil {
		return Ceremony{}, err
	}
	next, err := s.beginOwn(ctx, challenge{purpose: secondFactor, network: ch.network, user: ch.user, password: ch.password})
	if err != nil {
		return Ceremony{}, err
	}
	return next, s.challenges.finish(second) // the new one takes its place, and can be tried with a code too
}

// FinishPasskeyLogin signs in whoever holds the passkey. It fails with
// CodeUnauthenticated when the challenge is over, and with
// CodeInvalidCredentials when the passkey is not accepted.
func (s *Service) FinishPasskeyLogin(ctx context.Context, token string, response []byte, from Client) (SignedIn, error) {
	ch, session, err := s.answered(token, passkeySignIn, secondFactor)
	if err != nil {
		return SignedIn{}, err
	}
	var user picloud.User
	if ch.purpose == secondFactor {
		if user, err = s.stillValid(ctx, ch); err == nil {
			err = s.checkOwn(ctx, user, token, session, response)
		}
	} else {
		user, err = s.checkAny(ctx, token, session, response)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return s.open(ctx, user, from)
}

// checkAny checks an answer with the passkey of anybody, and tells whose it is.
func (s *Service) checkAny(ctx context.Context, token string, session webauthn.SessionData, response []byte) (picloud.User, error) {
	shown, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return picloud.User{}, badPasskey(err)
	}
	var user picloud.User
	find := func(rawID, _ []byte) (webauthn.User, error) {
		_, c, err := s.store.PasskeyByCredential(ctx, rawID)
		if err != nil {
			return nil, err
		}
		user = c.User
		return s.holder(ctx, c.User)
	}
	_, credential, err := s.passkeys.web.ValidatePasskeyLogin(find, session, shown)
	if err != nil {
		return picloud.User{}, badPasskey(err)
	}
	if !user.Active {
		return picloud.User{}, errDeactivated
	}
	return user, s.usePasskey(ctx, token, credential)
}
