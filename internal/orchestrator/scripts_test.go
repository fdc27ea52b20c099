package orchestrator

import (
	"bufio"
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// The tests of this file run real scripts by a real executor.

func TestScripts(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("prices", `fn of(x) { x * 2 } export const TAX = 3;`, "/internal/prices")
	for i, c := range []struct {
		what, source string
		status       int
		kind         string // the PiCloud-Error header
		body         string
	}{
		{"a string", `"Hello"`, 200, "", "Hello"},
		{"nothing", `()`, 204, "", ""},
		{"a handler", `fn handle(req) { response(201, #{ a: req.method }).header("X-A", "1").header("X-A", "2") }`, 201, "", `{"a":"GET"}`},
		{"an import", `import "prices" as p; fn handle(req) { p::of(20) + p::TAX }`, 200, "", "43"},
		{"an import of nothing", `import "nothing" as p; 1`, 500, "script_error", ""},
		{"an endless loop", `loop { }`, 500, "operations", ""},
		{"an endless loop in a try", `loop { try { loop { } } catch { } }`, 500, "operations", ""},
		{"endless recursion", `fn f(x) { f(x + 1) } f(0)`, 500, "depth", ""},
		{"endless allocation", `fn f() { let s = ""; s.pad(7000000, "x"); f() + s } f()`, 500, "memory", ""},
		{"a string that grows", `let s = "x"; loop { s += s; }`, 500, "size", ""},
		{"a response that is too large", `let a = []; a.pad(900000, 1234567890); a`, 500, "response_size", ""},
		{"a bomb of shared values", `let a = [1]; for i in 0..40 { a = [a, a]; } a`, 500, "", ""},
		{"a cyclic value", `let a = [1]; let f = || a; a.push(f); let c = #{}; c.me = || c; c`, 500, "bad_response", ""},
		{"a function", `|x| x`, 500, "bad_response", ""},
		{"a time", `timestamp()`, 500, "bad_response", ""},
		{"no number", `0.0 / 0.0`, 500, "bad_response", ""},
		{"a run-time error", `let secret_name = 1; secret_name.no_such_function()`, 500, "script_error", ""},
		{"throw text", `throw "secret words"`, 500, "script_error", ""},
		{"throw nothing", `throw`, 500, "script_error", ""},
		{"throw an array", `throw [404, "x"]`, 500, "script_error", ""},
		{"throw a status", `throw #{ status: 404, message: "no such order" }`, 404, "", "no such order"},
		{"throw a status from a function", `fn f() { throw #{ status: 409, message: "taken" } } fn handle(req) { f() }`, 409, "", "taken"},
		{"throw a status and catch it", `let s = 0; try { throw #{ status: 404 } } catch (e) { s = e.status; } s`, 200, "", "404"},
		{"throw a status that is none", `throw #{ status: 42, message: "x" }`, 500, "script_error", ""},
		{"throw a status of 200", `throw #{ status: 200 }`, 500, "script_error", ""},
		{"a header with a line end", `text("x").header("X-A", "a\r\nSet-Cookie: b=c")`, 500, "script_error", ""},
		{"a framing header", `text("x").header("Content-Length", "1")`, 500, "script_error", ""},
		{"PiCloud's own cookie", `text("x").header("Set-Cookie", "__Host-picloud=x; Path=/; Secure")`, 500, "script_error", ""},
		{"no handler for requests", `fn on_message(m) { 1 }`, 500, "script_error", ""},
	} {
		name := "s" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		// The wall time is not what is tested, and the race detector is slow.
		n.deployAs("default", name, c.source, picloud.Settings{Limits: picloud.Limits{WallTimeMS: 60_000}})
		a := n.do("GET", "/"+name, "")
		if a.status != c.status || a.header.Get("PiCloud-Error") != c.kind && c.kind != "" || !strings.Contains(a.body, c.body) || strings.Contains(a.body, "secret") {
			t.Errorf("%s: %d %s %.200s, want %d %s", c.what, a.status, a.header.Get("PiCloud-Error"), a.body, c.status, c.kind)
		}
	}
}

func TestErrorsAreRecordedWithTheirPlace(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("bad", "fn handle(req) {\n    let x = 1;\n    x.no_such_thing()\n}")
	n.do("GET", "/bad", "").want(t, "bad", 500, "script_error")
	v := n.records()[0]
	if v.Error == nil || v.Error.Line != 3 || v.Error.Column < 5 || !strings.Contains(v.Error.Message, "no_such_thing") {
		t.Errorf("recorded as %+v %+v", v, v.Error)
	}
	if v.Operations == 0 || v.Duration == 0 {
		t.Errorf("no operations or no duration: %+v", v)
	}
}

func TestWallTime(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	short := picloud.Settings{Limits: picloud.Limits{WallTimeMS: 30, Operations: 9_000_000_000}}
	n.deployAs("default", "loop", `print("began"); loop { }`, short)
	n.deployAs("default", "sleep", `sleep(60)`, short)
	n.deployAs("default", "caught", `loop { try { sleep(60) } catch { } }`, short)
	for _, name := range []string{"loop", "sleep", "caught"} {
		a := n.do("GET", "/"+name, "")
		a.want(t, name, 504, "timeout")
		if a.header.Get("PiCloud-Error") != "timeout" {
			t.Errorf("%s: PiCloud-Error %q", name, a.header.Get("PiCloud-Error"))
		}
	}
	for _, v := range n.records() {
		if v.Status != picloud.StatusTimeout || v.Error == nil || v.Error.Code != picloud.CodeTimeout {
			t.Errorf("recorded as %+v", v)
		}
	}
	if logs := n.logs(); len(logs) != 4 || logs[0].Message != "began" || logs[1].Level != picloud.LevelError {
		t.Errorf("the log of a run that timed out: %+v", logs)
	}
}

func TestLogsAreCut(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("loud", `let line = ""; line.pad(1000, "x"); for i in 0..100000 { print(line); } "done"`)
	if a := n.do("GET", "/loud", ""); a.status != 200 || a.body != "done" {
		t.Errorf("%d %s, want that only the log is cut", a.status, a.body)
	}
	logs := n.logs()
	total := 0
	for _, l := range logs {
		total += len(l.Message)
	}
	if last := logs[len(logs)-1]; total > 256<<10+100 || total < 200<<10 || last.Message == "" || last.Level != picloud.LevelWarn {
		t.Errorf("%d bytes are logged, and at the end %+v", total, last)
	}
	if v := n.records()[0]; !v.LogsCut {
		t.Error("the record does not say so")
	}
}

// TestVersionsInFlight deploys a new version while the old one runs.
func TestVersionsInFlight(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	const slow = `sleep(2); "one"`
	n.deploy("hello", slow)
	var wait sync.WaitGroup
	wait.Go(func() {
		if a := n.do("GET", "/hello", ""); a.body != "one" {
			t.Errorf("the one in flight ends as %d %s", a.status, a.body)
		}
	})
	gate := n.table.Load().scripts[scriptKey{n.table.Load().byName["default"].ID, "hello"}].gate
	testenv.Eventually(t, "it runs", func() bool {
		gate.mu.Lock()
		defer gate.mu.Unlock()
		return gate.running == 1
	})
	n.deploy("hello", `"two"`)
	if a := n.do("GET", "/hello", ""); a.body != "two" {
		t.Errorf("after the deploy: %s", a.body)
	}
	wait.Wait()
}

// TestManyAtOnce deploys and calls many scripts at the same time.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("steady", `"steady"`)
	var wait sync.WaitGroup
	for i := range 4 {
		name := "moving-" + string(rune('a'+i))
		wait.Go(func() {
			for j := range 5 {
				want := name + string(rune('0'+j))
				n.deploy(name, `fn handle(req) { "`+want+`" }`)
				if a := n.do("GET", "/"+name, ""); a.body != want {
					t.Errorf("%s after its deploy: %d %s, want %s", name, a.status, a.body, want)
				}
			}
		})
		wait.Go(func() {
			for range 50 {
				n.do("GET", "/steady", "").want(t, "steady", 200, "")
			}
		})
	}
	wait.Wait()
	if got := len(n.records()); got != 4*(50+5) {
		t.Errorf("%d invocations are recorded, want %d", got, 4*(50+5))
	}
}

// TestAttacks runs every script of the attack corpus, each as it would be run
// for a stranger, and finds the server well after each.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it takes a while")
	}
	f, err := os.Open(testenv.Shared(t, "conformance", "adversarial.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	n := startNode(t, nil)
	n.deploy("canary", `"alive"`)
	limits := picloud.Settings{Limits: picloud.Limits{WallTimeMS: 5000, Operations: 1_000_000}}
	var kinds = map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var attack struct{ ID, Note, Script string }
		if err := json.Unmarshal(lines.Bytes(), &attack); err != nil {
			t.Fatal(err)
		}
		n.deployAs("default", "attack", attack.Script, limits)
		a := n.do("GET", "/attack", "")
		kind := a.header.Get("PiCloud-Error")
		kinds[kind]++
		switch {
		case a.status >= 500 && a.code() != kind:
			t.Errorf("%s: %d is no problem with a code: %.200s", attack.ID, a.status, a.body)
		case kind == "internal":
			t.Errorf("%s (%s): a bug: %v", attack.ID, attack.Note, n.records()[0].Error)
		}
		if a := n.do("GET", "/canary", ""); a.status != 200 {
			t.Fatalf("%s (%s): afterwards the server answers %d", attack.ID, attack.Note, a.status)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("outcomes %v; %d MiB from the system", kinds, m.Sys>>20)
	if m.Sys > 1200<<20 {
		t.Errorf("the process took %d MiB", m.Sys>>20)
	}
}
