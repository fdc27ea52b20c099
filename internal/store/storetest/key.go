package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// key makes a key of a user that lives for an hour.
func (f *fixture) key(u picloud.User, prefix, app string) picloud.APIKey {
	f.Helper()
	k, err := f.CreateKey(f.ctx, picloud.APIKey{
		UserID: u.ID, Name: "ci", Prefix: prefix, App: app, ExpiresAt: time.Now().Add(time.Hour),
		Scopes: []picloud.Scope{picloud.ScopeRead, picloud.ScopeDeploy},
	}, token("secret of "+prefix))
	f.ok(err)
	return k
}

// sameKey wants two keys to be equal.
func (f *fixture) sameKey(got, want picloud.APIKey) {
	f.Helper()
	same(f, "key", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
}

var keyCases = []testCase{
	{"a key is found by its prefix, for the verifier with its hash and user", func(f *fixture) {
		bob := f.user("bob", picloud.RoleMember)
		k := f.key(bob, "abcdefgh", picloud.DefaultApp)
		c, err := f.KeyByPrefix(f.ctx, "abcdefgh", time.Now())
		f.ok(err)
		f.sameKey(c.Key, k)
		same(f, "user", c.User, bob)
		same(f, "hash", c.SecretHash, token("secret of abcdefgh"))
		same(f, "app", c.Key.App, picloud.DefaultApp)
		same(f, "has the app's id", c.Key.AppID != "", true)
		same(f, "scopes", slices.Equal(c.Key.Scopes, []picloud.Scope{picloud.ScopeRead, picloud.ScopeDeploy}), true)
		same(f, "used", c.Key.LastUsedAt.IsZero(), true)
	}},
	{"a key that has expired, was deleted, or whose user is inactive is none", func(f *fixture) {
		f.owner()
		bob := f.user("bob", picloud.RoleMember)
		k := f.key(bob, "abcdefgh", "")
		find := func(now time.Time) error {
			_, err := f.KeyByPrefix(f.ctx, k.Prefix, now)
			return err
		}
		f.ok(find(k.ExpiresAt.Add(-time.Microsecond)))
		f.code(find(k.ExpiresAt), picloud.CodeUnauthenticated)
		f.ok(f.deactivate("", bob.ID))
		f.code(find(time.Now()), picloud.CodeUnauthenticated)
		on := true
		_, _, err := f.ChangeUser(f.ctx, "", bob.ID, picloud.UserChange{Active: &on})
		f.ok(err)
		f.ok(find(time.Now()))
		f.ok(f.DeleteKey(f.ctx, bob.ID, k.ID))
		f.code(find(time.Now()), picloud.CodeUnauthenticated)
		f.code(f.DeleteKey(f.ctx, bob.ID, k.ID), picloud.CodeNotFound)
	}},
	{"a key is its user's and nobody else's", func(f *fixture) {
		bob, eve := f.user("bob", picloud.RoleAdmin), f.user("eve", picloud.RoleAdmin)
		k := f.key(bob, "abcdefgh", "")
		_, err := f.KeyByID(f.ctx, eve.ID, k.ID)
		f.code(err, picloud.CodeNotFound)
		f.code(f.DeleteKey(f.ctx, eve.ID, k.ID), picloud.CodeNotFound)
		got, err := f.KeyByID(f.ctx, bob.ID, k.ID)
		f.ok(err)
		f.sameKey(got, k)
		list, err := f.ListKeys(f.ctx, eve.ID)
		f.ok(err)
		same(f, "keys of another", len(list), 0)
	}},
	{"the use of a key is written down at most once a minute", func(f *fixture) {
		bob := f.user("bob", picloud.RoleMember)
		k := f.key(bob, "abcdefgh", "")
		at := time.Now().UTC().Truncate(time.Microsecond)
		for _, c := range []struct{ used, want time.Time }{
			{at, at}, {at.Add(59 * time.Second), at}, {at.Add(time.Minute), at.Add(time.Minute)},
		} {
			f.ok(f.TouchKey(f.ctx, k.ID, c.used))
			got, err := f.KeyByID(f.ctx, bob.ID, k.ID)
			f.ok(err)
			same(f, "last used", got.LastUsedAt, c.want)
		}
	}},
	{"all keys of a user expire at once, and later they go", func(f *fixture) {
		bob, eve := f.user("bob", picloud.RoleAdmin), f.user("eve", picloud.RoleAdmin)
		f.key(bob, "aaaaaaaa", "")
		f.key(bob, "bbbbbbbb", "")
		f.key(eve, "cccccccc", "")
		now := time.Now()
		n, err := f.ExpireKeys(f.ctx, bob.ID, now)
		f.ok(err)
		same(f, "expired", n, 2)
		n, err = f.ExpireKeys(f.ctx, bob.ID, now)
		f.ok(err)
		same(f, "expired again", n, 0)
		_, err = f.KeyByPrefix(f.ctx, "cccccccc", now)
		f.ok(err)
		list, err := f.ListKeys(f.ctx, bob.ID)
		f.ok(err)
		same(f, "listed all the same", len(list), 2)
		same(f, "the newest first", list[0].Prefix, "bbbbbbbb")
		n, err = f.DeleteExpiredKeys(f.ctx, now.Add(time.Second))
		f.ok(err)
		same(f, "dropped", n, 2)
	}},
	{"a user has so many keys and no more", func(f *fixture) {
		bob := f.user("bob", picloud.RoleAdmin)
		for i := range picloud.MaxKeysPerUser {
			f.key(bob, fmt.Sprintf("%08d", i), "")
		}
		_, err := f.CreateKey(f.ctx, picloud.APIKey{UserID: bob.ID, Name: "x", Prefix: "zzzzzzzz", ExpiresAt: time.Now()}, token("x"))
		f.code(err, picloud.CodeConflict)
		_, err = f.CreateKey(f.ctx, picloud.APIKey{UserID: bob.ID, Name: "x", Prefix: "zzzzzzzz", App: "shop", ExpiresAt: time.Now()}, token("x"))
		f.code(err, picloud.CodeNotFound)
	}},
}
