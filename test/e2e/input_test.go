package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestBadDeploysAreRefusedWhole sends the admin API what it must not accept,
// and finds nothing of it stored.
func TestBadDeploysAreRefusedWhole(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	owner := signInAPI(t, s)
	if a := owner.deploy("orders", `"order"`, map[string]any{"routes": []string{"GET /orders/{id}"}}); a.status != 200 {
		t.Fatalf("deploy = %s", a)
	}
	const path = "/apps/default/deployments"
	script := func(fields string) string { return `{"scripts":[{` + fields + `}]}` }
	for _, c := range []struct {
		what, body string
		status     int
		code       string
	}{
		{"wrong JSON", `{"scripts":[`, 400, "malformed"},
		{"no JSON", ``, 400, ""},
		{"bad UTF-8", script("\"name\":\"bad\",\"source\":\"\\\"\xff\\\"\""), 400, "malformed"},
		{"unknown field", script(`"name":"bad","source":"1","colour":"red"`), 422, "invalid"},
		{"wrong type", script(`"name":"bad","source":7`), 422, "invalid"},
		{"no scripts", `{"scripts":[]}`, 422, "invalid"},
		{"no source", script(`"name":"bad"`), 422, "invalid"},
		{"blank source", script(`"name":"bad","source":"  "`), 422, "invalid"},
		{"zero byte", script(`"name":"bad","source":"1\u0000"`), 422, "invalid"},
		{"bad name", script(`"name":"../bad","source":"1"`), 422, "invalid"},
		{"unparsable script", script(`"name":"bad","source":"let x = ;"`), 422, "script_invalid"},
		{"source too large", script(`"name":"bad","source":"` + strings.Repeat("1", 1<<20+1) + `"`), 413, "too_large"},
		{"route with ..", script(`"name":"bad","source":"1","routes":["/a/../b"]`), 422, "invalid"},
		{"route with an escape", script(`"name":"bad","source":"1","routes":["/a%2fb"]`), 422, "invalid"},
		{"route with //", script(`"name":"bad","source":"1","routes":["/a//b"]`), 422, "invalid"},
		{"reserved route", script(`"name":"bad","source":"1","routes":["/_picloud/x"]`), 422, "invalid"},
		{"route of another script", script(`"name":"bad","source":"1","routes":["GET /orders/{id}"]`), 409, "route_conflict"},
		{"route that overlaps", script(`"name":"bad","source":"1","routes":["GET /{kind}/new"]`), 409, "route_conflict"},
		{"limit above the ceiling", script(`"name":"bad","source":"1","settings":{"limits":{"memory_bytes":1099511627776}}`), 422, "invalid"},
		{"the second of two", `{"scripts":[{"name":"good","source":"1"},{"name":"bad","source":"let"}]}`, 422, "script_invalid"},
	} {
		a := owner.send(http.MethodPost, path, c.body)
		if a.status != c.status || a.problem() == "" || c.code != "" && a.problem() != c.code {
			t.Errorf("%s: the answer is %s, want %d %s", c.what, a, c.status, c.code)
		}
	}
	if a := announce(t, s.admin, "/api/v1"+path, 17<<20, "Authorization: Bearer "+owner.token); a.status != 413 || a.problem() != "too_large" {
		t.Errorf("body too large: the answer is %s, want 413", a)
	}
	if a := owner.send(http.MethodPost, "/apps/nowhere/deployments", script(`"name":"bad","source":"1"`)); a.status != 404 {
		t.Errorf("unknown app: the answer is %s, want 404", a)
	}

	var list struct{ Scripts []struct{ Name string } }
	owner.send(http.MethodGet, "/apps/default/scripts", "").decode(t, &list)
	if len(list.Scripts) != 1 || list.Scripts[0].Name != "orders" {
		t.Errorf("after all that the scripts are %v, want only orders", list.Scripts)
	}
}

// TestBadRequestsAreRefused sends the public listener what it must not pass on.
func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	owner := signInAPI(t, s)
	for name, source := range map[string]string{
		"hello": `"Hello"`,
		"json":  `fn handle(req) { req.json().n + 1 }`,
	} {
		if a := owner.deploy(name, source, nil); a.status != 200 {
			t.Fatalf("deploy = %s", a)
		}
	}
	if a := owner.deploy("read", `req.params.rest`, map[string]any{"routes": []string{"GET /read/{rest...}"}}); a.status != 200 {
		t.Fatalf("deploy = %s", a)
	}

	t.Run("targets", func(t *testing.T) {
		get := func(target string) answer {
			return raw(t, s.public, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		}
		for target, want := range map[string]int{
			"/hello":                              200,
			"/nowhere":                            404,
			"/hello/more":                         404,
			"/hello%00":                           400,
			"/read/a%2fb":                         400,
			"/read/a%2Fb":                         400,
			"/read/a%5cb":                         400,
			"/read//a":                            400,
			"//hello":                             400,
			"/read/../hello":                      400,
			"/read/%2e%2e/hello":                  400,
			"/hello%zz":                           400,
			"/read/%ff":                           400,
			"/read/" + strings.Repeat("a", 20000): 414,
		} {
			// What is no URL at all is refused by Go's server, which knows no problems.
			if got := get(target); got.status != want || want >= 400 && got.problem() == "" && target != "/hello%zz" {
				t.Errorf("GET %.60s = %s, want %d and a problem", target, got, want)
			}
		}
	})

	t.Run("methods", func(t *testing.T) {
		a := do(t, http.MethodPost, s.public+"/read/x", "")
		if a.status != 405 || !strings.Contains(a.header.Get("Allow"), "GET") {
			t.Errorf("POST to a GET route = %s with Allow %q, want 405", a, a.header.Get("Allow"))
		}
		if a := do(t, http.MethodHead, s.public+"/read/x", ""); a.status != 200 || a.body != "" {
			t.Errorf("HEAD = %s, want 200 without a body", a)
		}
		if a := do(t, http.MethodOptions, s.public+"/read/x", ""); a.status != 204 || !strings.Contains(a.header.Get("Allow"), "GET") {
			t.Errorf("OPTIONS = %s with Allow %q, want 204", a, a.header.Get("Allow"))
		}
	})

	t.Run("hosts", func(t *testing.T) {
		// Any host that no app claims is the default app's; one that looks
		// like an app's and is none is nobody's.
		if a := do(t, http.MethodGet, s.public+"/hello", "", host("example.com")); a.status != 200 {
			t.Errorf("an unclaimed host = %s, want the default app", a)
		}
		if a := do(t, http.MethodGet, s.public+"/hello", "", host("nowhere.localhost")); a.status != 404 {
			t.Errorf("the host of no app = %s, want 404", a)
		}
	})

	t.Run("bodies", func(t *testing.T) {
		call := func(body string) answer {
			return do(t, http.MethodPost, s.public+"/json", body, header("Content-Type", "application/json"))
		}
		if a := call(`{"n":1}`); a.status != 200 || a.body != "2" {
			t.Errorf("a good body = %s", a)
		}
		for what, body := range map[string]string{"wrong JSON": `{"n":`, "no JSON": ``, "bad UTF-8": "{\"n\":\"\xff\"}"} {
			if a := call(body); a.status != 400 || a.problem() == "" {
				t.Errorf("%s = %s, want 400", what, a)
			}
		}
		if a := announce(t, s.public, "/json", 4<<20+1); a.status != 413 || a.problem() != "too_large" {
			t.Errorf("a body over the limit = %s, want 413", a)
		}
	})

	t.Run("headers", func(t *testing.T) {
		request := "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: " + strings.Repeat("a", 128<<10) + "\r\n\r\n"
		if a := raw(t, s.public, request); a.status != 431 {
			t.Errorf("headers of 128 KiB = %s, want 431", a)
		}
	})

	if a := do(t, http.MethodGet, s.public+"/hello", ""); a.status != 200 {
		t.Errorf("after all that GET /hello = %s", a)
	}
}

// TestBadScriptsFailClearly calls scripts that misbehave, and finds that each
// fails in its own way and that the public is told nothing of its insides.
func TestBadScriptsFailClearly(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	owner := signInAPI(t, s)
	u := signIn(t, s)
	for i, c := range []struct {
		what, source string
		status       int
		kind         string // the PiCloud-Error header
		body         string // what the body holds
	}{
		{"endless loop", `loop { }`, 500, "operations", ""},
		{"endless loop in a try", `loop { try { loop { } } catch { } }`, 500, "operations", ""},
		{"endless recursion", `fn f(x) { f(x + 1) } f(0)`, 500, "depth", ""},
		{"endless allocation", `fn f() { let a = []; a.pad(500000, 7); f(); a.len } f()`, 500, "memory", ""},
		{"an array that grows", `let a = []; loop { let s = ""; s.pad(100000, 'x'); a.push(s + a.len); }`, 500, "size", ""},
		{"a string that grows", `let s = "x"; loop { s += s; }`, 500, "size", ""},
		{"a cyclic value", `let a = [1]; let f = || a; a.push(f); let c = #{}; c.me = || c; c`, 500, "", ""},
		{"a run-time error", `let secret_name = 1; secret_name.no_such_function()`, 500, "script_error", ""},
		{"throw text", `throw "secret words"`, 500, "script_error", ""},
		{"throw nothing", `throw`, 500, "script_error", ""},
		{"throw a number", `throw 42`, 500, "script_error", ""},
		{"throw an array", `throw [404, "x"]`, 500, "script_error", ""},
		{"throw a status", `throw #{ status: 404, message: "no such order" }`, 404, "", "no such order"},
		{"throw a status that is none", `throw #{ status: 42, message: "x" }`, 500, "script_error", ""},
		{"throw a status that is text", `throw #{ status: "teapot" }`, 500, "script_error", ""},
		{"throw a status of 200", `throw #{ status: 200 }`, 500, "script_error", ""},
	} {
		name := fmt.Sprintf("bad-%d", i)
		if a := owner.deploy(name, c.source, nil); a.status != 200 {
			t.Errorf("%s: deploy = %s", c.what, a)
			continue
		}
		a := do(t, http.MethodGet, s.public+"/"+name, "")
		if a.status != c.status || c.kind != "" && a.header.Get("PiCloud-Error") != c.kind {
			t.Errorf("%s: the answer is %s with PiCloud-Error %q, want %d %s", c.what, a, a.header.Get("PiCloud-Error"), c.status, c.kind)
		}
		if c.body != "" && !strings.Contains(a.body, c.body) || strings.Contains(a.body, "secret") {
			t.Errorf("%s: the answer is %s", c.what, a)
		}
		if a.status == 500 && !strings.Contains(a.body, a.header.Get("X-Request-Id")) {
			t.Errorf("%s: the answer does not name its request id: %s", c.what, a)
		}
	}

	t.Run("the owner is told", func(t *testing.T) {
		u.deploy("broken", "let x = 1;\nx.no_such_function()")
		do(t, http.MethodGet, s.public+"/broken", "")
		for _, command := range []string{"logs", "invocations"} {
			if out := u.run(command, "broken"); !strings.Contains(out, "2:") || !strings.Contains(out, "no_such_function") {
				t.Errorf("picloud %s does not say what failed and where:\n%s", command, out)
			}
		}
	})

	t.Run("gigabytes of print", func(t *testing.T) {
		u.deploy("loud", `let line = ""; line.pad(1000, 'x'); for i in 0..100000 { print(line); } "done"`)
		if a := do(t, http.MethodGet, s.public+"/loud", ""); a.status != 200 || a.body != "done" {
			t.Errorf("the answer is %s, want that only the log is cut", a)
		}
		logs := u.run("logs", "loud", "--limit", "1000")
		if len(logs) > 512<<10 || !strings.Contains(logs, "cut") {
			t.Errorf("the log has %d bytes, want it to be cut with a note", len(logs))
		}
	})

	u.deploy("hello", `"Hello"`)
	if a := do(t, http.MethodGet, s.public+"/hello", ""); a.status != 200 {
		t.Errorf("after all that GET /hello = %s", a)
	}
}
