// Package executortest is what every way of running an executor must do: in
// the same process, behind a socket, as a child process.
package executortest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Executor runs scripts.
type Executor interface {
	Run(ctx context.Context, x *picloud.Execution, host picloud.Host) *picloud.Outcome
}

// Shelf is a host in memory: the scripts of one app by name, which is also the
// hash of their version.
type Shelf map[string]string

// VersionSource implements picloud.Host.
func (s Shelf) VersionSource(_ context.Context, hash string) (string, error) {
	if source, ok := s[hash]; ok {
		return source, nil
	}
	return "", picloud.NotFound("version", hash)
}

// LiveVersion implements picloud.Host.
func (s Shelf) LiveVersion(_ context.Context, script string) (string, error) {
	if _, ok := s[script]; ok {
		return script, nil
	}
	return "", picloud.NotFound("script", script)
}

// ReadEntries implements picloud.Host: every key is absent, but for "answer",
// "octets" and "broken".
func (s Shelf) ReadEntries(_ context.Context, keys []string) ([]picloud.Entry, error) {
	list := make([]picloud.Entry, len(keys))
	for i, key := range keys {
		list[i].Key = key
		switch key {
		case "answer":
			list[i] = picloud.Entry{Key: key, Version: 7, Kind: picloud.ValueJSON, Value: []byte("42"), ExpiresAt: time.Unix(4e9, 0)}
		case "octets":
			list[i] = picloud.Entry{Key: key, Version: 1 << 40, Kind: picloud.ValueBytes, Value: []byte{0, 255}}
		case "broken":
			return nil, &picloud.Error{Code: picloud.CodeUnavailable, Message: "the data cannot be reached"}
		}
	}
	return list, nil
}

// ListEntries implements picloud.Host: there are as many as asked for, and
// more.
func (s Shelf) ListEntries(_ context.Context, q picloud.EntryQuery) (page picloud.EntryPage, err error) {
	page.More = true
	for i := range q.Limit {
		e := picloud.Entry{Key: fmt.Sprintf("%s%04d", q.From, i), Version: int64(i + 1), Kind: picloud.ValueJSON}
		if q.Values {
			e.Value = fmt.Append(nil, i)
		}
		page.Entries = append(page.Entries, e)
	}
	return page, nil
}

// Execution asks for a run of a script of a shelf on a request that has a few
// of everything.
func Execution(script string) *picloud.Execution {
	return &picloud.Execution{
		ID: "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a", AppID: "app-1", App: "shop", Script: script, Version: 3, Hash: script,
		Limits: picloud.DefaultLimits(), Env: map[string]string{"GREETING": "hi", "EMPTY": ""}, Trigger: picloud.TriggerHTTP,
		Request: &picloud.Request{
			Method: "POST", Scheme: "https", Host: "shop.localhost:8080", Path: "/orders/é 7", RawQuery: "a=1&a=2&b=%C3%A9+x",
			Params: []picloud.Param{{Name: "id", Value: "7"}, {Name: "rest", Value: "a/b"}},
			Header: http.Header{"X-One": {"1", "2"}, "Content-Type": {"text/plain"}, "Cookie": {"c=d; e=f"}, "X-Empty": {""}},
			Body:   []byte("body \x00\xff"), IP: "192.0.2.7",
		},
	}
}

// Exercise runs the whole suite on an executor.
func Exercise(t *testing.T, e Executor) {
	for name, test := range map[string]func(*testing.T, Executor){
		"Values": values, "TheRequestArrivesWhole": request, "Responses": responses, "Failures": failures, "Limits": limits,
		"Logs": logs, "Imports": imports, "HostsThatFail": failingHosts, "Canceled": canceled, "Deadlines": deadlines,
		"LargeBodies": largeBodies, "ManyAtOnce": many, "CallsAreCanceled": callsAreCanceled,
		"Effects": effects, "Events": events, "Journals": journals, "JournalsKept": journalsKept, "Divergence": divergence,
		"Outbound": outbound, "Secrets": secrets,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// run runs a source alone.
func run(t *testing.T, e Executor, source string, edits ...func(*picloud.Execution)) *picloud.Outcome {
	t.Helper()
	// The name is the key of the cache: each source has one of its own.
	name := fmt.Sprintf("s-%x", source)
	if len(name) > 200 {
		name = fmt.Sprintf("s-%d-%s", len(source), name[:150])
	}
	x := Execution(name)
	x.Script = "main"
	for _, edit := range edits {
		edit(x)
	}
	return e.Run(t.Context(), x, Shelf{name: source})
}

// body is the body of a run that must succeed.
func body(t *testing.T, what string, o *picloud.Outcome) string {
	t.Helper()
	if o.Error != nil || o.Response == nil {
		t.Fatalf("%.200s: %+v", what, o.Error)
	}
	return string(o.Response.Body)
}

// fails checks that a run ended with a code.
func fails(t *testing.T, what string, o *picloud.Outcome, code picloud.Code) *picloud.ScriptError {
	t.Helper()
	if o.Error == nil || o.Error.Code != code || o.Response != nil {
		t.Fatalf("%.200s: %+v, %+v; want %s", what, o.Error, o.Response, code)
	}
	return o.Error
}

func values(t *testing.T, e Executor) {
	for source, want := range map[string]string{
		`"hello"`: "hello", `42`: "42", `#{ a: [1, 2.0, "x", ()] }`: `{"a":[1,2.0,"x",null]}`, `blob(3, 65)`: "AAA", `()`: "",
	} {
		o := run(t, e, source)
		if got := body(t, source, o); got != want {
			t.Errorf("%s = %q, want %q", source, got, want)
		}
		if o.Operations <= 0 || o.Duration <= 0 {
			t.Errorf("%s: %d operations in %v", source, o.Operations, o.Duration)
		}
	}
}

func request(t *testing.T, e Executor) {
	const source = `fn handle(req) { [req.id, req.app, req.script, req.version, req.method, req.scheme, req.host, req.path, req.query.values("a"),
		req.params.id, req.params.rest, req.headers.values("x-one"), req.headers["x-empty"], req.cookies.e, req.ip, env::get("GREETING"), env::get("EMPTY"), req.body.len] }`
	const want = `["01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a","shop","main",3,"POST","https","shop.localhost:8080","/orders/é 7",["1","2"],"7","a/b",["1","2"],"","f","192.0.2.7","hi","",7]`
	if got := body(t, source, run(t, e, source)); got != want {
		t.Errorf("the script sees\n%s, want\n%s", got, want)
	}
	for want, by := range map[string]*picloud.Caller{
		`{"a":null}`: nil,
		`{"a":{"key":null,"kind":"user","role":"viewer","user":"ada"}}`: {Kind: picloud.PrincipalUser, User: "ada", Role: "viewer"},
		`{"a":{"key":"ci","kind":"key","role":"owner","user":"ada"}}`:   {Kind: picloud.PrincipalKey, User: "ada", Key: "ci", Role: "owner"},
	} {
		const source = `fn handle(req) { #{ a: req.auth } }`
		if got := body(t, source, run(t, e, source, func(x *picloud.Execution) { x.Request.Auth = by })); got != want {
			t.Errorf("who calls is %s, want %s", got, want)
		}
	}
}

func responses(t *testing.T, e Executor) {
	o := run(t, e, `response(201, "made").header("X-Order", "7").header("X-Order", "8").cookie("a", "b")`)
	body(t, "a response", o)
	if r := o.Response; r.Status != 201 || strings.Join(r.Header["X-Order"], ",") != "7,8" || len(r.Header["Set-Cookie"]) != 1 || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%+v", o.Response)
	}
	if o := run(t, e, `fn handle(req) { }`); o.Response == nil || o.Response.Status != 204 || o.Response.Header == nil {
		t.Errorf("nothing is %+v, %+v", o.Response, o.Error)
	}
}

func failures(t *testing.T, e Executor) {
	se := fails(t, "an error", run(t, e, "let a = 1;\n  a.nothing();\n"), picloud.CodeScriptError)
	if se.Line != 2 || se.Column == 0 || se.SourceLine != "  a.nothing();" || se.Message == "" {
		t.Errorf("%+v", se)
	}
	if se := fails(t, "a throw", run(t, e, "\nthrow #{ status: 404, message: `no é` };"), picloud.CodeThrown); se.Status != 404 || se.Message != "no é" || se.Line != 2 {
		t.Errorf("%+v", se)
	}
	fails(t, "no script", run(t, e, `let = ;`), picloud.CodeScriptError)
	fails(t, "a bad response", run(t, e, `fn handle(req) { |x| x }`), picloud.CodeBadResponse)
}

func limits(t *testing.T, e Executor) {
	for _, c := range []struct {
		source string
		code   picloud.Code
		limit  func(*picloud.Limits)
	}{
		{`loop { }`, picloud.CodeOperations, func(l *picloud.Limits) { l.Operations = 1000 }},
		{`loop { }`, picloud.CodeTimeout, func(l *picloud.Limits) { l.WallTimeMS, l.Operations = 20, 1<<40 }},
		{`let a = []; loop { a.push("0123456789" + a.len()); }`, picloud.CodeMemory, func(l *picloud.Limits) { l.MemoryBytes = 1 << 20 }},
		{`fn f() { f() } f()`, picloud.CodeDepth, func(l *picloud.Limits) { l.CallDepth = 20 }},
		{`let s = "x"; loop { s += s; }`, picloud.CodeSize, func(l *picloud.Limits) { l.StringBytes = 1 << 10 }},
		{`blob(1001, 65)`, picloud.CodeResponseSize, func(l *picloud.Limits) { l.ResponseBytes = 1000 }},
	} {
		fails(t, c.source, run(t, e, c.source, func(x *picloud.Execution) { c.limit(&x.Limits) }), c.code)
	}
	source := `/* at the limit */ blob(1000, 65)`
	if got := body(t, source, run(t, e, source, func(x *picloud.Execution) { x.Limits.ResponseBytes = 1000 })); len(got) != 1000 {
		t.Errorf("a response at its limit has %d bytes", len(got))
	}
}

func logs(t *testing.T, e Executor) {
	before := time.Now().Add(-time.Second)
	o := run(t, e, "print(`one é`);\nlog::warn(`two`);\ndebug(3);\nthrow `four`")
	fails(t, "a throw", o, picloud.CodeScriptError)
	if len(o.Logs) != 4 || o.LogsCut {
		t.Fatalf("%+v", o.Logs)
	}
	for i, want := range []picloud.LogLine{
		{Level: picloud.LevelInfo, Message: "one é"}, {Level: picloud.LevelWarn, Message: "two"},
		{Level: picloud.LevelDebug, Message: "3", Line: 3}, {Level: picloud.LevelError, Line: 4},
	} {
		l := o.Logs[i]
		if l.Level != want.Level || want.Message != "" && l.Message != want.Message || l.Line != want.Line || l.At.Before(before) || l.At.After(time.Now().Add(time.Second)) {
			t.Errorf("line %d is %+v, want %+v", i, l, want)
		}
	}
	o = run(t, e, `for i in 0..1000 { print("0123456789"); } "done"`, func(x *picloud.Execution) { x.Limits.LogBytes = 4200 })
	if body(t, "a long log", o); !o.LogsCut || len(o.Logs) != 101 { // 100 lines and the note
		t.Errorf("cut %v, %d lines", o.LogsCut, len(o.Logs))
	}
	o = run(t, e, `for i in 0..1000 { print(""); } throw "x"`, func(x *picloud.Execution) { x.Limits.LogBytes = 1 })
	if fails(t, "a log without room", o, picloud.CodeScriptError); !o.LogsCut {
		t.Errorf("%+v", o.Logs)
	}
}

func imports(t *testing.T, e Executor) {
	host := Shelf{
		"imports-main":   `import "imports-prices" as p; fn handle(req) { p::total(2) }`,
		"imports-prices": `import "imports-deep" as d; fn total(n) { n * d::price() }`,
		"imports-deep":   `fn price() { 21 }`,
		"imports-none":   `import "imports-nothing" as n; 1`,
		"imports-broken": "import \"imports-bad\" as b;\nb::f()",
		"imports-bad":    "fn f() {\n  throw \"deep\"\n}",
	}
	if got := body(t, "imports", e.Run(t.Context(), Execution("imports-main"), host)); got != "42" {
		t.Errorf("got %s", got)
	}
	if se := fails(t, "no such script", e.Run(t.Context(), Execution("imports-none"), host), picloud.CodeScriptError); !strings.Contains(se.Message, "no such script") {
		t.Errorf("%+v", se)
	}
	if se := fails(t, "an error in a module", e.Run(t.Context(), Execution("imports-broken"), host), picloud.CodeScriptError); se.Line != 2 || se.Message != "deep" {
		t.Errorf("%+v", se)
	}
}

// brokenHost cannot answer.
type brokenHost struct{ err error }

func (h brokenHost) VersionSource(context.Context, string) (string, error) { return "", h.err }
func (h brokenHost) LiveVersion(context.Context, string) (string, error)   { return "", h.err }
func (h brokenHost) ReadEntries(context.Context, []string) ([]picloud.Entry, error) {
	return nil, h.err
}
func (h brokenHost) ListEntries(context.Context, picloud.EntryQuery) (picloud.EntryPage, error) {
	return picloud.EntryPage{}, h.err
}
func (h brokenHost) ListFiles(context.Context, picloud.FileQuery) (picloud.FilePage, error) {
	return picloud.FilePage{}, h.err
}
func (h brokenHost) ReadBlob(context.Context, picloud.BlobPart) ([]byte, error) { return nil, h.err }
func (h brokenHost) StageBlob(context.Context, []byte) (picloud.Blob, error) {
	return picloud.Blob{}, h.err
}

func failingHosts(t *testing.T, e Executor) {
	for _, err := range []error{errors.New("the disk of 10.0.0.1 is on fire"), picloud.NotFound("version", "x"), picloud.Errorf(picloud.CodeUnavailable, "away")} {
		se := fails(t, err.Error(), e.Run(t.Context(), Execution("failing-host"), brokenHost{err}), picloud.CodeUnavailable)
		if strings.Contains(se.Message, "10.0.0.1") {
			t.Errorf("what went wrong inside is told: %s", se.Message)
		}
	}
	// What could not be loaded is not remembered.
	if got := body(t, "later", e.Run(t.Context(), Execution("failing-host"), Shelf{"failing-host": `"back"`})); got != "back" {
		t.Errorf("got %s", got)
	}
}

func canceled(t *testing.T, e Executor) {
	ctx, cancel := context.WithCancel(t.Context())
	host := &signalHost{Shelf: Shelf{"canceled": `loop { }`}, asked: make(chan struct{})}
	x := Execution("canceled")
	x.Limits.Operations, x.Limits.WallTimeMS = 1<<40, 300_000
	go func() {
		<-host.asked
		cancel()
	}()
	fails(t, "a run that is canceled", e.Run(ctx, x, host), picloud.CodeCanceled)
	fails(t, "a run that is canceled before", e.Run(ctx, x, host), picloud.CodeCanceled)
}

// signalHost tells when a source is asked for.
type signalHost struct {
	Shelf
	asked chan struct{}
	once  sync.Once
}

func (h *signalHost) VersionSource(ctx context.Context, hash string) (string, error) {
	h.once.Do(func() { close(h.asked) })
	return h.Shelf.VersionSource(ctx, hash)
}

func deadlines(t *testing.T, e Executor) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	x := Execution("deadlines")
	x.Limits.Operations, x.Limits.WallTimeMS = 1<<40, 300_000
	fails(t, "a deadline of the caller", e.Run(ctx, x, Shelf{"deadlines": `loop { }`}), picloud.CodeCanceled)
}

func largeBodies(t *testing.T, e Executor) {
	for _, size := range []int{0, 1, 60 << 10, 64 << 10, 70 << 10, 4 << 20, 8 << 20} {
		in := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		o := run(t, e, `fn handle(req) { req.body }`, func(x *picloud.Execution) { x.Request.Body = []byte(in) })
		if size == 0 {
			continue
		}
		if got := body(t, fmt.Sprintf("%d bytes", size), o); got != in {
			t.Errorf("of %d bytes, %d come back, or others", size, len(got))
		}
	}
}

func many(t *testing.T, e Executor) {
	host := Shelf{"many": `fn handle(req) { let n = 0; for i in 0..200 { n += i; } req.body + ":" + n }`}
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			for j := range 20 {
				x := Execution("many")
				x.Request.Body = fmt.Appendf(nil, "%d/%d", i, j)
				o := e.Run(t.Context(), x, host)
				if o.Error != nil || string(o.Response.Body) != fmt.Sprintf("%d/%d:19900", i, j) {
					t.Errorf("run %d/%d: %+v, %+v", i, j, o.Response, o.Error)
				}
			}
		})
	}
	wait.Wait()
}

// blockingHost answers when its caller has gone, and tells that it did.
type blockingHost struct {
	picloud.Host
	asked, done chan struct{}
}

func (h blockingHost) VersionSource(ctx context.Context, _ string) (string, error) {
	close(h.asked)
	<-ctx.Done()
	close(h.done)
	return "", ctx.Err()
}

func callsAreCanceled(t *testing.T, e Executor) {
	ctx, cancel := context.WithCancel(t.Context())
	h := blockingHost{Shelf{}, make(chan struct{}), make(chan struct{})}
	go func() {
		<-h.asked
		cancel()
	}()
	fails(t, "a call that is canceled", e.Run(ctx, Execution("blocked"), h), picloud.CodeCanceled)
	<-h.done
	x := Execution("blocked-for-long")
	x.Limits.WallTimeMS = 20
	h = blockingHost{Shelf{}, make(chan struct{}), make(chan struct{})}
	fails(t, "a call beyond the wall time", e.Run(t.Context(), x, h), picloud.CodeTimeout)
	<-h.done
}
