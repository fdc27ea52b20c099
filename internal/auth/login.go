package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Login is an attempt to sign in.
type Login struct {
	Login     string // user name or e-mail address
	Password  string
	Address   string // of the client, without a port
	UserAgent string
}

// Client is where somebody signs in from.
type Client struct {
	Address   string // without a port
	UserAgent string
}

// Method is a way to prove oneself after the password.
type Method string

// The methods.
const (
	MethodTOTP     Method = "totp"
	MethodPasskey  Method = "passkey"
	MethodRecovery Method = "recovery_code"
)

// SignedIn is what a sign-in has led to: a new session, whose only copy of the
// token is here, or a challenge for what is still to be shown.
type SignedIn struct {
	Token     string
	Session   picloud.Session
	User      picloud.User
	Challenge *Challenge // when it is not nil, nobody is signed in yet
}

// Challenge asks for a second factor. Its token is good for nothing else, for
// a few tries, and until it expires.
type Challenge struct {
	Token     string
	ExpiresAt time.Time
	Methods   []Method
}

// Login checks a password. The user of an account with a second factor gets a
// challenge, any other a session.
//
// It fails with CodeInvalidCredentials, after the same work and with the same
// words whether the user is unknown or the password is wrong, and whether there
// is a second factor or not; with CodeRateLimited after failures; with
// CodeForbidden if the password is right and the account is deactivated.
func (s *Service) Login(ctx context.Context, in Login) (SignedIn, error) {
	login := accountKey(in.Login)
	attempt, err := s.begin(ctx, login, in.Address)
	if err != nil {
		return SignedIn{}, err
	}
	c, err := s.verify(ctx, login, in.Password)
	if err != nil {
		if !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
			attempt.forget() // it was not a guess that failed
		}
		return SignedIn{}, err
	}
	// Not a success yet: who knows the password must not clear, with each
	// login, the count of their guesses at the second factor.
	attempt.forget()
	return s.proceed(ctx, c, Client{in.Address, in.UserAgent}, attempt)
}

// proceed goes on for a user whose first factor was right. attempt is nil where
// there was nothing to guess.
func (s *Service) proceed(ctx context.Context, c picloud.Credentials, from Client, attempt *attempt) (SignedIn, error) {
	if !c.User.Active {
		return SignedIn{}, errDeactivated
	}
	factors, err := s.store.FactorsOf(ctx, c.User.ID)
	if err != nil {
		return SignedIn{}, err
	}
	if factors.Required() {
		return s.challenge(ctx, c, factors, from)
	}
	if attempt != nil {
		attempt.clear()
	}
	return s.open(ctx, c.User, from)
}

var errDeactivated = picloud.Errorf(picloud.CodeForbidden, "this account is deactivated")

func (s *Service) challenge(ctx context.Context, c picloud.Credentials, factors picloud.FactorSummary, from Client) (SignedIn, error) {
	token, expires, err := s.challenges.add(challenge{
		purpose: secondFactor, network: network(from.Address), user: c.User, password: fingerprint(c.PasswordHash),
	})
	if err != nil {
		return SignedIn{}, err
	}
	methods, err := s.methods(ctx, c.User.ID, factors)
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{User: c.User, Challenge: &Challenge{Token: token, ExpiresAt: expires, Methods: methods}}, nil
}

// fingerprint tells whether a password is still the one that was checked.
func fingerprint(hash string) [sha256.Size]byte { return sha256.Sum256([]byte(hash)) }

func (s *Service) methods(ctx context.Context, userID string, f picloud.FactorSummary) ([]Method, error) {
	list := []Method{}
	if f.TOTP {
		list = append(list, MethodTOTP)
	}
	if f.Passkeys > 0 && s.passkeys != nil {
		keys, err := s.store.ListPasskeys(ctx, userID)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys, func(p picloud.Passkey) bool { return p.RPID == s.passkeys.rpID() }) {
			list = append(list, MethodPasskey)
		}
	}
	if f.RecoveryCodes > 0 {
		list = append(list, MethodRecovery)
	}
	return list, nil
}

// LoginCode finishes a sign-in with a code of the authenticator app, or with a
// recovery code. It fails with CodeUnauthenticated when the challenge is over,
// with CodeInvalidCredentials for a wrong code, and with CodeRateLimited.
func (s *Service) LoginCode(ctx context.Context, token, code string, from Client) (SignedIn, error) {
	ch, err := s.challenges.look(token, secondFactor)
	if err != nil {
		return SignedIn{}, err
	}
	attempt, err := s.begin(ctx, ch.user.Username, from.Address)
	if err != nil {
		return SignedIn{}, err
	}
	user, err := s.stillValid(ctx, ch)
	if err == nil {
		err = s.checkCode(ctx, user.ID, code)
	}
	if err != nil {
		if !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
			attempt.forget()
		}
		return SignedIn{}, err
	}
	attempt.succeed()
	if err := s.challenges.finish(token); err != nil {
		return SignedIn{}, err
	}
	return s.open(ctx, user, from)
}

// stillValid is the user of a challenge as they are now. A new password or a
// deactivation meanwhile ends the sign-in.
func (s *Service) stillValid(ctx context.Context, ch challenge) (picloud.User, error) {
	u, err := s.store.UserByName(ctx, ch.user.ID)
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return picloud.User{}, errChallenge
	}
	if err != nil {
		return picloud.User{}, err
	}
	c, err := s.credentials(ctx, u)
	if err != nil {
		return picloud.User{}, err
	}
	now := fingerprint(c.PasswordHash)
	if subtle.ConstantTimeCompare(now[:], ch.password[:]) == 0 {
		return picloud.User{}, errChallenge
	}
	if !c.User.Active {
		return picloud.User{}, errDeactivated
	}
	return c.User, nil
}

// begin counts a try at an account, or refuses it. Only when strangers have
// been guessing at the account is the store asked whether this network is one
// of the user's own; whether there is such a user makes no difference.
func (s *Service) begin(ctx context.Context, login, address string) (*attempt, error) {
	a, err := s.attempts.begin(try{account: login, address: address})
	var no *refused
	if !errors.As(err, &no) {
		return a, err
	}
	if no.strange {
		familiar, err := s.familiar(ctx, login, address)
		if err != nil {
			return nil, err
		}
		if a, err = s.attempts.begin(try{account: login, address: address, familiar: familiar}); err == nil {
			return a, nil
		}
	}
	return nil, no.problem()
}

// familiar reports whether an account is signed in from a network.
func (s *Service) familiar(ctx context.Context, login, address string) (bool, error) {
	list, err := s.store.SignedInFrom(ctx, login, s.now())
	here := network(address)
	return slices.ContainsFunc(list, func(a string) bool { return network(a) == here }), err
}

// verify finds the user with this login and password, with the same work when
// there is none.
func (s *Service) verify(ctx context.Context, login, password string) (picloud.Credentials, error) {
	c, err := s.store.CredentialsOf(ctx, login)
	known := err == nil
	if err != nil && !picloud.IsCode(err, picloud.CodeNotFound) {
		return picloud.Credentials{}, fmt.Errorf("look up credentials: %w", err)
	}
	if known = known && c.PasswordHash != ""; !known { // or there is no password
		c.PasswordHash = unknownHash
	}
	match, err := s.hasher.check(ctx, password, c.PasswordHash)
	if err != nil {
		return picloud.Credentials{}, err
	}
	if !match || !known {
		return picloud.Credentials{}, picloud.Errorf(picloud.CodeInvalidCredentials, "wrong user name or password")
	}
	return c, nil
}

func (s *Service) open(ctx context.Context, user picloud.User, from Client) (SignedIn, error) {
	token, hash, err := newToken(s.rand, sessionPrefix)
	if err != nil {
		return SignedIn{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond) // what the store keeps
	session := picloud.Session{
		ID: s.ids.New(), UserID: user.ID, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(SessionIdle),
		Address: printable(from.Address, 64), UserAgent: printable(from.UserAgent, 256),
	}
	if err := s.store.CreateSession(ctx, session, hash); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Token: token, Session: session, User: user}, nil
}
