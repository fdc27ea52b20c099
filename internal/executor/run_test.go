package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		source  string
		code    picloud.Code
		line    int
		message string
	}{
		{"let x = 1;\nx.nothing()", picloud.CodeScriptError, 2, "nothing"},
		{"throw \"odd\"", picloud.CodeScriptError, 1, "odd"},
		{"\n\nthrow #{status: 404, message: \"no\"}", picloud.CodeThrown, 3, "no"},
		{"loop { }", picloud.CodeOperations, 1, ""},
		{"fn f() { f() } f()", picloud.CodeDepth, 1, ""},
		{"|x| x", picloud.CodeBadResponse, 0, "function"},
		{"let = 1", picloud.CodeScriptError, 1, ""},
		{"fn on_message(m) { }", picloud.CodeScriptError, 0, "fn handle(req)"},
		{"throw \"" + strings.Repeat("x", 100_000) + "\"", picloud.CodeScriptError, 1, "xxx"},
	} {
		out := runOn(t, c.source, request(), picloud.Limits{Operations: 100_000})
		e := out.Error
		if e == nil || e.Code != c.code || e.Line != c.line || !strings.Contains(e.Message, c.message) || out.Response != nil {
			t.Errorf("%.60s: %+v", c.source, e)
			continue
		}
		if len(e.Message) > maxMessage+10 {
			t.Errorf("%.60s: a message of %d bytes", c.source, len(e.Message))
		}
	}
	e := runOn(t, "let x = 1;\n  x.nothing()\n", request(), picloud.Limits{}).Error
	if e.SourceLine != "  x.nothing()" || e.Column < 3 {
		t.Errorf("the place is %+v", e)
	}
	if e := runOn(t, "throw #{status: 418, message: \"no\"}", request(), picloud.Limits{}).Error; e.Status != 418 {
		t.Errorf("thrown: %+v", e)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	out := runOn(t, "print(\"one\");\ndebug(2);\nlog::warn(\"three\", #{a: 1});\nprint(\"\\x00\");\nthrow 1", request(), picloud.Limits{})
	want := []picloud.LogLine{
		{Level: picloud.LevelInfo, Message: "one"}, {Level: picloud.LevelDebug, Message: "2", Line: 2},
		{Level: picloud.LevelWarn, Message: `three {"a":1}`}, {Level: picloud.LevelInfo, Message: "\uFFFD"},
		{Level: picloud.LevelError, Message: "failed at 5:1: 1", Line: 5},
	}
	if len(out.Logs) != len(want) || out.LogsCut {
		t.Fatalf("logged %+v", out.Logs)
	}
	for i, l := range out.Logs {
		if l.At.IsZero() || l.Level != want[i].Level || l.Message != want[i].Message || l.Line != want[i].Line {
			t.Errorf("line %d is %+v, want %+v", i, l, want[i])
		}
	}

	out = runOn(t, `throw #{ status: 404, message: "no" }`, request(), picloud.Limits{})
	if len(out.Logs) != 0 {
		t.Errorf("a status that the script chose is logged as a failure: %+v", out.Logs)
	}

	out = runOn(t, `for i in 0..1000 { print("héhé"); }`, request(), picloud.Limits{LogBytes: 100})
	last := out.Logs[len(out.Logs)-1]
	if !out.LogsCut || len(out.Logs) != 3 || last.Message != cutNote {
		t.Errorf("a log that is cut: %+v", out.Logs)
	}
	// The note and the failure come on top.
	if out := runOn(t, `loop { print(""); }`, request(), picloud.Limits{LogBytes: 1000, Operations: 100_000}); len(out.Logs) > 1000/lineOverhead+2 {
		t.Errorf("%d empty lines are free", len(out.Logs))
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	lib := shelf{
		"main":   `import "prices" as p; fn handle(req) { p::twice(21) }`,
		"prices": `fn twice(x) { x * 2 } fn bad() { let y = 0; 1 / y }`,
		"loop-a": `import "loop-b" as b; 1`, "loop-b": `import "loop-a" as a; 1`,
		"broken": `let = 1`,
	}
	if out := runIn(t, lib, request(), picloud.Limits{}); out.Error != nil || string(out.Response.Body) != "42" {
		t.Errorf("an import: %+v", out.Error)
	}
	for source, want := range map[string]string{
		`import "nothing" as n; 1`:                          "no such script",
		`import "../etc" as n; 1`:                           "not the name of a script",
		`import "broken" as n; 1`:                           "",
		`import "loop-a" as n; 1`:                           "",
		`import "prices" as p; fn handle(req) { p::bad() }`: "zero",
	} {
		lib["main"] = source
		out := runIn(t, lib, request(), picloud.Limits{})
		if out.Error == nil || out.Error.Code != picloud.CodeScriptError || !strings.Contains(out.Error.Message, want) {
			t.Errorf("%s: %+v", source, out.Error)
		}
	}
	if e := runIn(t, lib, request(), picloud.Limits{}).Error; lib["main"] != "" && e.Script == "main" {
		t.Errorf("an error of the main script names a script: %+v", e)
	}
}

// counted counts what is fetched, and can be away.
type counted struct {
	shelf
	fetched atomic.Int64
	away    atomic.Bool
}

func (c *counted) VersionSource(ctx context.Context, hash string) (string, error) {
	c.fetched.Add(1)
	if c.away.Load() {
		return "", errors.New("the database is away")
	}
	return c.shelf.VersionSource(ctx, hash)
}

func execution(hash string) *picloud.Execution {
	return &picloud.Execution{ID: "id", Script: hash, Hash: hash, Limits: picloud.DefaultLimits(), Request: request()}
}

func TestProgramsAreFetchedOnce(t *testing.T) {
	t.Parallel()
	lib := &counted{shelf: shelf{"a": `"a"`, "bad": `let`}}
	e := New(Config{})
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if out := e.Run(t.Context(), execution("a"), lib); out.Error != nil {
				t.Errorf("%+v", out.Error)
			}
		})
	}
	wait.Wait()
	for range 3 {
		if out := e.Run(t.Context(), execution("bad"), lib); out.Error == nil {
			t.Error("it does not compile, and runs")
		}
	}
	if got := lib.fetched.Load(); got != 2 {
		t.Errorf("two programs were fetched %d times", got)
	}
}

func TestAnAbsentStoreIsNotRemembered(t *testing.T) {
	t.Parallel()
	lib := &counted{shelf: shelf{"a": `"a"`}}
	lib.away.Store(true)
	e := New(Config{})
	if out := e.Run(t.Context(), execution("a"), lib); out.Error == nil || out.Error.Code != picloud.CodeUnavailable || strings.Contains(out.Error.Message, "database") {
		t.Errorf("%+v", out.Error)
	}
	lib.away.Store(false)
	if out := e.Run(t.Context(), execution("a"), lib); out.Error != nil {
		t.Errorf("the store is back: %+v", out.Error)
	}
	lib.away.Store(true) // what is compiled needs no store
	if out := e.Run(t.Context(), execution("a"), lib); out.Error != nil {
		t.Errorf("the store is away again: %+v", out.Error)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	lib := &counted{shelf: shelf{}}
	const limit = 1 << 20
	e := New(Config{CacheBytes: limit})
	for i := range 100 {
		hash := fmt.Sprint(i)
		lib.shelf[hash] = "// " + strings.Repeat("x", 20_000) + "\n" + hash
		if out := e.Run(t.Context(), execution(hash), lib); out.Error != nil || string(out.Response.Body) != hash {
			t.Fatalf("%+v", out.Error)
		}
		if e.cache.bytes > limit || len(e.cache.entries) != e.cache.recent.Len() {
			t.Fatalf("%d bytes in %d programs are kept", e.cache.bytes, len(e.cache.entries))
		}
	}
	e.Run(t.Context(), execution("99"), lib)
	if got := lib.fetched.Load(); got != 100 {
		t.Errorf("the last program was not kept: %d fetched", got)
	}
	e.Run(t.Context(), execution("0"), lib)
	if got := lib.fetched.Load(); got != 101 {
		t.Errorf("the first program was kept: %d fetched", got)
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	lib, e := shelf{"a": `loop { }`}, New(Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out := e.Run(ctx, execution("a"), lib); out.Error == nil || out.Error.Code != picloud.CodeCanceled {
		t.Errorf("%+v", out.Error)
	}
	x := execution("a")
	x.Limits.WallTimeMS, x.Limits.Operations = 1, 1<<40
	if out := e.Run(t.Context(), x, lib); out.Error == nil || out.Error.Code != picloud.CodeTimeout {
		t.Errorf("%+v", out.Error)
	}
}

func TestRunsShareNothing(t *testing.T) {
	t.Parallel()
	lib := shelf{"a": `let seen = []; fn handle(req) { let m = #{}; m.x = 1; m } seen.push(1); seen`}
	e := New(Config{})
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			for range 20 {
				if out := e.Run(t.Context(), execution("a"), lib); out.Error != nil || string(out.Response.Body) != `{"x":1}` {
					t.Errorf("%+v %s", out.Error, out.Response.Body)
				}
			}
		})
	}
	wait.Wait()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	e := New(Config{})
	for _, source := range []string{`1`, `fn handle(req) { req.path }`, `req.path`, `fn on_schedule(ev) { } fn on_message(m) { } fn on_change(e) { }`, `fn handle() { } fn handle(req) { handle() }`} {
		if found := e.Check(source); len(found) != 0 {
			t.Errorf("%s: %+v", source, found)
		}
	}
	deep := strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100)
	for source, want := range map[string]picloud.Diagnostic{
		"":                                  {},
		"  \n":                              {},
		"\xff":                              {},
		"let x = 1;\nlet y = ;\n":           {Line: 2, Column: 9, SourceLine: "let y = ;"},
		"fn handle(a, b) { }":               {Line: 1, Column: 1, SourceLine: "fn handle(a, b) { }"},
		"\n/// doc\nfn on_message() {\n}\n": {Line: 3, Column: 1, SourceLine: "fn on_message() {"},
		deep:                                {Line: 1},
	} {
		found := e.Check(source)
		if len(found) != 1 || found[0].Message == "" || found[0].Line != want.Line || want.Column > 0 && found[0].Column != want.Column ||
			want.SourceLine != "" && found[0].SourceLine != want.SourceLine {
			t.Errorf("%.40q: %+v", source, found)
		}
	}
	if found := e.CheckSettings(deep, picloud.Settings{Limits: picloud.Limits{ExprDepth: 256}}); len(found) != 0 {
		t.Errorf("a script that asks for more depth: %+v", found)
	}
}
