package orchestrator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// withAuth lets a node tell who calls. It is the last of the edits, so that it
// has their clock.
func withAuth(t testing.TB) (edit func(*Config), service func() *auth.Service) {
	var s *auth.Service
	edit = func(c *Config) {
		var err error
		s, err = auth.New(auth.Config{Store: c.Store.(auth.Store), IDs: c.IDs, Now: c.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		c.Callers = s
	}
	return edit, func() *auth.Service { return s }
}

// town is a node with people.
type town struct {
	*node
	auth *auth.Service
}

func newTown(t *testing.T, run runFunc, edits ...func(*Config)) *town {
	t.Helper()
	return newTownOn(t, filepath.Join(t.TempDir(), "picloud.db"), run, edits...)
}

func newTownOn(t *testing.T, database string, run runFunc, edits ...func(*Config)) *town {
	t.Helper()
	edit, service := withAuth(t)
	n := startNodeOn(t, database, run, append(edits, edit)...)
	n.deployAs(picloud.DefaultApp, "hello", "1", picloud.Settings{}, "/open", "/key auth=key", "/member auth=member")
	return &town{n, service()}
}

// person makes a user, perhaps with a role in the default app.
func (w *town) person(name string, role picloud.Role, in picloud.AppRole) picloud.User {
	w.t.Helper()
	u, err := w.store.CreateUser(w.t.Context(), "", picloud.NewUser{Username: name, Email: name + "@b.example", Role: role})
	if err != nil {
		w.t.Fatal(err)
	}
	if in != "" {
		if _, _, err := w.store.PutMember(w.t.Context(), picloud.DefaultApp, u.ID, in); err != nil {
			w.t.Fatal(err)
		}
	}
	return u
}

func (w *town) key(u picloud.User, scopes ...picloud.Scope) (string, picloud.APIKey) {
	w.t.Helper()
	token, k, err := w.auth.CreateKey(w.t.Context(), picloud.Principal{Kind: picloud.PrincipalUser, User: u}, auth.NewKey{Name: "robot", Scopes: scopes})
	if err != nil {
		w.t.Fatal(err)
	}
	return token, k
}

func (w *town) session(u picloud.User) (string, picloud.Session) {
	w.t.Helper()
	token := "pics_" + strings.Repeat("s", 43-len(u.ID)) + u.ID
	now := time.Now()
	s := picloud.Session{ID: w.cfg.IDs.New(), UserID: u.ID, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)}
	if err := w.store.CreateSession(w.t.Context(), s, sha256.Sum256([]byte(token))); err != nil {
		w.t.Fatal(err)
	}
	return token, s
}

// call calls a path with a bearer token, or with "" as anybody.
func (w *town) call(path, token string) answer {
	w.t.Helper()
	if token == "" {
		return w.do("GET", path, "")
	}
	return w.do("GET", path, "", "Authorization: Bearer "+token)
}

func TestRoutesAskWhoCalls(t *testing.T) {
	t.Parallel()
	w := newTown(t, echo)
	viewer, stranger := w.person("viewer", picloud.RoleMember, picloud.AppViewer), w.person("stranger", picloud.RoleMember, "")
	owner := w.person("owner", picloud.RoleOwner, "")
	viewerKey, _ := w.key(viewer, picloud.ScopeInvoke)
	ownerKey, _ := w.key(owner, picloud.ScopeAdmin)
	readKey, _ := w.key(owner, picloud.ScopeRead)
	strangerKey, _ := w.key(stranger, picloud.ScopeAdmin)
	session, _ := w.session(viewer)
	outside, _ := w.session(stranger)
	const ok, unknown, forbidden = 200, 401, 403
	for _, c := range []struct {
		who, token        string
		open, key, member int
	}{
		{"anybody", "", ok, unknown, unknown},
		{"a viewer's key", viewerKey, ok, ok, ok},
		{"an owner's key", ownerKey, ok, ok, ok},
		{"a key for reading", readKey, ok, forbidden, forbidden},
		{"a stranger's key", strangerKey, ok, forbidden, forbidden},
		{"a viewer", session, ok, forbidden, ok},
		{"a stranger", outside, ok, forbidden, forbidden},
		{"a forged key", viewerKey[:len(viewerKey)-4] + "aaaa", ok, unknown, unknown},
		{"a forged session", "pics_" + strings.Repeat("A", 43), ok, unknown, unknown},
		{"nonsense", "x", ok, unknown, unknown},
	} {
		for path, want := range map[string]int{"/open": c.open, "/key": c.key, "/member": c.member} {
			for range 2 { // the second comes from memory
				a := w.call(path, c.token)
				if a.status != want {
					t.Errorf("%s on %s: %d, want %d: %s", c.who, path, a.status, want, a.body)
				}
				if (a.header.Get("WWW-Authenticate") != "") != (a.status == unknown) {
					t.Errorf("%s on %s: WWW-Authenticate %q", c.who, path, a.header.Get("WWW-Authenticate"))
				}
			}
		}
	}
	a := w.do("GET", "/key", "", "Authorization: Basic "+viewerKey)
	a.want(t, "basic", 401, string(picloud.CodeUnauthenticated))
}

func TestScriptsSeeWhoCallsButNotTheirKey(t *testing.T) {
	t.Parallel()
	w := newTown(t, echo)
	viewer, owner := w.person("viewer", picloud.RoleMember, picloud.AppViewer), w.person("owner", picloud.RoleOwner, "")
	key, _ := w.key(viewer, picloud.ScopeInvoke)
	session, _ := w.session(owner)
	for _, c := range []struct {
		path, token string
		want        *picloud.Caller
	}{
		{"/open", key, nil},
		{"/key", key, &picloud.Caller{Kind: picloud.PrincipalKey, User: "viewer", Key: "robot", Role: "viewer"}},
		{"/member", session, &picloud.Caller{Kind: picloud.PrincipalUser, User: "owner", Role: "owner"}},
	} {
		a := w.call(c.path, c.token)
		q := a.seen(t).Request
		if (q.Auth == nil) != (c.want == nil) || q.Auth != nil && *q.Auth != *c.want {
			t.Errorf("%s: auth %+v, want %+v", c.path, q.Auth, c.want)
		}
		if strings.Contains(a.body, c.token) {
			t.Errorf("%s: the script sees the token", c.path)
		}
	}
}

func TestRepeatedCallsAskNoDatabase(t *testing.T) {
	t.Parallel()
	w := newTown(t, echo)
	asked := &counting{Callers: w.cfg.Callers, Store: w.cfg.Store}
	w.cfg.Callers, w.cfg.Store = asked, asked
	viewer := w.person("viewer", picloud.RoleMember, picloud.AppViewer)
	key, _ := w.key(viewer, picloud.ScopeInvoke)
	session, _ := w.session(viewer)
	for i, token := range []string{key, session} {
		for range 20 {
			w.call("/member", token).want(t, "a call", 200, "")
		}
		if got := asked.questions.Load(); got != int64(2*(i+1)) {
			t.Errorf("after 20 calls with each of %d tokens the database was asked %d questions, want two for each token", i+1, got)
		}
	}
}

// counting counts what is asked about callers.
type counting struct {
	Callers
	Store
	questions, touches atomic.Int64
}

func (c *counting) Authenticate(ctx context.Context, token string) (picloud.Principal, error) {
	c.questions.Add(1)
	return c.Callers.Authenticate(ctx, token)
}

func (c *counting) AppAccess(ctx context.Context, app, userID string) (picloud.AppAccess, error) {
	c.questions.Add(1)
	return c.Store.AppAccess(ctx, app, userID)
}

func (c *counting) Touch(ctx context.Context, p picloud.Principal) {
	c.touches.Add(1)
	c.Callers.Touch(ctx, p)
}

// movable is a clock that stands still until it is set.
type movable struct{ t atomic.Pointer[time.Time] }

func newMovable() *movable {
	m := &movable{}
	m.set(time.Now())
	return m
}

func (m *movable) now() time.Time  { return *m.t.Load() }
func (m *movable) set(t time.Time) { m.t.Store(&t) }

func TestWhoIsOutIsOutAtOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t, echo)
	off, on := false, true
	owner := w.person("owner", picloud.RoleOwner, "")
	for name, end := range map[string]func(u picloud.User, k picloud.APIKey, s picloud.Session) error{
		"the key is revoked": func(u picloud.User, k picloud.APIKey, s picloud.Session) error {
			return errors.Join(w.store.DeleteKey(t.Context(), u.ID, k.ID), w.store.DeleteSession(t.Context(), s.ID))
		},
		"the user is disabled": func(u picloud.User, _ picloud.APIKey, _ picloud.Session) error {
			_, _, err := w.store.ChangeUser(t.Context(), owner.ID, u.ID, picloud.UserChange{Active: &off})
			return err
		},
		"the user is deleted": func(u picloud.User, _ picloud.APIKey, _ picloud.Session) error {
			_, err := w.store.DeleteUser(t.Context(), owner.ID, u.ID)
			return err
		},
		"the membership ends": func(u picloud.User, _ picloud.APIKey, _ picloud.Session) error {
			_, err := w.store.RemoveMember(t.Context(), picloud.DefaultApp, u.ID)
			return err
		},
		"all access is ended": func(u picloud.User, _ picloud.APIKey, _ picloud.Session) error {
			_, _, err := w.store.ChangeUser(t.Context(), owner.ID, u.ID, picloud.UserChange{Active: &on, EndSessions: true, ExpireKeys: true})
			return err
		},
	} {
		u := w.person(strings.ReplaceAll(name, " ", "-"), picloud.RoleMember, picloud.AppEditor)
		key, k := w.key(u, picloud.ScopeInvoke)
		session, s := w.session(u)
		w.call("/key", key).want(t, name+", before", 200, "")
		w.call("/member", session).want(t, name+", before", 200, "")
		if err := end(u, k, s); err != nil {
			t.Fatal(err)
		}
		if a := w.call("/key", key); a.status != 401 && a.status != 403 {
			t.Errorf("%s: the key still works: %d", name, a.status)
		}
		if a := w.call("/member", session); a.status != 401 && a.status != 403 {
			t.Errorf("%s: the session still works: %d", name, a.status)
		}
	}
}

func TestAKeyThatIsKnownExpires(t *testing.T) {
	t.Parallel()
	clock := newMovable()
	w := newTown(t, echo, func(c *Config) { c.Now = clock.now })
	token, k := w.key(w.person("viewer", picloud.RoleMember, picloud.AppViewer), picloud.ScopeInvoke)
	w.call("/key", token).want(t, "before", 200, "")
	clock.set(k.ExpiresAt.Add(-time.Second))
	w.call("/key", token).want(t, "just before its end", 200, "")
	clock.set(k.ExpiresAt)
	w.call("/key", token).want(t, "after", 401, string(picloud.CodeUnauthenticated))
}

func TestTheUseOfAKeyIsWrittenDown(t *testing.T) {
	t.Parallel()
	clock := newMovable()
	w := newTown(t, echo, func(c *Config) { c.Now = clock.now })
	u := w.person("viewer", picloud.RoleMember, picloud.AppViewer)
	token, k := w.key(u, picloud.ScopeInvoke)
	asked := &counting{Callers: w.cfg.Callers, Store: w.cfg.Store}
	w.cfg.Callers = asked
	for minute := range 3 {
		for range 3 {
			w.call("/key", token).want(t, "a call", 200, "")
		}
		// The first use is written down by who looks the caller up.
		testenv.Eventually(t, "the use of this minute is written down", func() bool { return asked.touches.Load() == int64(minute) })
		clock.set(clock.now().Add(picloud.TouchKeyEvery))
	}
	want := clock.now().Add(-picloud.TouchKeyEvery).UTC().Truncate(time.Microsecond)
	testenv.Eventually(t, "the last use is kept", func() bool {
		got, err := w.store.KeyByID(t.Context(), u.ID, k.ID)
		return err == nil && got.LastUsedAt.Equal(want)
	})
}

// failing cannot tell anything.
type failing struct{}

func (failing) Authenticate(context.Context, string) (picloud.Principal, error) {
	return picloud.Principal{}, errors.New("the database is away")
}
func (failing) Touch(context.Context, picloud.Principal) {}

func TestWithoutTheDatabaseWhoIsKnownStaysKnown(t *testing.T) {
	t.Parallel()
	w := newTown(t, echo)
	u := w.person("viewer", picloud.RoleMember, picloud.AppViewer)
	one, _ := w.key(u, picloud.ScopeInvoke)
	two, _ := w.key(u, picloud.ScopeInvoke)
	w.call("/key", one).want(t, "before", 200, "")
	w.cfg.Callers = failing{}
	w.call("/key", one).want(t, "who was here", 200, "")
	a := w.call("/key", two)
	a.want(t, "who was not", 503, string(picloud.CodeUnavailable))
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.cfg.Callers = nil
	w.call("/key", two).want(t, "a node that cannot tell", 503, string(picloud.CodeUnavailable))
}

// TestCookiesOfOtherPagesCountForNothing sends what browsers send.
func TestCookiesOfOtherPagesCountForNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t, echo)
	session, _ := w.session(w.person("viewer", picloud.RoleMember, picloud.AppViewer))
	cookie := "Cookie: " + picloud.AdminCookie + "=" + session
	w.do("POST", "/member", "", cookie, "Sec-Fetch-Site: same-origin").want(t, "its own page", 200, "")
	w.do("POST", "/member", "", cookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example").want(t, "another's page", 403, string(picloud.CodeForbidden))
	w.do("POST", "/member", "", cookie, "Sec-Fetch-Site: same-site").want(t, "a neighbour's page", 403, string(picloud.CodeForbidden))
	w.do("POST", "/member", "", cookie, "Origin: http://evil.example").want(t, "an old browser", 403, string(picloud.CodeForbidden))
	w.do("GET", "/member", "", cookie).want(t, "a link", 200, "")
}

func TestKnownCallersAreBounded(t *testing.T) {
	t.Parallel()
	var k known
	for i := range 3 * maxKnown {
		var key knownKey
		key.token[0], key.token[1], key.token[2] = byte(i), byte(i>>8), byte(i>>16)
		k.put(key, &knownCaller{})
		if len(k.m) > maxKnown {
			t.Fatalf("%d callers are known", len(k.m))
		}
	}
}

func TestASessionInUseDoesNotRunOut(t *testing.T) {
	t.Parallel()
	clock := newMovable()
	w := newTown(t, echo, func(c *Config) { c.Now = clock.now })
	session, s := w.session(w.person("viewer", picloud.RoleMember, picloud.AppViewer))
	for clock.now().Before(s.ExpiresAt.Add(time.Hour)) {
		w.call("/member", session).want(t, "a call", 200, "")
		clock.set(clock.now().Add(sessionFor + time.Second))
	}
}

// TestOtherNodesForgetToo has two nodes on one database, of which one hears
// that a key is revoked.
func TestOtherNodesForgetToo(t *testing.T) {
	t.Parallel()
	database := testenv.Database(t)
	one := newTownOn(t, database, echo)
	two := newTownOn(t, database, echo)
	key, k := one.key(one.person("viewer", picloud.RoleMember, picloud.AppViewer), picloud.ScopeInvoke)
	testenv.Eventually(t, "the other node lets the key in", func() bool { return two.call("/key", key).status == 200 })
	two.call("/key", key).want(t, "from memory", 200, "")
	started := time.Now()
	if err := one.store.DeleteKey(t.Context(), k.UserID, k.ID); err != nil {
		t.Fatal(err)
	}
	one.call("/key", key).want(t, "where it was revoked", 401, string(picloud.CodeUnauthenticated))
	testenv.Eventually(t, "the other node lets the key in no more", func() bool { return two.call("/key", key).status == 401 })
	t.Logf("the other node forgot it within %v", time.Since(started))
}
