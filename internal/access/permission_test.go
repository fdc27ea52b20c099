package access

import (
	"slices"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

var (
	shop = picloud.App{ID: "1", Name: "shop"}
	blog = picloud.App{ID: "2", Name: "blog"}
)

func person(role picloud.Role) picloud.Principal {
	return picloud.Principal{Kind: picloud.PrincipalUser, User: picloud.User{Role: role, Active: true}}
}

// key is a key of somebody with that role, for all apps or for one.
func key(role picloud.Role, app picloud.App, scopes ...picloud.Scope) picloud.Principal {
	p := person(role)
	p.Kind, p.Key = picloud.PrincipalKey, picloud.APIKey{Scopes: scopes, AppID: app.ID, App: app.Name}
	return p
}

func in(app picloud.App, role picloud.AppRole) picloud.AppAccess {
	return picloud.AppAccess{App: app, Role: role}
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	all, here, away := picloud.App{}, in(shop, ""), picloud.AppAccess{}
	inactive := person(picloud.RoleOwner)
	inactive.User.Active = false
	for _, c := range []struct {
		name string
		p    picloud.Principal
		c    Capability
		in   picloud.AppAccess
		code picloud.Code
	}{
		{"nobody signs in", picloud.Principal{}, Anyone, away, ""},
		{"nobody reads", picloud.Principal{}, ReadScripts, here, picloud.CodeUnauthenticated},
		{"a deactivated owner", inactive, ReadScripts, here, picloud.CodeUnauthenticated},
		{"an owner deploys", person(picloud.RoleOwner), Deploy, here, ""},
		{"an admin deletes", person(picloud.RoleAdmin), Delete, here, ""},
		{"an admin manages users", person(picloud.RoleAdmin), ManageUsers, away, ""},
		{"a capability of an app without an app", person(picloud.RoleOwner), Deploy, away, picloud.CodeForbidden},
		{"an unknown capability", person(picloud.RoleOwner), "other", here, picloud.CodeForbidden},
		{"an unknown role", person("king"), ReadScripts, here, picloud.CodeForbidden},
		{"an unknown app role", person(picloud.RoleMember), ReadScripts, in(shop, "king"), picloud.CodeForbidden},

		{"a member has a session", person(picloud.RoleMember), Personal, away, ""},
		{"a member compiles", person(picloud.RoleMember), CheckScripts, away, ""},
		{"a member makes an app", person(picloud.RoleMember), CreateApps, away, picloud.CodeForbidden},
		{"a member reads what is not theirs", person(picloud.RoleMember), ReadScripts, here, picloud.CodeForbidden},
		{"a viewer reads", person(picloud.RoleMember), ReadScripts, in(shop, picloud.AppViewer), ""},
		{"a viewer deploys", person(picloud.RoleMember), Deploy, in(shop, picloud.AppViewer), picloud.CodeForbidden},
		{"an editor deploys", person(picloud.RoleMember), Deploy, in(shop, picloud.AppEditor), ""},
		{"an editor sets a secret", person(picloud.RoleMember), WriteSecrets, in(shop, picloud.AppEditor), picloud.CodeForbidden},
		{"an app's admin sets a secret", person(picloud.RoleMember), WriteSecrets, in(shop, picloud.AppAdmin), ""},
		{"an app's admin manages users", person(picloud.RoleMember), ManageUsers, in(shop, picloud.AppAdmin), picloud.CodeForbidden},
		{"an admin who is a viewer of the app", person(picloud.RoleAdmin), Deploy, in(shop, picloud.AppViewer), ""},

		{"a key deploys", key(picloud.RoleOwner, all, picloud.ScopeDeploy), Deploy, here, ""},
		{"a key for reading deploys", key(picloud.RoleOwner, all, picloud.ScopeRead), Deploy, here, picloud.CodeForbidden},
		{"a key without scopes reads", key(picloud.RoleOwner, all), ReadScripts, here, picloud.CodeForbidden},
		{"a key does what is personal", key(picloud.RoleOwner, all, picloud.ScopeAdmin), Personal, away, picloud.CodeForbidden},
		{"a key says who it is", key(picloud.RoleOwner, all), SignedIn, away, ""},
		{"an admin's key of a viewer deploys", key(picloud.RoleMember, all, picloud.ScopeAdmin), Deploy, in(shop, picloud.AppViewer), picloud.CodeForbidden},
		{"an admin's key of nobody here", key(picloud.RoleMember, all, picloud.ScopeAdmin), ReadApp, here, picloud.CodeForbidden},
		{"a key for this app", key(picloud.RoleOwner, shop, picloud.ScopeDeploy), Deploy, here, ""},
		{"a key for another app", key(picloud.RoleOwner, blog, picloud.ScopeDeploy), Deploy, here, picloud.CodeForbidden},
		{"a key for one app on the instance", key(picloud.RoleOwner, shop, picloud.ScopeAdmin), ManageUsers, away, picloud.CodeForbidden},
		{"a key for one app compiles", key(picloud.RoleOwner, shop, picloud.ScopeDeploy), CheckScripts, away, ""},
	} {
		if got := picloud.ErrorCode(Authorize(c.p, c.c, c.in)); got != c.code {
			t.Errorf("%s: %q, want %q", c.name, got, c.code)
		}
	}
}

func TestSees(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		p    picloud.Principal
		in   picloud.AppAccess
		want bool
	}{
		{"nobody", picloud.Principal{}, in(shop, picloud.AppAdmin), false},
		{"an admin", person(picloud.RoleAdmin), in(shop, ""), true},
		{"a member outside", person(picloud.RoleMember), in(shop, ""), false},
		{"a viewer", person(picloud.RoleMember), in(shop, picloud.AppViewer), true},
		{"an owner's key for another app", key(picloud.RoleOwner, blog, picloud.ScopeAdmin), in(shop, ""), false},
		{"an owner's key without the scope", key(picloud.RoleOwner, shop), in(shop, ""), true},
		{"no app", person(picloud.RoleOwner), picloud.AppAccess{}, false},
	} {
		if got := Sees(c.p, c.in); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Two lines are unlike the others on purpose: a backup holds what even admins
// must not have of owners, and an app does not set its own bounds.
var (
	ownersOnly = []Capability{ManageBackups}
	staffOnly  = []Capability{ManageQuotas} // in an app
)

// TestTheTableIsSound looks for what a slip of the pen would make of it.
func TestTheTableIsSound(t *testing.T) {
	t.Parallel()
	seen := map[Capability]bool{}
	for _, line := range Permissions() {
		if seen[line.Capability] || line.About == "" {
			t.Errorf("%s is there twice, or does not say what it is", line.Capability)
		}
		seen[line.Capability] = true
		for _, must := range []picloud.Role{picloud.RoleOwner, picloud.RoleAdmin} {
			if !slices.Contains(line.Roles, must) && !(must == picloud.RoleAdmin && slices.Contains(ownersOnly, line.Capability)) {
				t.Errorf("%s: the role %s lacks it", line.Capability, must)
			}
		}
		if line.InApp && slices.Contains(line.Roles, picloud.RoleMember) {
			t.Errorf("%s: every member has it in every app", line.Capability)
		}
		if line.InApp != (len(line.AppRoles) > 0) && !slices.Contains(staffOnly, line.Capability) {
			t.Errorf("%s: in an app %v, for app roles %v", line.Capability, line.InApp, line.AppRoles)
		}
		// Each app role may do all that the lesser ones may.
		if slices.Contains(line.AppRoles, picloud.AppViewer) && !slices.Contains(line.AppRoles, picloud.AppEditor) ||
			slices.Contains(line.AppRoles, picloud.AppEditor) && !slices.Contains(line.AppRoles, picloud.AppAdmin) {
			t.Errorf("%s: app roles %v", line.Capability, line.AppRoles)
		}
		for _, s := range line.Scopes {
			if s == picloud.ScopeAdmin || !slices.Contains(picloud.Scopes(), s) {
				t.Errorf("%s: scope %q", line.Capability, s)
			}
		}
	}
}

func TestCapabilitiesOf(t *testing.T) {
	t.Parallel()
	mine := CapabilitiesOf(person(picloud.RoleMember), in(shop, picloud.AppViewer))
	if !slices.Contains(mine, ReadScripts) || slices.Contains(mine, Deploy) || slices.Contains(mine, CheckScripts) {
		t.Errorf("a viewer in the app: %v", mine)
	}
	instance := CapabilitiesOf(person(picloud.RoleMember), picloud.AppAccess{})
	if !slices.Equal(instance, []Capability{ListApps, CheckScripts}) {
		t.Errorf("a member on the instance: %v", instance)
	}
}
