package storetest

import (
	"context"
	"sync/atomic"

	"github.com/picloud/picloud/internal/picloud"
)

// counter counts announced changes.
type counter struct{ n atomic.Int64 }

func (c *counter) heard(context.Context, picloud.Change) { c.n.Add(1) }
func (c *counter) count() int                            { return int(c.n.Load()) }

var memberCases = []testCase{
	{"access tells what a user is in an app", func(f *fixture) {
		bob := f.user("bob", picloud.RoleMember)
		a, err := f.AppAccess(f.ctx, picloud.DefaultApp, bob.ID)
		f.ok(err)
		same(f, "app", a.App.Name, picloud.DefaultApp)
		same(f, "role outside", a.Role, "")
		_, err = f.AppAccess(f.ctx, "shop", bob.ID)
		f.code(err, picloud.CodeNotFound)
		m, before, err := f.PutMember(f.ctx, picloud.DefaultApp, bob.ID, picloud.AppViewer)
		f.ok(err)
		same(f, "role before", before, "")
		same(f, "member", m.Username, "bob")
		_, before, err = f.PutMember(f.ctx, picloud.DefaultApp, bob.ID, picloud.AppEditor)
		f.ok(err)
		same(f, "role before", before, picloud.AppViewer)
		a, err = f.AppAccess(f.ctx, picloud.DefaultApp, bob.ID)
		f.ok(err)
		same(f, "role inside", a.Role, picloud.AppEditor)
	}},
	{"members are listed by app and by user", func(f *fixture) {
		_, err := f.CreateApp(f.ctx, "shop")
		f.ok(err)
		bob, eve := f.user("bob", picloud.RoleMember), f.user("eve", picloud.RoleAdmin)
		for _, app := range []string{picloud.DefaultApp, "shop"} {
			_, _, err := f.PutMember(f.ctx, app, bob.ID, picloud.AppAdmin)
			f.ok(err)
		}
		_, _, err = f.PutMember(f.ctx, "shop", eve.ID, picloud.AppViewer)
		f.ok(err)
		list, err := f.ListMembers(f.ctx, "shop")
		f.ok(err)
		same(f, "members", len(list), 2)
		same(f, "first", list[0].Username, "bob")
		same(f, "second", list[1].Role, picloud.AppViewer)
		list, err = f.ListMemberships(f.ctx, bob.ID)
		f.ok(err)
		same(f, "memberships", len(list), 2)
		same(f, "last", list[1].App, "shop")
		apps, err := f.ListAppsOf(f.ctx, eve.ID)
		f.ok(err)
		same(f, "apps", len(apps), 1)
		same(f, "app", apps[0].Name, "shop")
	}},
	{"a member is removed, once", func(f *fixture) {
		bob := f.user("bob", picloud.RoleMember)
		_, _, err := f.PutMember(f.ctx, picloud.DefaultApp, bob.ID, picloud.AppEditor)
		f.ok(err)
		before, err := f.RemoveMember(f.ctx, picloud.DefaultApp, bob.ID)
		f.ok(err)
		same(f, "role before", before, picloud.AppEditor)
		_, err = f.RemoveMember(f.ctx, picloud.DefaultApp, bob.ID)
		f.code(err, picloud.CodeNotFound)
		_, _, err = f.PutMember(f.ctx, "shop", bob.ID, picloud.AppEditor)
		f.code(err, picloud.CodeNotFound)
		_, _, err = f.PutMember(f.ctx, picloud.DefaultApp, f.ids.New(), picloud.AppEditor)
		f.code(err, picloud.CodeNotFound)
	}},
	{"an app is deleted with all that it owns, but not the default one", func(f *fixture) {
		bob := f.user("bob", picloud.RoleMember)
		_, err := f.CreateApp(f.ctx, "shop")
		f.ok(err)
		_, err = f.Deploy(f.ctx, picloud.Deployment{App: "shop", Scripts: []picloud.ScriptDeploy{{Name: "a", Source: "1"}}})
		f.ok(err)
		_, _, err = f.PutMember(f.ctx, "shop", bob.ID, picloud.AppAdmin)
		f.ok(err)
		f.key(bob, "abcdefgh", "shop")
		heard := f.counting()
		f.ok(f.DeleteApp(f.ctx, "shop"))
		same(f, "changes heard", heard(), 1)
		f.code(f.DeleteApp(f.ctx, "shop"), picloud.CodeNotFound)
		f.code(f.DeleteApp(f.ctx, picloud.DefaultApp), picloud.CodeConflict)
		snap, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "scripts", len(snap.Scripts), 0)
		keys, err := f.ListKeys(f.ctx, bob.ID)
		f.ok(err)
		same(f, "keys", len(keys), 0)
		list, err := f.ListMemberships(f.ctx, bob.ID)
		f.ok(err)
		same(f, "memberships", len(list), 0)
	}},
}
