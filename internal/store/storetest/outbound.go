package storetest

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

var outboundCases = []testCase{
	{"an app has no list of hosts until it is given one, and loses it again", func(f *fixture) {
		app := f.defaultApp()
		hosts, set, err := f.OutHostsOf(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "set at first", set, false)
		same(f, "hosts at first", len(hosts), 0)
		for _, want := range []picloud.OutHosts{{"*"}, {"a.example", "b.example:8443"}, {}} {
			before := f.revision()
			f.ok(f.SetOutHosts(f.ctx, picloud.DefaultApp, want, true))
			same(f, "the revision moves", f.revision() > before, true)
			hosts, set, err = f.OutHostsOf(f.ctx, picloud.DefaultApp)
			f.ok(err)
			same(f, "set", set, true)
			same(f, "hosts", strings.Join(hosts, " "), strings.Join(want, " "))
			snap, err := f.Snapshot(f.ctx)
			f.ok(err)
			live, ok := snap.OutHosts[app]
			same(f, "live", ok, true)
			same(f, "live hosts", strings.Join(live, " "), strings.Join(want, " "))
		}
		f.ok(f.SetOutHosts(f.ctx, picloud.DefaultApp, nil, false))
		_, set, err = f.OutHostsOf(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "set in the end", set, false)
		snap, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "live in the end", len(snap.OutHosts), 0)
	}},
	{"lists of apps that are not there", func(f *fixture) {
		_, _, err := f.OutHostsOf(f.ctx, "nowhere")
		f.code(err, picloud.CodeNotFound)
		f.code(f.SetOutHosts(f.ctx, "nowhere", nil, true), picloud.CodeNotFound)
	}},
}

// revision is the revision that is live.
func (f *fixture) revision() int64 {
	f.Helper()
	snap, err := f.Snapshot(f.ctx)
	f.ok(err)
	return snap.Revision
}

// sealedAt makes a value that tells where it belongs.
func sealedAt(value string) func(picloud.SecretPlace) ([]byte, error) {
	return func(p picloud.SecretPlace) ([]byte, error) { return []byte(value + "@" + p.String()), nil }
}

var secretCases = []testCase{
	{"a secret is set, set again, listed and deleted", func(f *fixture) {
		app := f.defaultApp()
		before := f.revision()
		v, err := f.PutSecret(f.ctx, picloud.DefaultApp, "TOKEN", "ada", sealedAt("one"))
		f.ok(err)
		same(f, "version", v.Version, 1)
		same(f, "by", v.SetBy, "ada")
		same(f, "the revision moves", f.revision() > before, true)
		sealed, err := f.SealedSecretOf(f.ctx, app, "TOKEN")
		f.ok(err)
		same(f, "sealed", string(sealed.Sealed), "one@"+fmt.Sprintf("secret/%s/TOKEN/1", app))
		v, err = f.PutSecret(f.ctx, picloud.DefaultApp, "TOKEN", "bob", sealedAt("two"))
		f.ok(err)
		same(f, "version", v.Version, 2)
		_, err = f.PutSecret(f.ctx, picloud.DefaultApp, "A", "ada", sealedAt("x"))
		f.ok(err)
		list, err := f.ListSecrets(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "how many", len(list), 2)
		same(f, "first", list[0].Name, "A")
		same(f, "second", list[1], v)
		sealed, err = f.SealedSecretOf(f.ctx, app, "TOKEN")
		f.ok(err)
		same(f, "sealed", string(sealed.Sealed), "two@"+sealed.SecretPlace.String())
		same(f, "place", sealed.Version, 2)
		f.ok(f.DeleteSecret(f.ctx, picloud.DefaultApp, "TOKEN"))
		f.code(f.DeleteSecret(f.ctx, picloud.DefaultApp, "TOKEN"), picloud.CodeNotFound)
		_, err = f.SealedSecretOf(f.ctx, app, "TOKEN")
		f.code(err, picloud.CodeNotFound)
	}},
	{"a secret that cannot be sealed is not set", func(f *fixture) {
		_, err := f.PutSecret(f.ctx, picloud.DefaultApp, "TOKEN", "ada", func(picloud.SecretPlace) ([]byte, error) {
			return nil, picloud.Errorf(picloud.CodeUnavailable, "no key")
		})
		f.code(err, picloud.CodeUnavailable)
		list, err := f.ListSecrets(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "how many", len(list), 0)
	}},
	{"secrets belong to their app, and go with it", func(f *fixture) {
		a, err := f.CreateApp(f.ctx, "shop")
		f.ok(err)
		_, err = f.PutSecret(f.ctx, "shop", "TOKEN", "ada", sealedAt("x"))
		f.ok(err)
		_, err = f.SealedSecretOf(f.ctx, f.defaultApp(), "TOKEN")
		f.code(err, picloud.CodeNotFound)
		list, err := f.ListSecrets(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "of the other app", len(list), 0)
		f.ok(f.DeleteApp(f.ctx, "shop"))
		_, err = f.SealedSecretOf(f.ctx, a.ID, "TOKEN")
		f.code(err, picloud.CodeNotFound)
		for _, err := range []error{
			second(f.ListSecrets(f.ctx, "shop")), second(f.PutSecret(f.ctx, "shop", "T", "ada", sealedAt("x"))), f.DeleteSecret(f.ctx, "shop", "T"),
		} {
			f.code(err, picloud.CodeNotFound)
		}
	}},
	{"there are so many secrets in an app", func(f *fixture) {
		for i := range picloud.MaxSecrets {
			_, err := f.PutSecret(f.ctx, picloud.DefaultApp, fmt.Sprintf("S%d", i), "ada", sealedAt("x"))
			f.ok(err)
		}
		_, err := f.PutSecret(f.ctx, picloud.DefaultApp, "MORE", "ada", sealedAt("x"))
		f.code(err, picloud.CodeConflict)
		_, err = f.PutSecret(f.ctx, picloud.DefaultApp, "S7", "ada", sealedAt("x"))
		f.ok(err)
	}},
	{"what is sealed anew takes the place of the same version only", func(f *fixture) {
		app := f.defaultApp()
		_, err := f.PutSecret(f.ctx, picloud.DefaultApp, "T", "ada", sealedAt("one"))
		f.ok(err)
		list, err := f.ListSealedSecrets(f.ctx)
		f.ok(err)
		same(f, "how many", len(list), 1)
		f.ok(f.ReplaceSealedSecret(f.ctx, list[0], []byte("again")))
		got, err := f.SealedSecretOf(f.ctx, app, "T")
		f.ok(err)
		same(f, "sealed anew", string(got.Sealed), "again")
		_, err = f.PutSecret(f.ctx, picloud.DefaultApp, "T", "ada", sealedAt("two"))
		f.ok(err)
		f.ok(f.ReplaceSealedSecret(f.ctx, list[0], []byte("too late")))
		got, err = f.SealedSecretOf(f.ctx, app, "T")
		f.ok(err)
		same(f, "the newer one stays", string(got.Sealed), "two@"+got.SecretPlace.String())
	}},
}

// second is the error of a call that gives something with it.
func second[T any](_ T, err error) error { return err }
