package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
	"github.com/picloud/picloud/internal/store"
)

const (
	goodPassword = "rowing by the river"
	testHost     = "pi.example.org"
)

// clock is a time that moves when a test says so.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// house is a service on a real store with a clock in hand.
type house struct {
	*Service
	*testing.T
	store *store.Store
	clock *clock
	ctx   context.Context
}

func newHouse(t *testing.T) *house {
	t.Parallel()
	return buildHouse(t)
}

func buildHouse(t *testing.T) *house {
	c := &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	ids := picloud.NewIDs(c.Now, rand.Reader)
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "picloud.db"), Now: c.Now, IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	keys, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{
		Store: st, IDs: ids, Now: c.Now, Rand: rand.Reader, Keys: keys, Log: slog.New(slog.DiscardHandler),
		AdminURL: &url.URL{Scheme: "https", Host: testHost},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &house{Service: s, T: t, store: st, clock: c, ctx: t.Context()}
}

// withOwner is a house with its owner, ada.
func withOwner(t *testing.T) *house {
	t.Parallel()
	return oneWithOwner(t)
}

// oneWithOwner is one of several houses of a test.
func oneWithOwner(t *testing.T) *house {
	h := buildHouse(t)
	created, err := h.Bootstrap(h.ctx, NewOwner{"Ada", "Ada@Example.org", goodPassword})
	if err != nil || !created {
		t.Fatalf("bootstrap: %v, %v", created, err)
	}
	return h
}

func (h *house) login(name, password, address string) (SignedIn, error) {
	return h.Login(h.ctx, Login{Login: name, Password: password, Address: address, UserAgent: "test"})
}

func (h *house) mustLogin() SignedIn {
	h.Helper()
	in, err := h.login("ada", goodPassword, "192.0.2.1")
	if err != nil {
		h.Fatal(err)
	}
	return in
}

func (h *house) wantCode(err error, code picloud.Code) {
	h.Helper()
	if !picloud.IsCode(err, code) {
		h.Fatalf("error %v, want %s", err, code)
	}
}

func TestSetup(t *testing.T) {
	h := newHouse(t)
	if required, err := h.SetupRequired(h.ctx); err != nil || !required {
		t.Fatalf("setup required: %v, %v", required, err)
	}
	old, err := h.NewSetupToken(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.NewSetupToken(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	good := NewOwner{"ada", "ada@example.org", goodPassword}
	for _, wrong := range []string{"", "guess", old, token[:len(token)-1], strings.Repeat("x", 1<<20)} {
		_, err := h.Setup(h.ctx, wrong, good)
		h.wantCode(err, picloud.CodeInvalidCredentials)
	}
	for _, bad := range []NewOwner{{"", "a@b", goodPassword}, {"ada", "nobody", goodPassword}, {"ada", "a@b", "short"}} {
		_, err := h.Setup(h.ctx, token, bad)
		h.wantCode(err, picloud.CodeInvalid) // and the token is not used up
	}
	u, err := h.Setup(h.ctx, token, good)
	if err != nil || u.Role != picloud.RoleOwner {
		t.Fatalf("setup: %+v, %v", u, err)
	}
	_, err = h.Setup(h.ctx, token, NewOwner{"eve", "eve@example.org", goodPassword})
	h.wantCode(err, picloud.CodeSetupDone)
	if created, err := h.Bootstrap(h.ctx, NewOwner{"eve", "eve@example.org", goodPassword}); err != nil || created {
		t.Errorf("bootstrap after setup: %v, %v", created, err)
	}
	before := h.store.Statements()
	if required, err := h.SetupRequired(h.ctx); err != nil || required {
		t.Errorf("setup required after setup: %v, %v", required, err)
	}
	if h.store.Statements() != before {
		t.Error("asking whether setup is done still asks the database")
	}
}

func TestSetupTokenExpires(t *testing.T) {
	h := newHouse(t)
	token, err := h.NewSetupToken(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Add(SetupTTL)
	_, err = h.Setup(h.ctx, token, NewOwner{"ada", "ada@example.org", goodPassword})
	h.wantCode(err, picloud.CodeInvalidCredentials)
}

func TestLogin(t *testing.T) {
	h := withOwner(t)
	for _, name := range []string{"ada", "ADA", " ada@example.org "} {
		in, err := h.login(name, goodPassword, "192.0.2.1")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, err := h.Authenticate(h.ctx, in.Token)
		if err != nil || p.User != in.User || p.SessionID != in.Session.ID || !p.CanManage() {
			t.Errorf("%s is %+v, %v", name, p, err)
		}
	}
	var texts []string
	for _, guess := range [][2]string{{"ada", "rowing by the rivet"}, {"nobody", goodPassword}, {"", ""}, {"ada", ""}, {"a' OR 1=1 --", "x"}, {"ada", goodPassword + strings.Repeat("x", 1<<20)}} {
		_, err := h.login(guess[0], guess[1], "192.0.2.9")
		h.wantCode(err, picloud.CodeInvalidCredentials)
		texts = append(texts, err.Error())
	}
	if slices.Sort(texts); len(slices.Compact(texts)) != 1 {
		t.Errorf("failures can be told apart: %q", texts)
	}
}

func TestTokensAreStoredHashed(t *testing.T) {
	h := withOwner(t)
	in := h.mustLogin()
	other := h.mustLogin()
	if in.Token == other.Token || !strings.HasPrefix(in.Token, sessionPrefix) || len(in.Token) != len(sessionPrefix)+43 {
		t.Errorf("tokens %q, %q", in.Token, other.Token)
	}
	for _, wrong := range []string{"", "x", sessionPrefix, in.Token + "x", strings.ToUpper(in.Token), setupPrefix + in.Token[len(sessionPrefix):], in.Session.ID} {
		_, err := h.Authenticate(h.ctx, wrong)
		h.wantCode(err, picloud.CodeUnauthenticated)
	}
}

func TestSessionSlidesAndEnds(t *testing.T) {
	h := withOwner(t)
	in := h.mustLogin()
	used := func() error {
		_, err := h.Authenticate(h.ctx, in.Token)
		return err
	}
	for day := 0; day < 80; day += 10 { // used within SessionIdle each time
		if err := used(); err != nil {
			t.Fatalf("day %d: %v", day, err)
		}
		h.clock.Add(10 * 24 * time.Hour)
	}
	if err := used(); err != nil {
		t.Fatal(err)
	}
	h.clock.Add(SessionMax - 80*24*time.Hour)
	h.wantCode(used(), picloud.CodeUnauthenticated)

	in = h.mustLogin()
	h.clock.Add(SessionIdle)
	h.wantCode(used(), picloud.CodeUnauthenticated)
	if n, err := h.Sweep(h.ctx); err != nil || n != 2 {
		t.Errorf("swept %d, %v; want both", n, err)
	}
}

func TestUseIsNotWrittenEachTime(t *testing.T) {
	h := withOwner(t)
	in := h.mustLogin()
	one := h.store.Statements()
	for range 5 {
		if _, err := h.Authenticate(h.ctx, in.Token); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.store.Statements() - one; n != 5*3 { // begin, select, commit
		t.Errorf("5 uses ran %d statements", n)
	}
}

func TestLogout(t *testing.T) {
	h := withOwner(t)
	in, other := h.mustLogin(), h.mustLogin()
	p, err := h.Authenticate(h.ctx, in.Token)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Logout(h.ctx, p); err != nil {
		t.Fatal(err)
	}
	_, err = h.Authenticate(h.ctx, in.Token)
	h.wantCode(err, picloud.CodeUnauthenticated)
	if _, err := h.Authenticate(h.ctx, other.Token); err != nil {
		t.Errorf("another session: %v", err)
	}
}

func TestChangePassword(t *testing.T) {
	h := withOwner(t)
	in, thief := h.mustLogin(), h.mustLogin()
	p, err := h.Authenticate(h.ctx, in.Token)
	if err != nil {
		t.Fatal(err)
	}
	const next = "a longer walk uphill"
	h.wantCode(h.ChangePassword(h.ctx, picloud.Principal{}, goodPassword, next, "::1"), picloud.CodeUnauthenticated)
	h.wantCode(h.ChangePassword(h.ctx, p, "wrong", next, "::1"), picloud.CodeInvalidCredentials)
	h.wantCode(h.ChangePassword(h.ctx, p, goodPassword, "short", "::1"), picloud.CodeInvalid)
	if err := h.ChangePassword(h.ctx, p, goodPassword, next, "::1"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Authenticate(h.ctx, in.Token); err != nil {
		t.Errorf("the session that changed it: %v", err)
	}
	_, err = h.Authenticate(h.ctx, thief.Token)
	h.wantCode(err, picloud.CodeUnauthenticated)
	_, err = h.login("ada", goodPassword, "::1")
	h.wantCode(err, picloud.CodeInvalidCredentials)
	if _, err := h.login("ada", next, "::1"); err != nil {
		t.Error(err)
	}
}

func TestHasherIsBounded(t *testing.T) {
	h := newHasher()
	var held []func()
	for range hashesAtOnce {
		release, err := h.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, release)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	results := make(chan error, hashesWaiting+1)
	for range hashesWaiting + 1 {
		wg.Go(func() {
			_, err := h.acquire(ctx)
			results <- err
		})
	}
	if err := <-results; !picloud.IsCode(err, picloud.CodeOverloaded) { // one of them finds the queue full
		t.Errorf("beyond the queue: %v", err)
	}
	cancel()
	wg.Wait()
	for range hashesWaiting {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("given up while waiting: %v", err)
		}
	}
	for _, release := range held {
		release()
	}
	if release, err := h.acquire(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	} else {
		release()
	}
}

func TestUnknownUsersCostTheSame(t *testing.T) {
	params, _, _, err := argon2id.DecodeHash(unknownHash)
	if err != nil || *params != argonParams {
		t.Errorf("the hash for unknown users has %+v, %v; real ones have %+v", params, err, argonParams)
	}
}

func TestValidatePassword(t *testing.T) {
	for _, good := range []string{goodPassword, "ünïcödé日本語です", "Tr0ub4dor&3", strings.Repeat("abcde", 51)} {
		if err := ValidatePassword(good, "ada", "ada@example.org"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "short", "ninechars", "日本語です", "aaaaaaaaaaaa", "abababababab", "Password123", "ada1234", "1adaada", "ada@example.org",
		"bad\xffutf8 password", strings.Repeat("abcdef", 43),
	} {
		if err := ValidatePassword(bad, "ada", "ada@example.org"); !picloud.IsCode(err, picloud.CodeInvalid) {
			t.Errorf("%.30q is let through", bad)
		}
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"junk": "junk", "": "",
	} {
		if got := network(in); got != want {
			t.Errorf("network(%q) = %q, want %q", in, got, want)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	h := newHasher()
	for b.Loop() {
		if _, err := h.check(context.Background(), goodPassword, unknownHash); err != nil {
			b.Fatal(err)
		}
	}
}
