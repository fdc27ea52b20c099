package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
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
}

// Config is what a Service is made from. All fields are required.
type Config struct {
	Store Store
	IDs   *picloud.IDs
	Now   func() time.Time
	Rand  io.Reader // secure randomness for tokens
	Log   *slog.Logger
}

// Service signs people in and tells who they are. It is safe for concurrent
// use. New makes one.
type Service struct {
	store    Store
	ids      *picloud.IDs
	now      func() time.Time
	rand     io.Reader
	log      *slog.Logger
	hasher   *hasher
	attempts *limiter
	setUp    atomic.Bool // an owner has been seen; one never goes away
}

// New makes a service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.IDs == nil || cfg.Now == nil || cfg.Rand == nil || cfg.Log == nil {
		return nil, errors.New("auth: incomplete configuration")
	}
	return &Service{store: cfg.Store, ids: cfg.IDs, now: cfg.Now, rand: cfg.Rand, log: cfg.Log, hasher: newHasher(), attempts: newLimiter(cfg.Now)}, nil
}

// Login is an attempt to sign in.
type Login struct {
	Login     string // user name or e-mail address
	Password  string
	Address   string // of the client, without a port
	UserAgent string
}

// SignedIn is a new session. Token is its only copy.
type SignedIn struct {
	Token   string
	Session picloud.Session
	User    picloud.User
}

// Login makes a session. It fails with CodeInvalidCredentials, in the same
// time and with the same words whether the user is unknown or the password is
// wrong; with CodeRateLimited after too many failures; with CodeForbidden if
// the password is right and the account is deactivated.
func (s *Service) Login(ctx context.Context, in Login) (SignedIn, error) {
	account := accountKey(in.Login)
	attempt, err := s.attempts.begin(account, in.Address)
	if err != nil {
		return SignedIn{}, err
	}
	user, err := s.verify(ctx, account, in.Password)
	if err != nil {
		if !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
			attempt.forget() // it was not a guess that failed
		}
		return SignedIn{}, err
	}
	attempt.succeed()
	if !user.Active {
		return SignedIn{}, picloud.Errorf(picloud.CodeForbidden, "this account is deactivated")
	}
	return s.open(ctx, user, in)
}

// verify finds the user with this login and password, with the same work when
// there is none.
func (s *Service) verify(ctx context.Context, login, password string) (picloud.User, error) {
	c, err := s.store.CredentialsOf(ctx, login)
	known := err == nil
	if err != nil && !picloud.IsCode(err, picloud.CodeNotFound) {
		return picloud.User{}, fmt.Errorf("look up credentials: %w", err)
	}
	if !known {
		c.PasswordHash = unknownHash
	}
	match, err := s.hasher.check(ctx, password, c.PasswordHash)
	if err != nil {
		return picloud.User{}, err
	}
	if !match || !known {
		return picloud.User{}, picloud.Errorf(picloud.CodeInvalidCredentials, "wrong user name or password")
	}
	return c.User, nil
}

func (s *Service) open(ctx context.Context, user picloud.User, in Login) (SignedIn, error) {
	token, hash, err := newToken(s.rand, sessionPrefix)
	if err != nil {
		return SignedIn{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond) // what the store keeps
	session := picloud.Session{
		ID: s.ids.New(), UserID: user.ID, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(SessionIdle),
		Address: printable(in.Address, 64), UserAgent: printable(in.UserAgent, 256),
	}
	if err := s.store.CreateSession(ctx, session, hash); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Token: token, Session: session, User: user}, nil
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

// ChangePassword replaces the principal's password and ends their other
// sessions. A wrong old password counts as a failed login.
func (s *Service) ChangePassword(ctx context.Context, p picloud.Principal, old, new, address string) error {
	if !p.Authenticated() {
		return picloud.Errorf(picloud.CodeUnauthenticated, "sign in first")
	}
	if err := ValidatePassword(new, p.User.Username, p.User.Email); err != nil {
		return err
	}
	attempt, err := s.attempts.begin(accountKey(p.User.Username), address)
	if err != nil {
		return err
	}
	if _, err := s.verify(ctx, p.User.Username, old); err != nil {
		if !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
			attempt.forget()
			return err
		}
		return &picloud.Error{Code: picloud.CodeInvalidCredentials, Field: "old_password", Message: "the old password is wrong"}
	}
	attempt.succeed()
	hash, err := s.hasher.hash(ctx, new)
	if err != nil {
		return err
	}
	return s.store.PutPassword(ctx, p.User.ID, hash, p.SessionID)
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
