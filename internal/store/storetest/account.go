package storetest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var accountCases = []testCase{
	{"a new store has no owner", func(f *fixture) {
		exists, err := f.OwnerExists(f.ctx)
		f.ok(err)
		same(f, "owner exists", exists, false)
		_, err = f.CredentialsOf(f.ctx, "ada")
		f.code(err, picloud.CodeNotFound)
	}},
	{"an owner is found by name and by address", func(f *fixture) {
		u := f.owner()
		for _, login := range []string{"ada", "ada@example.org"} {
			c, err := f.CredentialsOf(f.ctx, login)
			f.ok(err)
			same(f, "user", c.User, u)
			same(f, "hash", c.PasswordHash, "hash")
		}
		exists, err := f.OwnerExists(f.ctx)
		f.ok(err)
		same(f, "owner exists", exists, true)
	}},
	{"there is only one first owner", func(f *fixture) {
		f.owner()
		_, err := f.CreateOwner(f.ctx, picloud.NewOwner{Username: "eve", Email: "eve@example.org", PasswordHash: "x"})
		f.code(err, picloud.CodeSetupDone)
	}},
	{"of many owners at once one is made", func(f *fixture) {
		hash := token("link")
		f.ok(f.PutSetupToken(f.ctx, hash, time.Now().Add(time.Hour)))
		var made atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				name := string(rune('a' + i))
				_, err := f.CreateOwner(f.ctx, picloud.NewOwner{Username: name, Email: name + "@b", PasswordHash: "x", SetupToken: &hash})
				switch {
				case err == nil:
					made.Add(1)
				case !picloud.IsCode(err, picloud.CodeSetupDone):
					f.Errorf("the loser got %v", err)
				}
			})
		}
		wg.Wait()
		same(f, "owners made", made.Load(), 1)
	}},
	{"a setup token must be the current one and not expired", func(f *fixture) {
		try := func(secret string) error {
			hash := token(secret)
			_, err := f.CreateOwner(f.ctx, picloud.NewOwner{Username: "a", Email: "a@b", PasswordHash: "x", SetupToken: &hash})
			return err
		}
		f.code(try("none yet"), picloud.CodeInvalidCredentials)
		f.ok(f.PutSetupToken(f.ctx, token("old"), time.Now().Add(time.Hour)))
		f.ok(f.PutSetupToken(f.ctx, token("late"), time.Now().Add(-time.Second)))
		f.code(try("old"), picloud.CodeInvalidCredentials)
		f.code(try("late"), picloud.CodeInvalidCredentials)
		f.ok(f.PutSetupToken(f.ctx, token("good"), time.Now().Add(time.Hour)))
		f.code(try("guess"), picloud.CodeInvalidCredentials)
		f.ok(try("good"))
		f.code(try("good"), picloud.CodeSetupDone)
	}},
	{"a session lives until it expires or is ended", func(f *fixture) {
		u := f.owner()
		now := time.Now().UTC().Truncate(time.Microsecond)
		s := f.session(u, "secret", now)
		got, user, err := f.SessionOf(f.ctx, token("secret"), now)
		f.ok(err)
		same(f, "session", got, s)
		same(f, "user", user, u)
		_, _, err = f.SessionOf(f.ctx, token("guess"), now)
		f.code(err, picloud.CodeUnauthenticated)
		_, _, err = f.SessionOf(f.ctx, token("secret"), s.ExpiresAt)
		f.code(err, picloud.CodeUnauthenticated)

		f.ok(f.TouchSession(f.ctx, s.ID, now.Add(time.Minute), now.Add(2*time.Hour)))
		got, _, err = f.SessionOf(f.ctx, token("secret"), s.ExpiresAt)
		f.ok(err)
		same(f, "last seen", got.LastSeenAt, now.Add(time.Minute))

		f.ok(f.DeleteSession(f.ctx, s.ID))
		f.ok(f.DeleteSession(f.ctx, s.ID))
		_, _, err = f.SessionOf(f.ctx, token("secret"), now)
		f.code(err, picloud.CodeUnauthenticated)
	}},
	{"expired sessions are dropped, others stay", func(f *fixture) {
		u := f.owner()
		now := time.Now()
		f.session(u, "one", now.Add(-3*time.Hour))
		f.session(u, "two", now)
		n, err := f.DeleteExpiredSessions(f.ctx, now)
		f.ok(err)
		same(f, "dropped", n, 1)
		_, _, err = f.SessionOf(f.ctx, token("two"), now)
		f.ok(err)
	}},
	{"sessions are listed, the last used first, without those that have expired", func(f *fixture) {
		u := f.owner()
		now := time.Now()
		f.session(u, "gone", now.Add(-2*time.Hour))
		older := f.session(u, "older", now.Add(-time.Minute))
		newer := f.session(u, "newer", now)
		list, err := f.ListSessions(f.ctx, u.ID, now)
		f.ok(err)
		same(f, "sessions", len(list), 2)
		same(f, "first", list[0].ID, newer.ID)
		same(f, "second", list[1].ID, older.ID)
		same(f, "address", list[1].Address, "192.0.2.1")
		list, err = f.ListSessions(f.ctx, f.ids.New(), now)
		f.ok(err)
		same(f, "sessions of nobody", len(list), 0)
	}},
	{"a new password ends the other sessions", func(f *fixture) {
		u := f.owner()
		now := time.Now()
		mine := f.session(u, "mine", now)
		f.session(u, "thief", now)
		f.ok(f.PutPassword(f.ctx, u.ID, "new", mine.ID))
		_, _, err := f.SessionOf(f.ctx, token("mine"), now)
		f.ok(err)
		_, _, err = f.SessionOf(f.ctx, token("thief"), now)
		f.code(err, picloud.CodeUnauthenticated)
		c, err := f.CredentialsOf(f.ctx, "ada")
		f.ok(err)
		same(f, "hash", c.PasswordHash, "new")
		f.code(f.PutPassword(f.ctx, f.ids.New(), "x", ""), picloud.CodeNotFound)
	}},
}

func (f *fixture) owner() picloud.User {
	f.Helper()
	u, err := f.CreateOwner(f.ctx, picloud.NewOwner{Username: "ada", Email: "ada@example.org", PasswordHash: "hash"})
	f.ok(err)
	same(f, "role", u.Role, picloud.RoleOwner)
	same(f, "active", u.Active, true)
	return u
}

// session signs u in for an hour.
func (f *fixture) session(u picloud.User, secret string, now time.Time) picloud.Session {
	f.Helper()
	s := picloud.Session{
		ID: f.ids.New(), UserID: u.ID, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour),
		Address: "192.0.2.1", UserAgent: "test",
	}
	f.ok(f.CreateSession(f.ctx, s, token(secret)))
	return s
}
