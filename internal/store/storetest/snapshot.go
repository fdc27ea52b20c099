package storetest

import (
	"context"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

var snapshotCases = []testCase{
	{"a snapshot holds all that is live", func(f *fixture) {
		_, err := f.CreateApp(f.ctx, "shop")
		f.ok(err)
		f.deploy("b", "1", path("/b"), path("/c"))
		f.deploy("a", "1")
		d := f.deploy("a", "2")
		_, err = f.SetEnabled(f.ctx, picloud.DefaultApp, "b", false)
		f.ok(err)
		snap, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "apps", len(snap.Apps), 2)
		same(f, "scripts", len(snap.Scripts), 2)
		a, b := snap.Scripts[0], snap.Scripts[1]
		same(f, "script", a.Script, d.Script)
		same(f, "hash", a.Version.Hash, d.Version.Hash)
		same(f, "enabled", b.Script.Enabled, false)
		same(f, "routes", slices.Equal(b.Routes, []picloud.Route{path("/b"), path("/c")}), true)
	}},
	{"every change is announced after its commit, with its revision", func(f *fixture) {
		var heard []int64
		cancel := f.Subscribe(func(ctx context.Context, c picloud.Change) {
			snap, err := f.Snapshot(ctx)
			if err != nil {
				f.Error(err)
				return
			}
			if snap.Revision < c.Revision {
				f.Errorf("revision %d was announced while %d is stored", c.Revision, snap.Revision)
			}
			heard = append(heard, c.Revision)
		})
		f.deploy("hello", "1")
		f.deploy("hello", "2")
		_, err := f.Rollback(f.ctx, picloud.DefaultApp, "hello", 0)
		f.ok(err)
		_, err = f.SetEnabled(f.ctx, picloud.DefaultApp, "hello", false)
		f.ok(err)
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "hello"))
		_, err = f.CreateApp(f.ctx, "shop")
		f.ok(err)
		same(f, "changes heard", len(heard), 6)
		same(f, "in order", slices.IsSorted(heard), true)
		cancel()
		f.deploy("hello", "1")
		same(f, "changes heard after the end", len(heard), 6)
	}},
	{"what fails is not announced", func(f *fixture) {
		f.deploy("hello", "1")
		cancel := f.Subscribe(func(context.Context, picloud.Change) { f.Error("a change is announced") })
		defer cancel()
		f.code(f.tryRoute("other", path("/hello")), picloud.CodeRouteConflict)
		_, err := f.Rollback(f.ctx, picloud.DefaultApp, "hello", 0)
		f.code(err, picloud.CodeConflict)
		_, err = f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, DryRun: true, Scripts: []picloud.ScriptDeploy{{Name: "a", Source: "1"}}})
		f.ok(err)
	}},
	{"a request that was given up is not announced and changes nothing", func(f *fixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		_, err := f.Deploy(ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: "a", Source: "1"}}})
		if err == nil {
			f.Fatal("a deploy with a dead context went well")
		}
		snap, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "scripts", len(snap.Scripts), 0)
		f.deploy("a", "1") // the writer is free again
	}},
}
