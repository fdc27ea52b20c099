package manager

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

var update = flag.Bool("update", false, "write the golden files anew")

// caller is one kind of principal: a column of the matrix.
type caller struct {
	name   string
	header map[string]string
}

// person makes a user with a role on the instance, and perhaps one in an app.
func (f *fixture) person(name string, role picloud.Role, app string, in picloud.AppRole) picloud.User {
	f.Helper()
	u, err := f.store.CreateUser(f.Context(), "", picloud.NewUser{Username: name, Email: name + "@example.org", Role: role, PasswordHash: "none"})
	f.ok(err)
	if app != "" {
		_, _, err := f.store.PutMember(f.Context(), app, u.ID, in)
		f.ok(err)
	}
	return u
}

// sessionOf signs somebody in without a password: hashing is slow.
func (f *fixture) sessionOf(u picloud.User) (token string, s picloud.Session) {
	f.Helper()
	token = "pics_" + strings.Repeat("s", 43-len(u.ID)) + u.ID
	now := time.Now()
	s = picloud.Session{ID: f.m.ids.New(), UserID: u.ID, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)}
	f.ok(f.store.CreateSession(f.Context(), s, sha256sum(token)))
	return token, s
}

// keyOf makes a key of somebody.
func (f *fixture) keyOf(u picloud.User, app string, life time.Duration, scopes ...picloud.Scope) (string, picloud.APIKey) {
	f.Helper()
	token, k, err := f.auth.CreateKey(f.Context(), picloud.Principal{Kind: picloud.PrincipalUser, User: u}, auth.NewKey{Name: "k", App: app, Scopes: scopes, Life: life})
	f.ok(err)
	return token, k
}

// callers is everybody who may come to the door, for a fixture with the apps
// shop, which the matrix asks for, and blog.
func (f *fixture) callers() []caller {
	f.Helper()
	for _, app := range []string{"shop", "blog"} {
		_, err := f.store.CreateApp(f.Context(), app)
		f.ok(err)
	}
	var list []caller
	bearer := func(name, token string) {
		list = append(list, caller{name, map[string]string{"Authorization": "Bearer " + token}})
	}
	signedIn := func(name string, role picloud.Role, app string, in picloud.AppRole) picloud.User {
		u := f.person(name, role, app, in)
		token, _ := f.sessionOf(u)
		bearer(name, token)
		return u
	}
	list = append(list, caller{name: "anonymous"})
	owner := signedIn("owner", picloud.RoleOwner, "", "")
	signedIn("admin", picloud.RoleAdmin, "", "")
	signedIn("member-outside", picloud.RoleMember, "blog", picloud.AppAdmin)
	viewer := signedIn("viewer", picloud.RoleMember, "shop", picloud.AppViewer)
	editor := signedIn("editor", picloud.RoleMember, "shop", picloud.AppEditor)
	signedIn("app-admin", picloud.RoleMember, "shop", picloud.AppAdmin)

	cookie, _ := f.sessionOf(f.person("browser", picloud.RoleMember, "shop", picloud.AppViewer))
	list = append(list, caller{"viewer-cookie", map[string]string{"Cookie": CookieName + "=" + cookie}})
	for _, s := range picloud.Scopes() {
		token, _ := f.keyOf(owner, "", 0, s)
		bearer("owner-key-"+string(s), token)
	}
	here, _ := f.keyOf(owner, "shop", 0, picloud.ScopeAdmin)
	bearer("owner-key-shop", here)
	away, _ := f.keyOf(owner, "blog", 0, picloud.ScopeAdmin)
	bearer("owner-key-blog", away)
	theirs, _ := f.keyOf(viewer, "", 0, picloud.ScopeAdmin)
	bearer("viewer-key-admin", theirs)
	theirs, _ = f.keyOf(editor, "", 0, picloud.ScopeDeploy)
	bearer("editor-key-deploy", theirs)

	f.ended(owner, bearer)
	bearer("forged", "pics_"+strings.Repeat("A", 43))
	list = append(list, caller{"forged-cookie", map[string]string{"Cookie": CookieName + "=pics_" + strings.Repeat("A", 43)}})
	return list
}

// ended adds those whose access has ended.
func (f *fixture) ended(owner picloud.User, bearer func(name, token string)) {
	f.Helper()
	expired, _ := f.keyOf(owner, "", time.Microsecond, picloud.ScopeAdmin)
	bearer("expired-key", expired)
	revoked, k := f.keyOf(owner, "", 0, picloud.ScopeAdmin)
	f.ok(f.store.DeleteKey(f.Context(), owner.ID, k.ID))
	bearer("revoked-key", revoked)
	gone := f.person("gone", picloud.RoleOwner, "", "")
	session, _ := f.sessionOf(gone)
	key, _ := f.keyOf(gone, "", 0, picloud.ScopeAdmin)
	off := false
	_, _, err := f.store.ChangeUser(f.Context(), "", gone.ID, picloud.UserChange{Active: &off})
	f.ok(err)
	bearer("disabled-user", session)
	bearer("disabled-users-key", key)
	out := f.person("out", picloud.RoleOwner, "", "")
	token, s := f.sessionOf(out)
	f.ok(f.store.DeleteSession(f.Context(), s.ID))
	bearer("signed-out", token)
}

// verdict is what a caller gets from the door of a route: "ok" if it would be
// let in. It is found out by announcing a body that no route takes, which is
// refused right behind the door, so that nothing is done.
func (f *fixture) verdict(method, path string, c caller) string {
	f.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader("{}"))
	r.ContentLength = 1 << 40
	r.Header.Set("Content-Type", "application/json")
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	f.m.ServeHTTP(rec, r)
	switch rec.Code {
	case http.StatusRequestEntityTooLarge:
		return "ok"
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprint(rec.Code)
	case http.StatusNotFound:
		var p api.Problem
		f.ok(json.Unmarshal(rec.Body.Bytes(), &p))
		if p.Detail == `no app "shop"` {
			return "404"
		}
	}
	f.Fatalf("%s %s as %s: status %d: %s", method, path, c.name, rec.Code, rec.Body)
	return ""
}

// TestMatrix asks every route of the API as every kind of caller, and compares
// with testdata/matrix.txt, in which each route says who gets in. A route that
// is not there fails; write it down with -update, and read the difference as if
// somebody else had made it.
func TestMatrix(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	callers := f.callers()
	var b strings.Builder
	fmt.Fprint(&b, matrixHeading)
	operations := f.operations()
	for _, route := range slices.Sorted(maps.Keys(operations)) {
		method, path, _ := strings.Cut(route, " ")
		path = strings.ReplaceAll(path, "{app}", "shop")
		verdicts := map[string][]string{}
		for _, c := range callers {
			v := f.verdict(method, concrete(path), c)
			verdicts[v] = append(verdicts[v], c.name)
		}
		fmt.Fprintf(&b, "\n%s  (%s)\n", route, operations[route][capabilityField])
		for _, v := range slices.Sorted(maps.Keys(verdicts)) {
			fmt.Fprintf(&b, "  %-3s  %s\n", v, strings.Join(verdicts[v], " "))
		}
	}
	golden(t, "matrix.txt", b.String())
}

const matrixHeading = `# Who gets what from every route of the admin API: ok is let in, 401 is not
# known, 403 is not allowed, 404 must not know that the app is there. The app
# is "shop". member-outside is the admin of another app, owner-key-shop and
# owner-key-blog are keys with the scope admin for one app. TestMatrix keeps it.
`

// golden compares a text with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wanted, gotten := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i, line := range gotten {
		if i >= len(wanted) || line != wanted[i] {
			t.Fatalf("%s:%d is not what was found:\n%s", path, i+1, line)
		}
	}
	if len(wanted) != len(gotten) {
		t.Fatalf("%s has %d lines, found were %d", path, len(wanted), len(gotten))
	}
}

// TestTheMatrixAgreesWithTheTable says in other words what must be true of
// every route, so that a golden file written anew in a hurry cannot hide it.
func TestTheMatrixAgreesWithTheTable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range f.callers() {
		never := slices.Contains([]string{"anonymous", "expired-key", "revoked-key", "disabled-user", "disabled-users-key", "signed-out", "forged", "forged-cookie"}, c.name)
		for route, op := range f.operations() {
			method, path, _ := strings.Cut(route, " ")
			inApp := strings.Contains(path, "{app}")
			got := f.verdict(method, concrete(strings.ReplaceAll(path, "{app}", "shop")), c)
			capability := access.Capability(op[capabilityField].(string))
			switch {
			case capability == access.Anyone:
				if got != "ok" {
					t.Errorf("%s as %s: %s", route, c.name, got)
				}
			case never && got != "401":
				t.Errorf("%s as %s: %s", route, c.name, got)
			case c.name == "owner" && got != "ok", c.name == "admin" && got != "ok" && !ownersOnly(capability):
				t.Errorf("%s as %s: %s", route, c.name, got)
			case strings.HasPrefix(c.name, "admin") && ownersOnly(capability) && got == "ok":
				t.Errorf("%s as %s: it is the owners'", route, c.name)
			case inApp && (c.name == "member-outside" || c.name == "owner-key-blog") && got != "404":
				t.Errorf("%s as %s: %s", route, c.name, got)
			case capability == access.Personal && strings.Contains(c.name, "key") && got == "ok":
				t.Errorf("%s as %s: a key gets what is personal", route, c.name)
			case inApp && strings.HasPrefix(c.name, "viewer") && method != http.MethodGet && got == "ok":
				t.Errorf("%s as %s: a viewer changes something", route, c.name)
			}
		}
	}
}

// ownersOnly reports whether the table keeps a capability from admins.
func ownersOnly(c access.Capability) bool {
	p, known := access.PermissionOf(c)
	return known && !slices.Contains(p.Roles, picloud.RoleAdmin)
}

// TestAnAppThatIsNotThereLooksLikeOneThatIsHidden compares all that is sent.
func TestAnAppThatIsNotThereLooksLikeOneThatIsHidden(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	callers := f.callers()
	i := slices.IndexFunc(callers, func(c caller) bool { return c.name == "member-outside" })
	answer := func(app string) string {
		var p api.Problem
		resp := f.want(request{path: "/api/v1/apps/" + app + "/scripts", header: callers[i].header}, http.StatusNotFound, &p)
		p.RequestID = ""
		return strings.ReplaceAll(fmt.Sprint(p, resp.Header.Get("Content-Type")), app, "?")
	}
	if hidden, absent := answer("shop"), answer("nada"); hidden != absent {
		t.Errorf("hidden: %s\nabsent: %s", hidden, absent)
	}
}

func TestAnOperationMustSayWhatItAsksFor(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]operation{
		"no capability":               {path: "/apps/{app}/x"},
		"an unknown one":              {path: "/x", capability: "made-up"},
		"an app's without an app":     {path: "/x", capability: access.Deploy},
		"the instance's under an app": {path: "/apps/{app}/x", capability: access.ManageUsers},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it is accepted", name)
				}
			}()
			op.check()
		}()
	}
}
