package auth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
)

// How long things live.
const (
	SessionIdle = 14 * 24 * time.Hour // a session that is not used for so long ends
	SessionMax  = 90 * 24 * time.Hour // every session ends then
	SetupTTL    = 24 * time.Hour      // of a setup link

	// touchEvery is how often the use of a session is written down: a request
	// must not cost a write.
	touchEvery = 10 * time.Minute
)

// Store is what the service needs to be kept.
type Store interface {
	picloud.Accounts
	picloud.Sessions
	picloud.Users
	picloud.APIKeys
	picloud.Factors
	picloud.Identities
}

// Config is what a Service is made from. All fields are required but those that
// say otherwise.
type Config struct {
	Store Store
	IDs   *picloud.IDs
	Now   func() time.Time
	Rand  io.Reader // secure randomness for tokens
	// Keys are those that secrets are sealed with. With nil, authenticator
	// apps cannot be set up.
	Keys *seal.Keyring
	// AdminURL is how browsers reach the admin listener. Passkeys are for its
	// host; nil, or one that can have none, means that there are no passkeys.
	AdminURL *url.URL
	// OIDC is the provider with which people may sign in; nil is none.
	OIDC *OIDC
	Log  *slog.Logger
}

// Service signs people in and tells who they are. It is safe for concurrent
// use. New makes one.
type Service struct {
	store      Store
	ids        *picloud.IDs
	now        func() time.Time
	rand       io.Reader
	log        *slog.Logger
	keys       *seal.Keyring
	hasher     *hasher
	attempts   *limiter
	challenges *challenges
	passkeys   *passkeys // nil when there are none; noPasskeys says why
	noPasskeys error
	provider   *provider   // nil when there is none
	setUp      atomic.Bool // an owner has been seen; one never goes away
}

// New makes a service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.IDs == nil || cfg.Now == nil || cfg.Rand == nil || cfg.Log == nil {
		return nil, errors.New("auth: incomplete configuration")
	}
	s := &Service{
		store: cfg.Store, ids: cfg.IDs, now: cfg.Now, rand: cfg.Rand, log: cfg.Log, keys: cfg.Keys,
		hasher: newHasher(), attempts: newLimiter(cfg.Now), challenges: newChallenges(cfg.Now, cfg.Rand),
	}
	s.passkeys, s.noPasskeys = newPasskeys(cfg.AdminURL)
	if cfg.OIDC != nil {
		var err error
		if s.provider, err = newProvider(*cfg.OIDC, cfg.AdminURL, cfg.Now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Authenticate tells who holds the token of a session, or an API key, and
// counts as a use of it. It fails with CodeUnauthenticated.
func (s *Service) Authenticate(ctx context.Context, token string) (picloud.Principal, error) {
	if strings.HasPrefix(token, keyMark) {
		return s.authenticateKey(ctx, token)
	}
	hash, err := hashToken(token, sessionPrefix)
	if err != nil {
		return picloud.Principal{}, picloud.Errorf(picloud.CodeUnauthenticated, "sign in first")
	}
	now := s.now()
	session, user, err := s.store.SessionOf(ctx, hash, now)
	if err != nil {
		return picloud.Principal{}, err
	}
	end := session.CreatedAt.Add(SessionMax)
	if !now.Before(end) {
		return picloud.Principal{}, picloud.Errorf(picloud.CodeUnauthenticated, "the session has ended; sign in again")
	}
	s.touch(ctx, session, now, end)
	return picloud.Principal{Kind: picloud.PrincipalUser, User: user, SessionID: session.ID, Until: session.ExpiresAt}, nil
}

// touch moves the session's end on, now and then. That it could not be written
// is no reason to send somebody away.
func (s *Service) touch(ctx context.Context, session picloud.Session, now, end time.Time) {
	if now.Sub(session.LastSeenAt) < touchEvery {
		return
	}
	expires := now.Add(SessionIdle)
	if expires.After(end) {
		expires = end
	}
	if err := s.store.TouchSession(ctx, session.ID, now, expires); err != nil {
		s.log.WarnContext(ctx, "session not prolonged", "session", session.ID, "err", err)
	}
}

// Logout ends the session of a principal.
func (s *Service) Logout(ctx context.Context, p picloud.Principal) error {
	if p.SessionID == "" {
		return nil
	}
	return s.store.DeleteSession(ctx, p.SessionID)
}

// Sessions lists where the principal is signed in, the last used first.
func (s *Service) Sessions(ctx context.Context, p picloud.Principal) ([]picloud.Session, error) {
	return s.store.ListSessions(ctx, p.User.ID, s.now())
}

// Revoke ends one of the principal's sessions. It fails with CodeNotFound for
// one that is not theirs.
func (s *Service) Revoke(ctx context.Context, p picloud.Principal, id string) error {
	list, err := s.Sessions(ctx, p)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(v picloud.Session) bool { return v.ID == id }) {
		return picloud.NotFound("session", id)
	}
	return s.store.DeleteSession(ctx, id)
}

// RevokeOthers ends the principal's sessions but for the one that asks, and
// tells how many.
func (s *Service) RevokeOthers(ctx context.Context, p picloud.Principal) (int64, error) {
	return s.store.DeleteOtherSessions(ctx, p.User.ID, p.SessionID)
}

// ChangePassword replaces the principal's password and ends their other
// sessions. A wrong old password counts as a failed login.
func (s *Service) ChangePassword(ctx context.Context, p picloud.Principal, old, new, address string) error {
	if !p.Authenticated() {
		return picloud.Errorf(picloud.CodeUnauthenticated, "sign in first")
	}
	if err := ValidatePassword(new, p.User.Username, p.User.Email); err != nil {
		return err
	}
	if err := s.checkOwnPassword(ctx, p, old, "old_password", address); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, new)
	if err != nil {
		return err
	}
	return s.store.PutPassword(ctx, p.User.ID, hash, p.SessionID)
}

// ChangeEmail replaces the principal's e-mail address. It takes the password: the
// address is a name to sign in with.
func (s *Service) ChangeEmail(ctx context.Context, p picloud.Principal, email, password, address string) error {
	email, err := picloud.NormalizeEmail(email)
	if err != nil {
		return err
	}
	if err := s.checkOwnPassword(ctx, p, password, "password", address); err != nil {
		return err
	}
	return s.store.ChooseEmail(ctx, p.User.ID, email)
}

// Sweep drops sessions that have expired. Nothing depends on when it is called.
func (s *Service) Sweep(ctx context.Context) (dropped int64, err error) {
	return s.store.DeleteExpiredSessions(ctx, s.now())
}

// accountKey is the form in which a login is looked up and counted: that of
// user names and addresses, clipped to what either can be.
func accountKey(login string) string {
	return printable(strings.ToLower(strings.TrimSpace(login)), picloud.MaxEmail)
}
