package manager

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const scripts = "/api/v1/apps/default/scripts"

func TestLifeOfAScript(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	d := f.deploy(api.DeployScript{Name: "hello", Source: "1", Note: "first"})
	if d.Version != 1 || !d.Created || !d.NewVersion || !slices.Equal(d.URLs, []string{"http://127.0.0.1:8080/hello"}) || !slices.Equal(d.Routes, []string{"/hello"}) {
		t.Errorf("deployed %+v", d)
	}
	d = f.deploy(api.DeployScript{Name: "hello", Source: "2", Routes: []string{"GET /orders/{id}", "POST /orders/{id}", "/x/{$}"}})
	if d.Version != 2 || d.Created || d.PreviousVersion != 1 || !d.RoutesChanged ||
		!slices.Equal(d.URLs, []string{"http://127.0.0.1:8080/orders/{id}", "http://127.0.0.1:8080/x/"}) {
		t.Errorf("deployed %+v", d)
	}
	var list api.Scripts
	f.want(request{path: scripts}, http.StatusOK, &list)
	if len(list.Scripts) != 1 || list.Scripts[0].Version != 2 || !list.Scripts[0].Enabled {
		t.Errorf("list %+v", list)
	}
	var src api.Source
	f.want(request{path: scripts + "/hello/source"}, http.StatusOK, &src)
	if src.Source != "2" || src.Version.CreatedBy != "ada" {
		t.Errorf("source %+v", src)
	}
	f.want(request{path: scripts + "/hello/source?version=1"}, http.StatusOK, &src)
	if src.Source != "1" || src.Version.Note != "first" {
		t.Errorf("source %+v", src)
	}
	f.fails(request{path: scripts + "/hello/source?version=9"}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: scripts + "/hello/source?version=x"}, http.StatusUnprocessableEntity, picloud.CodeInvalid)

	var s api.Script
	f.want(request{path: scripts + "/hello/rollback", body: "{}"}, http.StatusOK, &s)
	if s.Version != 1 || s.LatestVersion != 2 {
		t.Errorf("rolled back to %+v", s)
	}
	f.fails(request{path: scripts + "/hello/rollback", body: "{}"}, http.StatusConflict, picloud.CodeConflict)
	f.fails(request{path: scripts + "/hello/rollback", body: `{"version":7}`}, http.StatusNotFound, picloud.CodeNotFound)
	f.want(request{path: scripts + "/hello/rollback", body: `{"version":2}`}, http.StatusOK, &s)

	f.want(request{method: http.MethodPost, path: scripts + "/hello/disable"}, http.StatusOK, &s)
	if s.Enabled {
		t.Error("it is still enabled")
	}
	f.want(request{method: http.MethodPost, path: scripts + "/hello/enable"}, http.StatusOK, &s)
	if !s.Enabled {
		t.Error("it is still disabled")
	}
	f.want(request{method: http.MethodDelete, path: scripts + "/hello"}, http.StatusNoContent, nil)
	f.fails(request{path: scripts + "/hello"}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: "/api/v1/apps/nope/scripts"}, http.StatusNotFound, picloud.CodeNotFound)
}

func TestVersionsArePaged(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	for i := range 5 {
		f.deploy(api.DeployScript{Name: "hello", Source: fmt.Sprint(i)})
	}
	var numbers []int
	for before := 0; ; {
		var page api.Versions
		f.want(request{path: fmt.Sprintf("%s/hello/versions?limit=2&before=%d", scripts, before)}, http.StatusOK, &page)
		if page.Live != 5 || len(page.Versions) > 2 {
			t.Fatalf("page %+v", page)
		}
		for _, v := range page.Versions {
			numbers = append(numbers, v.Number)
		}
		if before = page.Before; before == 0 {
			break
		}
	}
	if !slices.Equal(numbers, []int{5, 4, 3, 2, 1}) {
		t.Errorf("versions %v", numbers)
	}
	f.fails(request{path: scripts + "/hello/versions?limit=5000"}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
}

func TestRefusedDeploys(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.deploy(api.DeployScript{Name: "taken", Source: "1", Routes: []string{"GET /things/{id}"}})
	ok := api.DeployScript{Name: "fine", Source: "1"}
	with := func(change func(*api.DeployScript)) api.Deploy {
		s := api.DeployScript{Name: "hello", Source: "1"}
		change(&s)
		return api.Deploy{Scripts: []api.DeployScript{ok, s}}
	}
	for _, c := range []struct {
		name    string
		body    any
		status  int
		code    picloud.Code
		pointer string
	}{
		{"no scripts", api.Deploy{Scripts: []api.DeployScript{}}, 422, picloud.CodeInvalid, "#/scripts"},
		{"a bad name", with(func(s *api.DeployScript) { s.Name = "../x" }), 422, picloud.CodeInvalid, "#/scripts/1/name"},
		{"an empty source", with(func(s *api.DeployScript) { s.Source = " \n" }), 422, picloud.CodeInvalid, "#/scripts/1/source"},
		{"a huge source", with(func(s *api.DeployScript) { s.Source = strings.Repeat("a", picloud.MaxSourceBytes+1) }), 413, picloud.CodeTooLarge, "#/scripts/1/source"},
		{"a zero byte", with(func(s *api.DeployScript) { s.Source = "a\x00" }), 422, picloud.CodeInvalid, "#/scripts/1/source"},
		{"a route with ..", with(func(s *api.DeployScript) { s.Routes = []string{"/ok", "GET /a/../b"} }), 422, picloud.CodeInvalid, "#/scripts/1/routes/1"},
		{"a reserved route", with(func(s *api.DeployScript) { s.Routes = []string{"/_picloud/x"} }), 422, picloud.CodeInvalid, "#/scripts/1/routes/0"},
		{"a route of another", with(func(s *api.DeployScript) { s.Routes = []string{"GET /things/{name}"} }), 409, picloud.CodeRouteConflict, "#/scripts/1/routes/0"},
		{"a limit above the ceiling", with(func(s *api.DeployScript) {
			s.Settings = &picloud.Settings{Limits: picloud.Limits{WallTimeMS: 1 << 40}}
		}), 422, picloud.CodeInvalid, "#/scripts/1/settings/limits/wall_time_ms"},
		{"a bad variable", with(func(s *api.DeployScript) { s.Settings = &picloud.Settings{Env: map[string]string{"A-B": "x"}} }), 422, picloud.CodeInvalid, "#/scripts/1/settings/env"},
		{"a long note", with(func(s *api.DeployScript) { s.Note = strings.Repeat("n", picloud.MaxNoteBytes+1) }), 422, picloud.CodeInvalid, "#/scripts/1/note"},
		{"an unknown limit", `{"scripts":[{"name":"a","source":"1","settings":{"limits":{"cpu":1}}}]}`, 422, picloud.CodeInvalid, "#/scripts/0/settings/limits/cpu"},
		{"not the live version", with(func(s *api.DeployScript) { s.Name, s.IfVersion = "taken", 4 }), 409, picloud.CodeConflict, ""},
		{"one script twice", with(func(s *api.DeployScript) { s.Name = "fine" }), 422, picloud.CodeInvalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := *f
			f.T = t
			p := f.fails(request{path: "/api/v1/apps/default/deployments", body: c.body}, c.status, c.code)
			if c.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != c.pointer) {
				t.Errorf("errors %+v, want one at %s", p.Errors, c.pointer)
			}
		})
	}
	f.fails(request{path: "/api/v1/apps/nope/deployments", body: api.Deploy{Scripts: []api.DeployScript{ok}}}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: scripts + "/fine"}, http.StatusNotFound, picloud.CodeNotFound) // nothing was stored by halves
}

func TestScriptsThatDoNotCompile(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	body := api.Deploy{Scripts: []api.DeployScript{
		{Name: "one", Source: "let a = 1;\n\tlet x = ;"}, {Name: "two", Source: "1"}, {Name: "three", Source: badSource},
	}}
	p := f.fails(request{path: "/api/v1/apps/default/deployments", body: body}, http.StatusUnprocessableEntity, picloud.CodeScriptInvalid)
	want := api.Diagnostic{Script: "one", Message: "unexpected ';'", Line: 2, Column: 10, SourceLine: "\tlet x = ;", Caret: "\t        ^"}
	if len(p.Diagnostics) != 2 || p.Diagnostics[0] != want || p.Diagnostics[1].Script != "three" || p.Errors[1].Pointer != "#/scripts/2/source" {
		t.Errorf("problem %+v", p)
	}
	f.fails(request{path: scripts + "/two"}, http.StatusNotFound, picloud.CodeNotFound)

	var checked api.Checked
	f.want(request{path: "/api/v1/check", body: api.Check{Source: badSource}}, http.StatusOK, &checked)
	if checked.OK || len(checked.Diagnostics) != 1 || checked.Diagnostics[0].Caret != "        ^" {
		t.Errorf("checked %+v", checked)
	}
	f.want(request{path: "/api/v1/check", body: api.Check{Source: "1"}}, http.StatusOK, &checked)
	if !checked.OK {
		t.Errorf("checked %+v", checked)
	}
}

// Warnings are told, and keep nothing from being deployed.
func TestWarnings(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	want := api.Diagnostic{Script: "two", Message: "is that so?", Line: 2, Column: 3, SourceLine: "  suspicious", Caret: "  ^", Warning: true}
	deploy := func(sources ...string) request {
		var body api.Deploy
		for i, s := range sources {
			body.Scripts = append(body.Scripts, api.DeployScript{Name: []string{"one", "two"}[i], Source: s})
		}
		return request{path: "/api/v1/apps/default/deployments", body: body}
	}
	var done api.Deployment
	f.want(deploy("1", "2;\n  suspicious"), http.StatusOK, &done)
	if len(done.Scripts) != 2 || len(done.Warnings) != 1 || done.Warnings[0] != want {
		t.Errorf("deployed %+v", done)
	}
	p := f.fails(deploy(badSource+"\n", "suspicious"), http.StatusUnprocessableEntity, picloud.CodeScriptInvalid)
	if len(p.Diagnostics) != 1 || p.Diagnostics[0].Warning {
		t.Errorf("problem %+v", p)
	}
	var checked api.Checked
	f.want(request{path: "/api/v1/check", body: api.Check{Source: "suspicious"}}, http.StatusOK, &checked)
	if !checked.OK || len(checked.Diagnostics) != 1 || !checked.Diagnostics[0].Warning {
		t.Errorf("checked %+v", checked)
	}
}

// A script compiles under the limits that it will run with.
func TestLimitsHoldForCompiling(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	deploy := func(s api.DeployScript) request {
		return request{path: "/api/v1/apps/default/deployments", body: api.Deploy{Scripts: []api.DeployScript{s}}}
	}
	shallow := &picloud.Settings{Limits: picloud.Limits{ExprDepth: 1}}
	f.fails(deploy(api.DeployScript{Name: "hello", Source: "1", Settings: shallow}), http.StatusUnprocessableEntity, picloud.CodeScriptInvalid)
	_, err := f.store.Deploy(t.Context(), picloud.Deployment{App: "default", Scripts: []picloud.ScriptDeploy{{Name: "hello", Source: "1", Settings: shallow}}})
	f.ok(err)
	f.fails(deploy(api.DeployScript{Name: "hello", Source: "2"}), http.StatusUnprocessableEntity, picloud.CodeScriptInvalid)
	f.want(deploy(api.DeployScript{Name: "hello", Source: "2", Settings: &picloud.Settings{}}), http.StatusOK, nil)
}

func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var out api.Deployment
	f.want(request{path: "/api/v1/apps/default/deployments", body: api.Deploy{DryRun: true, Scripts: []api.DeployScript{{Name: "hello", Source: "1"}}}}, http.StatusOK, &out)
	if !out.DryRun || !out.Scripts[0].Created {
		t.Errorf("dry run %+v", out)
	}
	f.fails(request{path: scripts + "/hello"}, http.StatusNotFound, picloud.CodeNotFound)
}

func TestNoRoutesAreNotTheDefaultRoute(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	d := f.deploy(api.DeployScript{Name: "lib", Source: "1", Routes: []string{}})
	if len(d.Routes) != 0 || len(d.URLs) != 0 {
		t.Errorf("deployed %+v", d)
	}
	if d := f.deploy(api.DeployScript{Name: "lib", Source: "2"}); len(d.Routes) != 0 {
		t.Errorf("an absent list does not keep the routes: %+v", d)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, app, want string }{
		{"http://127.0.0.1:8080", "default", "127.0.0.1:8080"},
		{"http://127.0.0.1:8080", "shop", "shop.localhost:8080"},
		{"http://[::1]:8080", "shop", "shop.localhost:8080"},
		{"http://localhost:80", "shop", "shop.localhost:80"},
		{"https://example.org", "default", "example.org"},
		{"https://example.org", "shop", "shop.example.org"},
	} {
		base, err := url.Parse(c.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := AppHost(base, c.app); got != c.want {
			t.Errorf("AppHost(%s, %s) = %s, want %s", c.base, c.app, got, c.want)
		}
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.deploy(api.DeployScript{Name: "hello", Source: "1"})
	for _, c := range []struct {
		name string
		in   api.Invoke
		seen string
		body string
	}{
		{"nothing said", api.Invoke{}, "default hello GET /hello 127.0.0.1:8080 ", ""},
		{"a body", api.Invoke{Body: `{"a":1}`}, "default hello POST /hello 127.0.0.1:8080 ", `{"a":1}`},
		{"everything", api.Invoke{Method: "PUT", Path: "/x/y?z=1", Headers: []api.Header{{Name: "x-test", Value: "v"}}, BodyBase64: "aGk="}, "default hello PUT /x/y?z=1 127.0.0.1:8080 v", "hi"},
	} {
		var out api.Invoked
		f.want(request{path: scripts + "/hello/invoke", body: c.in}, http.StatusOK, &out)
		seen := ""
		for _, h := range out.Headers {
			if h.Name == "X-Seen" {
				seen = h.Value
			}
		}
		if out.Status != http.StatusTeapot || seen != c.seen || out.Body != c.body || out.InvocationID == "" {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
	var out api.Invoked
	f.want(request{path: scripts + "/hello/invoke", body: api.Invoke{BodyBase64: base64.StdEncoding.EncodeToString([]byte{0xff})}}, http.StatusOK, &out)
	if out.Body != "" || out.BodyBase64 != "/w==" {
		t.Errorf("bytes: %+v", out)
	}
	for pointer, in := range map[string]api.Invoke{
		"#/path":        {Path: "no-slash"},
		"#/method":      {Method: "G T"},
		"#/body_base64": {BodyBase64: "%"},
		"#/headers/0":   {Headers: []api.Header{{Name: "a b", Value: "c"}}},
	} {
		if p := f.fails(request{path: scripts + "/hello/invoke", body: in}, http.StatusUnprocessableEntity, picloud.CodeInvalid); p.Errors[0].Pointer != pointer {
			t.Errorf("%+v: %+v", in, p)
		}
	}
	f.fails(request{path: scripts + "/missing/invoke", body: "{}"}, http.StatusNotFound, picloud.CodeNotFound)
}

// record enters invocations of hello, each with one line.
func (f *fixture) record(messages ...string) {
	f.Helper()
	live, err := f.store.ScriptByName(f.Context(), "default", "hello")
	f.ok(err)
	ids := picloud.NewIDs(time.Now, rand.Reader)
	var batch []picloud.Record
	for _, msg := range messages {
		now := time.Now()
		batch = append(batch, picloud.Record{
			Invocation: picloud.Invocation{
				ID: ids.New(), AppID: live.Script.AppID, App: "default", ScriptID: live.Script.ID, Script: "hello", Version: 1,
				Trigger: picloud.TriggerHTTP, Status: picloud.StatusOK, HTTPStatus: 200, StartedAt: now,
			},
			Logs: []picloud.LogLine{{At: now, Level: picloud.LevelInfo, Message: msg, Line: 1}},
		})
	}
	f.ok(f.store.AddRecords(f.Context(), batch))
	f.watch.announce()
}

func TestRecords(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.deploy(api.DeployScript{Name: "hello", Source: "1"})
	const base = "/api/v1/apps/default"
	var invs api.Invocations
	f.want(request{path: base + "/invocations"}, http.StatusOK, &invs)
	if invs.Invocations == nil || len(invs.Invocations) != 0 {
		t.Errorf("invocations %+v", invs)
	}
	f.record("a", "b", "c")
	f.want(request{path: base + "/invocations?script=hello&status=ok&limit=2"}, http.StatusOK, &invs)
	if len(invs.Invocations) != 2 || invs.Before == 0 || invs.After != invs.Invocations[0].Seq {
		t.Errorf("invocations %+v", invs)
	}
	var one picloud.Invocation
	f.want(request{path: base + "/invocations/" + invs.Invocations[0].ID}, http.StatusOK, &one)
	if one.ID != invs.Invocations[0].ID {
		t.Errorf("invocation %+v", one)
	}
	f.fails(request{path: base + "/invocations/nope"}, http.StatusNotFound, picloud.CodeNotFound)

	messages := func(query string) string {
		var logs api.Logs
		f.want(request{path: base + "/logs" + query}, http.StatusOK, &logs)
		var list []string
		for _, l := range logs.Lines {
			list = append(list, l.Message)
		}
		return strings.Join(list, " ")
	}
	for query, want := range map[string]string{
		"":                              "c b a",
		"?order=asc":                    "a b c",
		"?limit=1":                      "c",
		"?invocation=" + one.ID:         "c",
		"?level=warn":                   "",
		"?since=2999-01-01T00:00:00Z":   "",
		"?script=hello&order=asc":       "a b c",
		"?order=asc&after=1&limit=1":    "a",
		fmt.Sprint("?before=", one.Seq): "b a",
	} {
		if got := messages(query); got != want {
			t.Errorf("logs%s: %q, want %q", query, got, want)
		}
	}
	before := f.watch.flushes.Load()
	messages("")
	f.want(request{path: base + "/invocations"}, http.StatusOK, nil)
	f.want(request{path: base + "/invocations/" + one.ID}, http.StatusOK, nil)
	if n := f.watch.flushes.Load() - before; n != 3 {
		t.Errorf("what waits was entered %d times for 3 readers", n)
	}
	for _, query := range []string{"?after=1", "?order=asc&before=2", "?order=up", "?limit=-1", "?level=loud", "?since=yesterday"} {
		f.fails(request{path: base + "/logs" + query}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	}
	f.fails(request{path: base + "/logs?script=nope"}, http.StatusNotFound, picloud.CodeNotFound)
}

// follow opens a stream and gives its events.
func (f *fixture) follow(url string, header http.Header) <-chan picloud.LogLine {
	f.Helper()
	req, err := http.NewRequestWithContext(f.Context(), http.MethodGet, url, nil)
	f.ok(err)
	req.Header = header
	req.Header.Set("Authorization", "Bearer "+f.token)
	resp, err := http.DefaultClient.Do(req)
	f.ok(err)
	f.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		f.Fatalf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
	in := bufio.NewScanner(resp.Body)
	in.Scan() // the comment with which a stream begins: from here on, nothing is missed
	events := make(chan picloud.LogLine)
	go func() {
		defer close(events)
		for in.Scan() {
			if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
				var l picloud.LogLine
				if json.Unmarshal([]byte(data), &l) == nil {
					events <- l
				}
			}
		}
	}()
	return events
}

func TestFollow(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.deploy(api.DeployScript{Name: "hello", Source: "1"})
	f.record("before")
	server := httptest.NewServer(f.m)
	t.Cleanup(server.Close)
	url := server.URL + "/api/v1/apps/default/logs/stream"

	live := f.follow(url+"?script=hello", http.Header{})
	f.record("one")
	first := <-live
	if first.Message != "one" {
		t.Fatalf("the first line is %+v", first)
	}
	var many []string
	for i := range followBatch + 10 {
		many = append(many, fmt.Sprint(i))
	}
	f.record(many...)
	for _, want := range many {
		if l := <-live; l.Message != want {
			t.Fatalf("line %q, want %q", l.Message, want)
		}
	}
	resumed := f.follow(url, http.Header{"Last-Event-Id": {fmt.Sprint(first.Seq)}})
	if l := <-resumed; l.Message != "0" {
		t.Errorf("resumed at %+v", l)
	}
	f.fails(request{path: "/api/v1/apps/default/logs/stream?script=nope"}, http.StatusNotFound, picloud.CodeNotFound)
	f.m.Drain()
	for range live { // ends when the stream does
	}
	for range resumed {
	}
}
