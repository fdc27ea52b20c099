package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// owner is ada as a principal.
func (h *house) owner() picloud.Principal {
	h.Helper()
	p, err := h.Authenticate(h.ctx, h.mustLogin().Token)
	if err != nil {
		h.Fatal(err)
	}
	return p
}

// newKey makes a key of somebody.
func (h *house) newKey(p picloud.Principal, scopes ...picloud.Scope) (string, picloud.APIKey) {
	h.Helper()
	token, k, err := h.CreateKey(h.ctx, p, NewKey{Name: "ci", Scopes: scopes})
	if err != nil {
		h.Fatal(err)
	}
	return token, k
}

func TestKeyActsForItsUser(t *testing.T) {
	h := withOwner(t)
	token, k := h.newKey(h.owner(), picloud.ScopeDeploy)
	if len(token) != 53 || !strings.HasPrefix(token, "pic_"+k.Prefix+"_") || len(k.Prefix) != 8 {
		t.Errorf("key %q, prefix %q", token, k.Prefix)
	}
	p, err := h.Authenticate(h.ctx, token)
	if err != nil || p.Kind != picloud.PrincipalKey || p.User.Username != "ada" || p.Key.ID != k.ID || p.SessionID != "" || !p.Until.Equal(k.ExpiresAt) {
		t.Errorf("principal %+v, %v", p, err)
	}
	if want := h.clock.Now().Add(picloud.DefaultKeyLife); !k.ExpiresAt.Equal(want) {
		t.Errorf("it expires at %v, want %v", k.ExpiresAt, want)
	}
}

func TestWrongKeys(t *testing.T) {
	h := withOwner(t)
	ada := h.owner()
	one, k := h.newKey(ada, picloud.ScopeDeploy)
	two, other := h.newKey(ada, picloud.ScopeDeploy)
	for name, wrong := range map[string]string{
		"truncated":        one[:len(one)-1],
		"a letter changed": one[:len(one)-1] + flip(one[len(one)-1]),
		"secrets swapped":  "pic_" + k.Prefix + two[len("pic_")+8:],
		"prefix alone":     "pic_" + other.Prefix + "_",
		"upper case":       strings.ToUpper(one),
		"longer":           one + "a",
		"a session's mark": "pics_" + one[len("pic_"):],
		"no prefix":        "pic__" + one[len("pic_")+9:],
		"a wildcard":       "pic_%%%%%%%%" + one[len("pic_")+8:],
		"invented":         "pic_" + strings.Repeat("a", 8) + "_" + strings.Repeat("a", 40),
		"huge":             "pic_" + strings.Repeat("a", 1<<20),
	} {
		_, err := h.Authenticate(h.ctx, wrong)
		if !picloud.IsCode(err, picloud.CodeUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// flip is another letter.
func flip(c byte) string {
	if c == 'a' {
		return "b"
	}
	return "a"
}

func TestKeyEnds(t *testing.T) {
	h := withOwner(t)
	ada := h.owner()
	bob, err := h.CreateUser(h.ctx, ada, NewUser{Username: "Bob", Email: "Bob@example.org", Password: goodPassword})
	if err != nil || bob.Role != picloud.RoleAdmin || bob.Username != "bob" {
		t.Fatalf("bob %+v, %v", bob, err)
	}
	token, k := h.newKey(picloud.Principal{Kind: picloud.PrincipalUser, User: bob}, picloud.ScopeRead)
	works := func() error {
		_, err := h.Authenticate(h.ctx, token)
		return err
	}
	change := func(c UserChange) {
		t.Helper()
		if _, _, err := h.ChangeUser(h.ctx, ada, bob, c); err != nil {
			t.Fatal(err)
		}
	}
	off, on, member := false, true, picloud.RoleMember
	if err := works(); err != nil {
		t.Fatal(err)
	}
	change(UserChange{Active: &off})
	h.wantCode(works(), picloud.CodeUnauthenticated)
	change(UserChange{Active: &on, Role: &member})
	p, err := h.Authenticate(h.ctx, token)
	if err != nil || p.User.Role != picloud.RoleMember {
		t.Errorf("the key is more than its user: %+v, %v", p.User, err)
	}
	change(UserChange{ExpireKeys: true})
	h.wantCode(works(), picloud.CodeUnauthenticated)

	token, k = h.newKey(ada, picloud.ScopeRead)
	h.clock.Add(k.ExpiresAt.Sub(h.clock.Now()) - time.Second)
	if err := works(); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	h.clock.Add(time.Second)
	h.wantCode(works(), picloud.CodeUnauthenticated)
	h.clock.Add(keepExpired)
	if n, err := h.SweepKeys(h.ctx); err != nil || n != 2 {
		t.Errorf("dropped %d, %v; want both", n, err)
	}
}

func TestUseOfAKeyIsWrittenOnceAMinute(t *testing.T) {
	h := withOwner(t)
	token, _ := h.newKey(h.owner(), picloud.ScopeRead)
	statements := func() int64 {
		t.Helper()
		before := h.store.Statements()
		if _, err := h.Authenticate(h.ctx, token); err != nil {
			t.Fatal(err)
		}
		return h.store.Statements() - before
	}
	const read, write = 3, 3
	for i, want := range []int64{read + write, read, read} {
		if got := statements(); got != want {
			t.Errorf("use %d ran %d statements, want %d", i, got, want)
		}
	}
	h.clock.Add(picloud.TouchKeyEvery)
	if got := statements(); got != read+write {
		t.Errorf("a minute later: %d statements", got)
	}
}

func TestNewKeysAreChecked(t *testing.T) {
	h := withOwner(t)
	ada := h.owner()
	read := []picloud.Scope{picloud.ScopeRead}
	for field, in := range map[string]NewKey{
		"name":            {Name: " ", Scopes: read},
		"scopes":          {Name: "a", Scopes: []picloud.Scope{"everything"}},
		"expires_in_days": {Name: "a", Scopes: read, Life: picloud.MaxKeyLife + time.Second},
	} {
		_, _, err := h.CreateKey(h.ctx, ada, in)
		h.wantCode(err, picloud.CodeInvalid)
		if got := err.(*picloud.Error).Field; got != field {
			t.Errorf("field %q, want %q", got, field)
		}
	}
	for _, in := range []NewKey{{Name: "a"}, {Name: strings.Repeat("a", 65), Scopes: read}, {Name: "a\nb", Scopes: read}, {Name: "a", Scopes: append(read, read...)}, {Name: "a", Scopes: read, Life: -1}} {
		_, _, err := h.CreateKey(h.ctx, ada, in)
		h.wantCode(err, picloud.CodeInvalid)
	}
}

func TestUsersAreChecked(t *testing.T) {
	h := withOwner(t)
	ada := h.owner()
	for _, in := range []NewUser{
		{Username: "b b", Email: "b@b", Password: goodPassword},
		{Username: "bob", Email: "nobody", Password: goodPassword},
		{Username: "bob", Email: "b@b", Password: "short"},
		{Username: "bob", Email: "b@b", Password: goodPassword, Role: "king"},
	} {
		_, err := h.CreateUser(h.ctx, ada, in)
		h.wantCode(err, picloud.CodeInvalid)
	}
	_, err := h.CreateUser(h.ctx, ada, NewUser{Username: "ADA", Email: "other@example.org", Password: goodPassword})
	h.wantCode(err, picloud.CodeConflict)
	_, err = h.CreateUser(h.ctx, ada, NewUser{Username: "bob", Email: "ADA@EXAMPLE.ORG", Password: goodPassword})
	h.wantCode(err, picloud.CodeConflict)

	other := "another good password"
	_, _, err = h.ChangeUser(h.ctx, ada, ada.User, UserChange{Password: &other})
	h.wantCode(err, picloud.CodeInvalid) // one's own takes the old one
	bad := picloud.Role("king")
	_, _, err = h.ChangeUser(h.ctx, ada, ada.User, UserChange{Role: &bad})
	h.wantCode(err, picloud.CodeInvalid)

	bob, err := h.CreateUser(h.ctx, ada, NewUser{Username: "bob", Email: "bob@example.org", Role: picloud.RoleMember})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.login("bob", "", "192.0.2.1")
	h.wantCode(err, picloud.CodeInvalidCredentials) // there is no password
	if _, _, err := h.ChangeUser(h.ctx, ada, bob, UserChange{Password: &other}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.login("bob", other, "192.0.2.1"); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}
