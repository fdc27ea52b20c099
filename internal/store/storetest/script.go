package storetest

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/picloud/picloud/internal/picloud"
)

var scriptCases = []testCase{
	{"a new store has the default app", func(f *fixture) {
		apps, err := f.ListApps(f.ctx)
		f.ok(err)
		same(f, "apps", len(apps), 1)
		same(f, "name", apps[0].Name, picloud.DefaultApp)
		a, err := f.AppByName(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "app", a, apps[0])
		_, err = f.AppByName(f.ctx, "shop")
		f.code(err, picloud.CodeNotFound)
	}},
	{"an app's name is its own", func(f *fixture) {
		_, err := f.CreateApp(f.ctx, "shop")
		f.ok(err)
		_, err = f.CreateApp(f.ctx, "shop")
		f.code(err, picloud.CodeConflict)
	}},
	{"a first deploy is version 1 on the default route", func(f *fixture) {
		d := f.deploy("hello", "40 + 2")
		same(f, "created", d.Created, true)
		same(f, "new version", d.NewVersion, true)
		same(f, "routes changed", d.RoutesChanged, true)
		same(f, "live", d.Script.LiveVersion, 1)
		same(f, "previous", d.Previous, 0)
		same(f, "enabled", d.Script.Enabled, true)
		same(f, "app", d.Script.App, picloud.DefaultApp)
		same(f, "hash", d.Version.Hash, picloud.HashVersion("40 + 2", picloud.Settings{}))
		same(f, "size", d.Version.SourceBytes, 6)
		same(f, "by", d.Version.CreatedBy, "tester")
		same(f, "routes", len(d.Routes), 1)
		same(f, "route", d.Routes[0], picloud.DefaultRoute("hello"))
		v, source, err := f.VersionByNumber(f.ctx, picloud.DefaultApp, "hello", 0)
		f.ok(err)
		same(f, "source", source, "40 + 2")
		same(f, "version", v.Number, 1)
	}},
	{"versions count up and content is never stored twice", func(f *fixture) {
		f.deploy("hello", "1")
		d := f.deploy("hello", "2")
		same(f, "live", d.Script.LiveVersion, 2)
		same(f, "previous", d.Previous, 1)
		same(f, "created", d.Created, false)
		d = f.deploy("hello", "1")
		same(f, "live again", d.Script.LiveVersion, 1)
		same(f, "new version", d.NewVersion, false)
		same(f, "latest", d.Script.LatestVersion, 2)
		d = f.deploy("hello", "3")
		same(f, "live", d.Script.LiveVersion, 3)
		list, err := f.ListVersions(f.ctx, picloud.DefaultApp, "hello", 0, 2)
		f.ok(err)
		same(f, "page", numbers(list), "3 2")
		list, err = f.ListVersions(f.ctx, picloud.DefaultApp, "hello", 2, 2)
		f.ok(err)
		same(f, "next page", numbers(list), "1")
	}},
	{"settings are part of a version and stay when not named", func(f *fixture) {
		settings := picloud.Settings{Limits: picloud.Limits{Operations: 9}, Env: map[string]string{"A": "ü", "B": ""}}
		f.deployWith("hello", "1", &settings)
		d := f.deployWith("hello", "2", nil)
		same(f, "version", d.Version.Number, 2)
		same(f, "operations", d.Version.Settings.Limits.Operations, 9)
		same(f, "env", d.Version.Settings.Env["A"], "ü")
		same(f, "env size", len(d.Version.Settings.Env), 2)
		d = f.deployWith("hello", "2", &picloud.Settings{})
		same(f, "version without settings", d.Version.Number, 3)
		same(f, "operations", d.Version.Settings.Limits.Operations, 0)
	}},
	{"a source comes back as it was, by hash and by number", func(f *fixture) {
		source := "// ünïcode 日本 \U0001f600\r\n\t`'\"\\ $1 ?\n" + strings.Repeat("x", 1<<16)
		d := f.deploy("hello", source)
		got, err := f.VersionSource(f.ctx, d.Version.Hash)
		f.ok(err)
		same(f, "source", got, source)
		_, err = f.VersionSource(f.ctx, picloud.HashVersion("never", picloud.Settings{}))
		f.code(err, picloud.CodeNotFound)
		_, _, err = f.VersionByNumber(f.ctx, picloud.DefaultApp, "hello", 2)
		f.code(err, picloud.CodeNotFound)
	}},
	{"two scripts may share content, and deleting one leaves the other", func(f *fixture) {
		hash := f.deploy("one", "same").Version.Hash
		same(f, "hash", f.deploy("two", "same").Version.Hash, hash)
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "one"))
		_, err := f.VersionSource(f.ctx, hash)
		f.ok(err)
	}},
	{"rolling back points at an older version", func(f *fixture) {
		for _, source := range []string{"1", "2", "3"} {
			f.deploy("hello", source)
		}
		l, err := f.Rollback(f.ctx, picloud.DefaultApp, "hello", 0)
		f.ok(err)
		same(f, "one back", l.Script.LiveVersion, 2)
		same(f, "version", l.Version.Number, 2)
		l, err = f.Rollback(f.ctx, picloud.DefaultApp, "hello", 3)
		f.ok(err)
		same(f, "forward", l.Script.LiveVersion, 3)
		l, err = f.Rollback(f.ctx, picloud.DefaultApp, "hello", 1)
		f.ok(err)
		same(f, "first", l.Script.LiveVersion, 1)
		same(f, "latest", l.Script.LatestVersion, 3)
		_, err = f.Rollback(f.ctx, picloud.DefaultApp, "hello", 0)
		f.code(err, picloud.CodeConflict)
		for _, n := range []int{4, -1} {
			_, err = f.Rollback(f.ctx, picloud.DefaultApp, "hello", n)
			f.code(err, picloud.CodeNotFound)
		}
		same(f, "after a rollback", f.deploy("hello", "4").Script.LiveVersion, 4)
	}},
	{"a script that is off stays off when deployed", func(f *fixture) {
		f.deploy("hello", "1")
		l, err := f.SetEnabled(f.ctx, picloud.DefaultApp, "hello", false)
		f.ok(err)
		same(f, "enabled", l.Script.Enabled, false)
		same(f, "after a deploy", f.deploy("hello", "2").Script.Enabled, false)
		l, err = f.SetEnabled(f.ctx, picloud.DefaultApp, "hello", true)
		f.ok(err)
		same(f, "enabled", l.Script.Enabled, true)
	}},
	{"a deleted script is gone and its name is free", func(f *fixture) {
		old := f.deploy("hello", "1")
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "hello"))
		f.code(f.DeleteScript(f.ctx, picloud.DefaultApp, "hello"), picloud.CodeNotFound)
		_, err := f.VersionSource(f.ctx, old.Version.Hash)
		f.code(err, picloud.CodeNotFound)
		d := f.deploy("hello", "2")
		same(f, "version", d.Version.Number, 1)
		same(f, "a new script", d.Script.ID != old.Script.ID, true)
	}},
	{"what is not there is not found", func(f *fixture) {
		_, err := f.ScriptByName(f.ctx, picloud.DefaultApp, "hello")
		f.code(err, picloud.CodeNotFound)
		_, err = f.ScriptByName(f.ctx, "shop", "hello")
		f.code(err, picloud.CodeNotFound)
		_, err = f.ListScripts(f.ctx, "shop")
		f.code(err, picloud.CodeNotFound)
		_, err = f.ListVersions(f.ctx, picloud.DefaultApp, "hello", 0, 0)
		f.code(err, picloud.CodeNotFound)
		_, err = f.SetEnabled(f.ctx, picloud.DefaultApp, "hello", true)
		f.code(err, picloud.CodeNotFound)
		_, err = f.Rollback(f.ctx, picloud.DefaultApp, "hello", 0)
		f.code(err, picloud.CodeNotFound)
		_, err = f.Deploy(f.ctx, picloud.Deployment{App: "shop", Scripts: []picloud.ScriptDeploy{{Name: "a", Source: "1"}}})
		f.code(err, picloud.CodeNotFound)
	}},
	{"apps do not see each other", func(f *fixture) {
		_, err := f.CreateApp(f.ctx, "shop")
		f.ok(err)
		f.deploy("hello", "1")
		_, err = f.Deploy(f.ctx, picloud.Deployment{App: "shop", Scripts: []picloud.ScriptDeploy{{Name: "hello", Source: "2"}}})
		f.ok(err) // the same name and the same route
		f.ok(f.DeleteScript(f.ctx, "shop", "hello"))
		list, err := f.ListScripts(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "left", len(list), 1)
		same(f, "routes left", len(list[0].Routes), 1)
	}},
	{"a list of scripts is by name", func(f *fixture) {
		list, err := f.ListScripts(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "empty and not nil", list != nil && len(list) == 0, true)
		for _, name := range []string{"b", "c", "a"} {
			f.deploy(name, "1")
		}
		list, err = f.ListScripts(f.ctx, picloud.DefaultApp)
		f.ok(err)
		names := ""
		for _, l := range list {
			names += l.Script.Name + l.Routes[0].Path
		}
		same(f, "names", names, "a/ab/bc/c")
	}},
	{"a deploy that expects another version is refused", func(f *fixture) {
		f.deploy("hello", "1")
		f.deploy("hello", "2")
		try := func(name string, live int) error {
			_, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: name, Source: "3", IfVersion: live}}})
			return err
		}
		f.code(try("hello", 1), picloud.CodeConflict)
		f.code(try("fresh", 1), picloud.CodeConflict)
		f.ok(try("hello", 2))
	}},
	{"a deployment happens wholly or not at all", func(f *fixture) {
		f.deploy("taken", "1", path("/x"))
		_, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{
			{Name: "fine", Source: "1"},
			{Name: "taken", Source: "2"},
			{Name: "bad", Source: "1", Routes: []picloud.Route{path("/x")}},
		}})
		f.code(err, picloud.CodeRouteConflict)
		list, err := f.ListScripts(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "scripts", len(list), 1)
		same(f, "version", list[0].Script.LatestVersion, 1)
	}},
	{"a deployment names a script once", func(f *fixture) {
		_, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{
			{Name: "a", Source: "1"}, {Name: "a", Source: "2"},
		}})
		f.code(err, picloud.CodeInvalid)
	}},
	{"a dry run answers as if and changes nothing", func(f *fixture) {
		f.deploy("old", "1")
		before, err := f.Snapshot(f.ctx)
		f.ok(err)
		list, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, DryRun: true, Scripts: []picloud.ScriptDeploy{
			{Name: "old", Source: "2"}, {Name: "new", Source: "1"},
		}})
		f.ok(err)
		same(f, "version", list[0].Script.LiveVersion, 2)
		same(f, "created", list[1].Created, true)
		after, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "revision", after.Revision, before.Revision)
		same(f, "scripts", len(after.Scripts), 1)
		same(f, "live", after.Scripts[0].Script.LiveVersion, 1)
	}},
	{"deploys at once each get a version", func(f *fixture) {
		const n = 12
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				_, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{
					{Name: "hello", Source: strconv.Itoa(i)},
				}})
				if err != nil {
					f.Error(err)
				}
			})
		}
		wg.Wait()
		list, err := f.ListVersions(f.ctx, picloud.DefaultApp, "hello", 0, 0)
		f.ok(err)
		same(f, "versions", len(list), n)
		same(f, "newest", list[0].Number, n)
	}},
}

var routeCases = []testCase{
	{"routes stay when a deploy names none, and are replaced when it does", func(f *fixture) {
		a, b := picloud.Route{Method: "GET", Path: "/orders/{id}"}, path("/b")
		f.deploy("hello", "1", b, a)
		d := f.deploy("hello", "2")
		same(f, "kept", slices.Equal(d.Routes, []picloud.Route{b, a}), true)
		same(f, "changed", d.RoutesChanged, false)
		d = f.deploy("hello", "2", a, b)
		same(f, "changed by order alone", d.RoutesChanged, false)
		d = f.deploy("hello", "2", path("/c"))
		same(f, "replaced", slices.Equal(d.Routes, []picloud.Route{path("/c")}), true)
		same(f, "changed", d.RoutesChanged, true)
		same(f, "new version", d.NewVersion, false)
	}},
	{"an empty list takes all routes away", func(f *fixture) {
		f.deploy("hello", "1")
		none := []picloud.Route{}
		_, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: "hello", Source: "1", Routes: none}}})
		f.ok(err)
		l, err := f.ScriptByName(f.ctx, picloud.DefaultApp, "hello")
		f.ok(err)
		same(f, "routes", len(l.Routes), 0)
		same(f, "not nil", l.Routes != nil, true)
	}},
	{"a conflict names the other script and the place", func(f *fixture) {
		f.deploy("first", "1", path("/a/{x}"))
		err := f.tryRoute("second", path("/fine"), path("/{y}/b"))
		f.code(err, picloud.CodeRouteConflict)
		if text := err.Error(); !strings.Contains(text, `"first"`) || !strings.Contains(text, "routes[1]") {
			f.Errorf("the message is %s", text)
		}
		f.code(f.tryRoute("second", path("/a/{z}")), picloud.CodeRouteConflict)
		f.ok(f.tryRoute("second", path("/a/b"), picloud.Route{Method: "GET", Path: "/a/b"}))
	}},
	{"a route of a script that is off is still taken", func(f *fixture) {
		f.deploy("first", "1", path("/a"))
		_, err := f.SetEnabled(f.ctx, picloud.DefaultApp, "first", false)
		f.ok(err)
		f.code(f.tryRoute("second", path("/a")), picloud.CodeRouteConflict)
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "first"))
		f.ok(f.tryRoute("second", path("/a")))
	}},
	{"the same route twice is a conflict", func(f *fixture) {
		f.code(f.tryRoute("hello", path("/a"), path("/a")), picloud.CodeRouteConflict)
	}},
	{"a route moves from one script to another within a deployment", func(f *fixture) {
		f.deploy("one", "1", path("/a"))
		f.deploy("two", "1", path("/b"))
		list, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{
			{Name: "one", Source: "1", Routes: []picloud.Route{path("/b")}},
			{Name: "two", Source: "1", Routes: []picloud.Route{path("/a")}},
		}})
		f.ok(err)
		same(f, "one", list[0].Routes[0].Path, "/b")
		same(f, "two", list[1].Routes[0].Path, "/a")
	}},
}

func (f *fixture) deployWith(name, source string, settings *picloud.Settings) picloud.Deployed {
	f.Helper()
	list, err := f.Deploy(f.ctx, picloud.Deployment{
		App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: name, Source: source, Settings: settings}},
	})
	f.ok(err)
	return list[0]
}

func numbers(list []picloud.Version) string {
	var texts []string
	for _, v := range list {
		texts = append(texts, strconv.Itoa(v.Number))
	}
	return strings.Join(texts, " ")
}
