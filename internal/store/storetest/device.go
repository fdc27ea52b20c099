package storetest

import (
	"github.com/picloud/picloud/internal/picloud"
)

var deviceCases = []testCase{
	{"devices belong to their app, and the secret comes back as a hash only", func(f *fixture) {
		f.app("shop")
		secret := picloud.TokenHash{1, 2, 3}
		d, err := f.CreateDevice(f.ctx, picloud.DefaultApp, "kitchen", "ada", secret)
		f.ok(err)
		same(f, "username", d.Username(), "default/kitchen")
		_, err = f.CreateDevice(f.ctx, picloud.DefaultApp, "kitchen", "ada", secret)
		f.code(err, picloud.CodeConflict)
		_, err = f.CreateDevice(f.ctx, "shop", "kitchen", "bob", picloud.TokenHash{9})
		f.ok(err)
		_, err = f.CreateDevice(f.ctx, "none", "kitchen", "bob", secret)
		f.code(err, picloud.CodeNotFound)
		list, err := f.ListDevices(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "one", len(list), 1)
		same(f, "device", list[0], d)
		got, hash, err := f.DeviceSecret(f.ctx, picloud.DefaultApp, "kitchen")
		f.ok(err)
		same(f, "device", got, d)
		same(f, "secret", hash, secret)
		_, _, err = f.DeviceSecret(f.ctx, "shop", "garden")
		f.code(err, picloud.CodeNotFound)
	}},
	{"a device that is deleted is gone, and so are those of an app", func(f *fixture) {
		f.app("shop")
		one, err := f.CreateDevice(f.ctx, "shop", "one", "ada", picloud.TokenHash{1})
		f.ok(err)
		two, err := f.CreateDevice(f.ctx, "shop", "two", "ada", picloud.TokenHash{2})
		f.ok(err)
		before, err := f.Snapshot(f.ctx)
		f.ok(err)
		f.ok(f.DeleteDevice(f.ctx, "shop", "one"))
		after, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "it is announced", after.Revision > before.Revision, true)
		f.code(f.DeleteDevice(f.ctx, "shop", "one"), picloud.CodeNotFound)
		left, err := f.DevicesLeft(f.ctx, []string{one.ID, two.ID})
		f.ok(err)
		same(f, "left", len(left) == 1 && left[0] == two.ID, true)
		f.ok(f.DeleteApp(f.ctx, "shop"))
		left, err = f.DevicesLeft(f.ctx, []string{one.ID, two.ID})
		f.ok(err)
		same(f, "left", len(left), 0)
	}},
}
