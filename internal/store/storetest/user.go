package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// user makes a user by the operator's word.
func (f *fixture) user(name string, role picloud.Role) picloud.User {
	f.Helper()
	u, err := f.CreateUser(f.ctx, "", picloud.NewUser{Username: name, Email: name + "@example.org", Role: role, PasswordHash: "hash"})
	f.ok(err)
	return u
}

// become changes a user's role for an actor, and is the error.
func (f *fixture) become(actor, id string, role picloud.Role) error {
	_, _, err := f.ChangeUser(f.ctx, actor, id, picloud.UserChange{Role: &role})
	return err
}

// deactivate is the same for being active.
func (f *fixture) deactivate(actor, id string) error {
	off := false
	_, _, err := f.ChangeUser(f.ctx, actor, id, picloud.UserChange{Active: &off})
	return err
}

var userCases = []testCase{
	{"a user is found by name and by id, and listed by name", func(f *fixture) {
		owner := f.owner()
		bob := f.user("bob", picloud.RoleMember)
		same(f, "updated", bob.UpdatedAt, bob.CreatedAt)
		for _, name := range []string{"bob", bob.ID} {
			got, err := f.UserByName(f.ctx, name)
			f.ok(err)
			same(f, "user", got, bob)
		}
		_, err := f.UserByName(f.ctx, "eve")
		f.code(err, picloud.CodeNotFound)
		list, err := f.ListUsers(f.ctx)
		f.ok(err)
		same(f, "users", len(list), 2)
		same(f, "first", list[0], owner)
	}},
	{"names and addresses are taken once, and the error says which", func(f *fixture) {
		f.owner()
		for _, c := range [][3]string{{"ada", "other@example.org", "username"}, {"other", "ada@example.org", "email"}} {
			_, err := f.CreateUser(f.ctx, "", picloud.NewUser{Username: c[0], Email: c[1], Role: picloud.RoleAdmin, PasswordHash: "x"})
			f.code(err, picloud.CodeConflict)
			same(f, "field", err.(*picloud.Error).Field, c[2])
		}
		bob := f.user("bob", picloud.RoleAdmin)
		taken := "ada@example.org"
		_, _, err := f.ChangeUser(f.ctx, "", bob.ID, picloud.UserChange{Email: &taken})
		f.code(err, picloud.CodeConflict)
		same(f, "field", err.(*picloud.Error).Field, "email")
	}},
	{"only an owner makes, changes or unmakes an owner", func(f *fixture) {
		owner := f.owner()
		admin := f.user("admin", picloud.RoleAdmin)
		second := f.user("second", picloud.RoleOwner)
		_, err := f.CreateUser(f.ctx, admin.ID, picloud.NewUser{Username: "x", Email: "x@b", Role: picloud.RoleOwner, PasswordHash: "x"})
		f.code(err, picloud.CodeForbidden)
		f.code(f.become(admin.ID, second.ID, picloud.RoleMember), picloud.CodeForbidden)
		f.code(f.deactivate(admin.ID, second.ID), picloud.CodeForbidden)
		hash := "new"
		_, _, err = f.ChangeUser(f.ctx, admin.ID, second.ID, picloud.UserChange{PasswordHash: &hash})
		f.code(err, picloud.CodeForbidden)
		_, err = f.DeleteUser(f.ctx, admin.ID, second.ID)
		f.code(err, picloud.CodeForbidden)
		f.code(f.become(admin.ID, f.user("bob", picloud.RoleMember).ID, picloud.RoleOwner), picloud.CodeForbidden)
		f.ok(f.become(owner.ID, admin.ID, picloud.RoleOwner))
		f.ok(f.become(owner.ID, second.ID, picloud.RoleMember))
	}},
	{"nobody raises their own role, and members manage nobody", func(f *fixture) {
		f.owner()
		admin, member := f.user("admin", picloud.RoleAdmin), f.user("member", picloud.RoleMember)
		f.code(f.become(admin.ID, admin.ID, picloud.RoleOwner), picloud.CodeForbidden)
		f.code(f.become(member.ID, member.ID, picloud.RoleAdmin), picloud.CodeForbidden)
		f.code(f.become(member.ID, admin.ID, picloud.RoleMember), picloud.CodeForbidden)
		f.code(f.become(f.ids.New(), admin.ID, picloud.RoleMember), picloud.CodeForbidden)
		f.ok(f.deactivate("", admin.ID))
		f.code(f.become(admin.ID, member.ID, picloud.RoleAdmin), picloud.CodeForbidden)
	}},
	{"the last active owner stays", func(f *fixture) {
		owner := f.owner()
		f.user("admin", picloud.RoleAdmin)
		idle := f.user("idle", picloud.RoleOwner)
		f.ok(f.deactivate(owner.ID, idle.ID))
		f.code(f.become(owner.ID, owner.ID, picloud.RoleAdmin), picloud.CodeLastOwner)
		f.code(f.deactivate(owner.ID, owner.ID), picloud.CodeLastOwner)
		_, err := f.DeleteUser(f.ctx, owner.ID, owner.ID)
		f.code(err, picloud.CodeLastOwner)
		f.code(f.become("", owner.ID, picloud.RoleMember), picloud.CodeLastOwner) // the operator neither
		f.ok(f.become(owner.ID, idle.ID, picloud.RoleMember))                     // one who is not active is not the last
		got, err := f.UserByName(f.ctx, "ada")
		f.ok(err)
		same(f, "owner", got, owner)
	}},
	{"the last active admin stays where there is no owner", func(f *fixture) {
		admin := f.user("admin", picloud.RoleAdmin)
		f.code(f.become(admin.ID, admin.ID, picloud.RoleMember), picloud.CodeLastAdmin)
		f.code(f.deactivate(admin.ID, admin.ID), picloud.CodeLastAdmin)
		_, err := f.DeleteUser(f.ctx, admin.ID, admin.ID)
		f.code(err, picloud.CodeLastAdmin)
		f.user("second", picloud.RoleAdmin)
		f.ok(f.become(admin.ID, admin.ID, picloud.RoleMember))
	}},
	{"of two owners who unmake each other at once one remains", func(f *fixture) {
		rounds := 1000
		if testing.Short() {
			rounds = 50
		}
		pair := [2]picloud.User{f.owner(), f.user("bob", picloud.RoleOwner)}
		for i := range rounds {
			f.unmakeEachOther(pair, i)
		}
	}},
	{"a new password and being deactivated end sessions, and keys where asked", func(f *fixture) {
		f.owner()
		bob := f.user("bob", picloud.RoleMember)
		now := time.Now()
		hash, off, on := "new", false, true
		for i, change := range []picloud.UserChange{{PasswordHash: &hash}, {Active: &off}} {
			secret := fmt.Sprint("secret", i)
			f.session(bob, secret, now)
			_, after, err := f.ChangeUser(f.ctx, "", bob.ID, change)
			f.ok(err)
			same(f, "active", after.Active, i == 0)
			_, _, err = f.ChangeUser(f.ctx, "", bob.ID, picloud.UserChange{Active: &on})
			f.ok(err)
			_, _, err = f.SessionOf(f.ctx, token(secret), now)
			f.code(err, picloud.CodeUnauthenticated)
		}
		c, err := f.CredentialsOf(f.ctx, "bob")
		f.ok(err)
		same(f, "hash", c.PasswordHash, "new")
		k := f.key(bob, "abcdefgh", "")
		f.session(bob, "stays", now)
		_, _, err = f.ChangeUser(f.ctx, "", bob.ID, picloud.UserChange{ExpireKeys: true})
		f.ok(err)
		_, _, err = f.SessionOf(f.ctx, token("stays"), now)
		f.ok(err)
		_, err = f.KeyByPrefix(f.ctx, k.Prefix, time.Now().Add(time.Second))
		f.code(err, picloud.CodeUnauthenticated)
	}},
	{"a deleted user is gone with sessions, keys and memberships", func(f *fixture) {
		owner := f.owner()
		bob := f.user("bob", picloud.RoleMember)
		f.session(bob, "secret", time.Now())
		k := f.key(bob, "abcdefgh", "")
		_, _, err := f.PutMember(f.ctx, picloud.DefaultApp, bob.ID, picloud.AppEditor)
		f.ok(err)
		got, err := f.DeleteUser(f.ctx, owner.ID, bob.ID)
		f.ok(err)
		same(f, "deleted", got.ID, bob.ID)
		_, err = f.CredentialsOf(f.ctx, "bob")
		f.code(err, picloud.CodeNotFound)
		_, err = f.KeyByPrefix(f.ctx, k.Prefix, time.Now())
		f.code(err, picloud.CodeUnauthenticated)
		list, err := f.ListMembers(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "members", len(list), 0)
		_, err = f.DeleteUser(f.ctx, owner.ID, bob.ID)
		f.code(err, picloud.CodeNotFound)
	}},
	{"what ends somebody's access is announced", func(f *fixture) {
		f.owner()
		bob := f.user("bob", picloud.RoleMember)
		k := f.key(bob, "abcdefgh", "")
		s := f.session(bob, "secret", time.Now())
		heard := f.counting()
		f.ok(f.DeleteSession(f.ctx, s.ID))
		f.ok(f.PutPassword(f.ctx, bob.ID, "new", ""))
		f.ok(f.DeleteKey(f.ctx, bob.ID, k.ID))
		_, err := f.ExpireKeys(f.ctx, bob.ID, time.Now())
		f.ok(err)
		_, _, err = f.PutMember(f.ctx, picloud.DefaultApp, bob.ID, picloud.AppViewer)
		f.ok(err)
		_, err = f.RemoveMember(f.ctx, picloud.DefaultApp, bob.ID)
		f.ok(err)
		f.ok(f.deactivate("", bob.ID))
		_, err = f.DeleteUser(f.ctx, "", bob.ID)
		f.ok(err)
		same(f, "changes heard", heard(), 8)
	}},
}

// counting is how many changes have been announced since it was called.
func (f *fixture) counting() func() int {
	c := &counter{}
	f.Cleanup(f.Subscribe(c.heard))
	return c.count
}

// unmakeEachOther has two owners demote each other at once, by a means that
// changes from round to round. One of them fails, and the loser is made whole.
func (f *fixture) unmakeEachOther(pair [2]picloud.User, round int) {
	f.Helper()
	var wg sync.WaitGroup
	var errs [2]error
	for i := range pair {
		actor, target := pair[i].ID, pair[1-i].ID
		wg.Go(func() {
			if round%2 == 0 {
				errs[i] = f.become(actor, target, picloud.RoleMember)
			} else {
				errs[i] = f.deactivate(actor, target)
			}
		})
	}
	wg.Wait()
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	if errs[winner] != nil || !picloud.IsCode(errs[1-winner], picloud.CodeForbidden) {
		f.Fatalf("round %d: %v and %v; want one to go through, and the other to be refused", round, errs[0], errs[1])
	}
	left, err := f.UserByName(f.ctx, pair[winner].ID)
	f.ok(err)
	if left.Role != picloud.RoleOwner || !left.Active {
		f.Fatalf("round %d: no owner is left: %+v", round, left)
	}
	owner, on := picloud.RoleOwner, true
	_, _, err = f.ChangeUser(f.ctx, left.ID, pair[1-winner].ID, picloud.UserChange{Role: &owner, Active: &on})
	f.ok(err)
}
