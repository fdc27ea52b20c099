package manager

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const (
	patch = http.MethodPatch
	put   = http.MethodPut
	del   = http.MethodDelete
	post  = http.MethodPost
)

// add makes a user through the API, and is their token.
func (f *fixture) add(name string, role picloud.Role) string {
	f.Helper()
	var u picloud.User
	f.want(request{path: "/api/v1/users", body: api.NewUser{Username: name, Email: name + "@example.org", Role: role, Password: "a password of " + name + "'s own 7"}}, http.StatusCreated, &u)
	token, _ := f.sessionOf(u)
	return token
}

// as is the fixture with somebody else signed in.
func (f *fixture) as(token string) *fixture {
	g := *f
	g.token = token
	return &g
}

func TestUsersThroughTheAPI(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var u picloud.User
	f.want(request{path: "/api/v1/users", body: map[string]any{"username": " Bob", "email": "Bob@Example.org", "password": ownerPassword}}, http.StatusCreated, &u)
	if u.Username != "bob" || u.Email != "bob@example.org" || u.Role != picloud.RoleAdmin || !u.Active {
		t.Errorf("bob %+v; want an admin by default", u)
	}
	for pointer, body := range map[string]api.NewUser{
		"#/username": {Username: "BOB", Email: "other@example.org", Password: ownerPassword},
		"#/email":    {Username: "other", Email: "BOB@example.org", Password: ownerPassword},
	} {
		p := f.fails(request{path: "/api/v1/users", body: body}, http.StatusConflict, picloud.CodeConflict)
		if len(p.Errors) != 1 || p.Errors[0].Pointer != pointer {
			t.Errorf("errors %+v, want one at %s", p.Errors, pointer)
		}
	}
	f.fails(request{path: "/api/v1/users", body: api.NewUser{Username: "x", Email: "x@b", Role: "king"}}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	f.fails(request{method: patch, path: "/api/v1/users/bob", body: `{"role":"king"}`}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	f.want(request{method: patch, path: "/api/v1/users/bob", body: `{"role":"member","email":"BOB2@example.org"}`}, http.StatusOK, &u)
	if u.Role != picloud.RoleMember || u.Email != "bob2@example.org" {
		t.Errorf("changed %+v", u)
	}
	var list api.Users
	f.want(request{path: "/api/v1/users"}, http.StatusOK, &list)
	if len(list.Users) != 2 || list.Users[1] != u {
		t.Errorf("users %+v", list.Users)
	}
	f.want(request{method: del, path: "/api/v1/users/" + u.ID}, http.StatusNoContent, nil)
	f.fails(request{path: "/api/v1/users/bob"}, http.StatusNotFound, picloud.CodeNotFound)
}

func TestWhoIsInChargeStays(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.fails(request{method: patch, path: "/api/v1/users/ada", body: `{"role":"admin"}`}, http.StatusConflict, picloud.CodeLastOwner)
	f.fails(request{method: patch, path: "/api/v1/users/ada", body: `{"active":false}`}, http.StatusConflict, picloud.CodeLastOwner)
	f.fails(request{method: del, path: "/api/v1/users/ada"}, http.StatusConflict, picloud.CodeLastOwner)
	f.fails(request{method: patch, path: "/api/v1/users/ada", body: `{"password":"something quite new 1"}`}, http.StatusUnprocessableEntity, picloud.CodeInvalid)

	admin := f.as(f.add("admin", picloud.RoleAdmin))
	for _, q := range []request{
		{method: patch, path: "/api/v1/users/admin", body: `{"role":"owner"}`},
		{method: patch, path: "/api/v1/users/ada", body: `{"role":"member"}`},
		{method: patch, path: "/api/v1/users/ada", body: `{"password":"something quite new 1"}`},
		{method: del, path: "/api/v1/users/ada"},
		{method: del, path: "/api/v1/users/ada/keys"},
		{method: post, path: "/api/v1/users", body: api.NewUser{Username: "x", Email: "x@b.example", Role: picloud.RoleOwner}},
	} {
		admin.fails(q, http.StatusForbidden, picloud.CodeForbidden)
	}
	admin.want(request{method: patch, path: "/api/v1/users/admin", body: `{"role":"member"}`}, http.StatusOK, nil)
	admin.fails(request{path: "/api/v1/users"}, http.StatusForbidden, picloud.CodeForbidden)
}

func TestADeactivatedUserIsOutAtOnce(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	bob := f.as(f.add("bob", picloud.RoleMember))
	bob.want(request{path: "/api/v1/me"}, http.StatusOK, nil)
	f.want(request{method: patch, path: "/api/v1/users/bob", body: `{"active":false}`}, http.StatusOK, nil)
	bob.fails(request{path: "/api/v1/me"}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
	f.want(request{method: patch, path: "/api/v1/users/bob", body: `{"active":true}`}, http.StatusOK, nil)
	bob.fails(request{path: "/api/v1/me"}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
}

func TestMembersSeeOnlyTheirApps(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	for _, name := range []string{"shop", "blog"} {
		f.want(request{path: "/api/v1/apps", body: api.NewApp{Name: name}}, http.StatusCreated, nil)
	}
	bob := f.as(f.add("bob", picloud.RoleMember))
	seen := func() []string {
		var list api.Apps
		bob.want(request{path: "/api/v1/apps"}, http.StatusOK, &list)
		names := []string{}
		for _, a := range list.Apps {
			names = append(names, a.Name)
		}
		return names
	}
	if got := seen(); len(got) != 0 {
		t.Errorf("at first: %v", got)
	}
	var m picloud.Member
	f.want(request{method: put, path: "/api/v1/apps/shop/members/bob", body: `{"role":"viewer"}`}, http.StatusCreated, &m)
	if m.Username != "bob" || m.Role != picloud.AppViewer || m.App != "shop" {
		t.Errorf("member %+v", m)
	}
	if got := seen(); !slices.Equal(got, []string{"shop"}) {
		t.Errorf("as a viewer: %v", got)
	}
	var a api.App
	bob.want(request{path: "/api/v1/apps/shop"}, http.StatusOK, &a)
	if a.Role != picloud.AppViewer || !slices.Contains(a.Capabilities, string(access.ReadScripts)) || slices.Contains(a.Capabilities, string(access.Deploy)) {
		t.Errorf("app %+v", a)
	}
	bob.fails(request{path: "/api/v1/apps/blog"}, http.StatusNotFound, picloud.CodeNotFound)
	bob.fails(request{method: put, path: "/api/v1/apps/shop/members/bob", body: `{"role":"admin"}`}, http.StatusForbidden, picloud.CodeForbidden)
	f.fails(request{method: put, path: "/api/v1/apps/shop/members/bob", body: `{"role":"king"}`}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	f.fails(request{method: put, path: "/api/v1/apps/shop/members/nobody", body: `{"role":"admin"}`}, http.StatusNotFound, picloud.CodeNotFound)
	f.want(request{method: put, path: "/api/v1/apps/shop/members/bob", body: `{"role":"editor"}`}, http.StatusOK, nil)
	var list api.Members
	bob.want(request{path: "/api/v1/apps/shop/members"}, http.StatusOK, &list)
	var one api.UserWithApps
	f.want(request{path: "/api/v1/users/bob"}, http.StatusOK, &one)
	if len(list.Members) != 1 || len(one.Apps) != 1 || one.Apps[0] != list.Members[0] {
		t.Errorf("members %+v, apps %+v", list.Members, one.Apps)
	}
	f.want(request{method: del, path: "/api/v1/apps/shop/members/bob"}, http.StatusNoContent, nil)
	f.fails(request{method: del, path: "/api/v1/apps/shop/members/bob"}, http.StatusNotFound, picloud.CodeNotFound)
	bob.fails(request{path: "/api/v1/apps/shop"}, http.StatusNotFound, picloud.CodeNotFound)
	f.want(request{method: del, path: "/api/v1/apps/shop"}, http.StatusNoContent, nil)
	f.fails(request{method: del, path: "/api/v1/apps/default"}, http.StatusConflict, picloud.CodeConflict)
}

func TestKeysThroughTheAPI(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.want(request{path: "/api/v1/apps", body: api.NewApp{Name: "shop"}}, http.StatusCreated, nil)
	bob := f.as(f.add("bob", picloud.RoleMember))
	f.want(request{method: put, path: "/api/v1/apps/shop/members/bob", body: `{"role":"editor"}`}, http.StatusCreated, nil)

	var k api.CreatedKey
	bob.want(request{path: "/api/v1/keys", body: api.NewKey{Name: "ci", Scopes: []picloud.Scope{picloud.ScopeDeploy}, App: "shop", ExpiresInDays: 7}}, http.StatusCreated, &k)
	if !strings.HasPrefix(k.Key, "pic_"+k.Prefix+"_") || k.App != "shop" {
		t.Errorf("key %+v", k)
	}
	key := f.as(k.Key)
	deploy := request{path: "/api/v1/apps/shop/deployments", body: api.Deploy{Scripts: []api.DeployScript{{Name: "hello", Source: "1"}}}}
	key.want(deploy, http.StatusOK, nil)
	var me api.Me
	key.want(request{path: "/api/v1/me"}, http.StatusOK, &me)
	if me.User.Username != "bob" || me.Key == nil || me.Key.ID != k.ID || me.SessionID != "" {
		t.Errorf("me %+v", me)
	}
	key.fails(request{path: "/api/v1/apps/shop/members"}, http.StatusForbidden, picloud.CodeForbidden)
	key.fails(request{path: "/api/v1/keys", body: api.NewKey{Name: "more", Scopes: []picloud.Scope{picloud.ScopeDeploy}}}, http.StatusForbidden, picloud.CodeForbidden)

	f.want(request{method: put, path: "/api/v1/apps/shop/members/bob", body: `{"role":"viewer"}`}, http.StatusOK, nil)
	key.fails(deploy, http.StatusForbidden, picloud.CodeForbidden) // never more than its user
	f.want(request{method: del, path: "/api/v1/apps/shop/members/bob"}, http.StatusNoContent, nil)
	key.fails(deploy, http.StatusNotFound, picloud.CodeNotFound)

	p := bob.fails(request{path: "/api/v1/keys", body: api.NewKey{Name: "x", Scopes: []picloud.Scope{picloud.ScopeRead}, App: "shop"}}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	if p.Errors[0].Pointer != "#/app" {
		t.Errorf("errors %+v", p.Errors)
	}
	var list api.Keys
	f.want(request{path: "/api/v1/users/bob/keys"}, http.StatusOK, &list)
	if len(list.Keys) != 1 || list.Keys[0].ID != k.ID || list.Keys[0].LastUsedAt.IsZero() {
		t.Errorf("keys %+v", list.Keys)
	}
	f.fails(request{method: del, path: "/api/v1/keys/" + k.ID}, http.StatusNotFound, picloud.CodeNotFound) // not hers
	bob.want(request{method: del, path: "/api/v1/keys/" + k.ID}, http.StatusNoContent, nil)
	key.fails(request{path: "/api/v1/me"}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
}

func TestAuditTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	bob := f.as(f.add("bob", picloud.RoleMember))
	f.want(request{method: patch, path: "/api/v1/users/bob", body: `{"role":"admin"}`}, http.StatusOK, nil)
	f.want(request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: ownerPassword}, anonymous: true}, http.StatusOK, nil)
	f.fails(request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: "the wrong password"}, anonymous: true}, http.StatusUnauthorized, picloud.CodeInvalidCredentials)
	f.want(request{method: patch, path: "/api/v1/users/bob", body: `{"role":"member"}`}, http.StatusOK, nil)
	bob.fails(request{path: "/api/v1/apps", body: api.NewApp{Name: "mine"}}, http.StatusForbidden, picloud.CodeForbidden)
	list := func(query string) []picloud.AuditEntry {
		t.Helper()
		var out api.Audit
		f.want(request{path: "/api/v1/audit?" + query}, http.StatusOK, &out)
		return out.Entries
	}
	changes := list("action=change-user&target=bob&user=ada")
	if len(changes) != 2 || changes[1].Before["role"] != "member" || changes[1].After["role"] != "admin" || changes[1].Address != "192.0.2.1" || changes[1].Actor != picloud.ActorUser {
		t.Errorf("changes %+v", changes)
	}
	logins := list("action=login")
	if len(logins) != 2 || logins[0].Outcome != "invalid_credentials" || logins[0].Target != "ada" || logins[0].Username != "" || logins[1].Username != "ada" || logins[1].Outcome != "ok" {
		t.Errorf("sign-ins %+v", logins)
	}
	refused := list("user=bob&failed=true")
	if len(refused) != 1 || refused[0].Action != "create-app" || refused[0].Outcome != "forbidden" {
		t.Errorf("refused %+v", refused)
	}
	var page api.Audit
	f.want(request{path: "/api/v1/audit?limit=2"}, http.StatusOK, &page)
	if len(page.Entries) != 2 || page.Before != page.Entries[1].Seq {
		t.Errorf("page %+v", page)
	}
	text, err := json.Marshal(list(""))
	f.ok(err)
	for _, secret := range []string{"the wrong password", ownerPassword, "argon2id", "a password of"} {
		if strings.Contains(string(text), secret) || strings.Contains(f.log.String(), secret) {
			t.Errorf("%q got out", secret)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var o picloud.Options
	f.want(request{path: "/api/v1/settings"}, http.StatusOK, &o)
	if o != picloud.DefaultOptions() {
		t.Errorf("options %+v", o)
	}
	f.fails(request{method: patch, path: "/api/v1/settings", body: `{"audit_days":1}`}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	f.want(request{method: patch, path: "/api/v1/settings", body: `{"audit_days":30}`}, http.StatusOK, &o)
	if o.AuditDays != 30 {
		t.Errorf("options %+v", o)
	}
}
