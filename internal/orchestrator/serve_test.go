package orchestrator

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hello", "1")
	n.deploy("orders", "1", "GET /orders/{id}", "POST /orders", "GET /orders/new", "/files/{path...}", "/tree/", "/{$}")
	n.deploy("anything", "1", "GET /any/{x}/and/{rest...}")
	for _, c := range []struct {
		method, target string
		status         int
		code           string
		script         string
		params         string
	}{
		{"GET", "/hello", 200, "", "hello", ""},
		{"PURGE", "/hello", 200, "", "hello", ""},
		{"GET", "/hello?a=1", 200, "", "hello", ""},
		{"GET", "/hello/", 404, "not_found", "", ""},
		{"GET", "/Hello", 404, "not_found", "", ""},
		{"GET", "/", 200, "", "orders", ""},
		{"GET", "/orders/7", 200, "", "orders", "id=7"},
		{"GET", "/orders/a%20b", 200, "", "orders", "id=a b"},
		{"GET", "/orders/a;b", 200, "", "orders", "id=a;b"},
		{"GET", "/orders/%C3%A9", 200, "", "orders", "id=é"},
		{"GET", "/orders/new", 200, "", "orders", ""},
		{"GET", "/files/a/b/c", 200, "", "orders", "path=a/b/c"},
		{"GET", "/files/", 200, "", "orders", "path="},
		{"GET", "/tree/a/b", 200, "", "orders", ""},
		{"GET", "/any/1/and/2/3", 200, "", "anything", "x=1,rest=2/3"},
		{"DELETE", "/orders/7", 405, "method_not_allowed", "", ""},
		{"GET", "/orders", 405, "method_not_allowed", "", ""},
		{"GET", "/_picloud", 404, "not_found", "", ""},
		{"GET", "/%5Fpicloud/x", 404, "not_found", "", ""},
		{"GET", "/nowhere", 404, "not_found", "", ""},
	} {
		a := n.do(c.method, c.target, "")
		a.want(t, c.method+" "+c.target, c.status, c.code)
		if c.status != 200 || a.status != 200 {
			continue
		}
		x := a.seen(t)
		var params []string
		for _, p := range x.Request.Params {
			params = append(params, p.Name+"="+p.Value)
		}
		if x.Script != c.script || strings.Join(params, ",") != c.params || x.Request.Method != c.method {
			t.Errorf("%s %s: script %s with %q, want %s with %q", c.method, c.target, x.Script, params, c.script, c.params)
		}
	}

	if a := n.do("DELETE", "/orders/7", ""); a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("405 has Allow %q", a.header.Get("Allow"))
	}
	if a := n.do("OPTIONS", "/orders/7", ""); a.status != 204 || a.header.Get("Allow") != "GET, HEAD, OPTIONS" || a.body != "" {
		t.Errorf("OPTIONS: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
	if a := n.do("HEAD", "/orders/7", ""); a.status != 200 || a.body != "" || a.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %q %v", a.status, a.body, a.header)
	}
	if a := n.do("GET", "/tree?q=1", ""); a.status/100 != 3 || a.header.Get("Location") != "/tree/?q=1" {
		t.Errorf("without its final slash: %d %v", a.status, a.header)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo, func(c *Config) { c.BaseDomain = "example.org" })
	if _, err := n.store.CreateApp(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	n.deploy("hello", "1")
	n.deployAs("shop", "hello", "1", picloud.Settings{})
	for host, app := range map[string]string{
		"localhost": "default", "127.0.0.1:8080": "default", "[::1]:8080": "default", "anything.test": "default", "default.localhost": "default",
		"shop.localhost": "shop", "SHOP.localhost:8080": "shop", "shop.localhost.": "shop", "shop.example.org": "shop",
		"example.org": "default", "shop.example.com": "default",
		"nowhere.localhost": "", "a.shop.localhost": "", "nowhere.example.org": "",
	} {
		a := n.do("GET", "/hello", "", "Host: "+host)
		if app == "" {
			a.want(t, host, 404, "not_found")
		} else if got := a.seen(t).App; got != app {
			t.Errorf("host %s is app %s, want %s", host, got, app)
		}
	}
	if got := n.rawStatus("GET /hello HTTP/1.0\r\n\r\n"); got != "200" {
		t.Errorf("without a host: %s", got)
	}
}

// TestTargets sends request targets as no client would.
func TestTargets(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hello", "1")
	n.deploy("read", "1", "/read/{rest...}")
	for target, want := range map[string]string{
		"/hello":                              "200",
		"http://localhost/hello":              "200",
		"/hello%00":                           "400",
		"/read/%0d%0aX":                       "400",
		"/read/%7f":                           "400",
		"/read/a%2fb":                         "400",
		"/read/a%2Fb":                         "400",
		"/read/a%5cb":                         "400",
		`/read/a\b`:                           "400",
		"/read//a":                            "400",
		"//hello":                             "400",
		"//evil.example/hello":                "400",
		"/read/../hello":                      "400",
		"/read/%2e%2e/hello":                  "400",
		"/read/.%2E/hello":                    "400",
		"/read/..;/hello":                     "400",
		"/read/./hello":                       "400",
		"/..":                                 "400",
		"/read/...":                           "200",
		"/read/a..b":                          "200",
		"/read/.hidden":                       "200",
		"/hello;v=1":                          "404",
		"/hello%zz":                           "400",
		"/hello%":                             "400",
		"/read/%ff":                           "400",
		"/read/%c0%af":                        "400",
		"/read/%252e%252e/x":                  "200", // decoded once, and once only
		"hello":                               "400",
		"*":                                   "400",
		"/read/" + strings.Repeat("a", 9000):  "414",
		"/hello?" + strings.Repeat("a", 9000): "414",
	} {
		if got := n.rawStatus("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); got != want {
			t.Errorf("GET %.60s = %s, want %s", target, got, want)
		}
	}
	if a := n.do("GET", "/read/%252e%252e/x", ""); a.seen(t).Request.Path != "/read/%2e%2e/x" {
		t.Errorf("the script sees %q", a.seen(t).Request.Path)
	}
}

// TestFraming sends requests whose length is in doubt.
func TestFraming(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hello", "1")
	const head = "POST /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	for what, c := range map[string]struct{ request, want string }{
		"two lengths":            {head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
		"a negative length":      {head + "Content-Length: -1\r\n\r\n", "400"},
		"a length too large":     {head + "Content-Length: 4194305\r\n\r\n", "413"},
		"a length beyond int":    {head + "Content-Length: 99999999999999999999\r\n\r\n", "400"},
		"an unknown coding":      {head + "Transfer-Encoding: gzip\r\n\r\n", "501"},
		"a broken chunk":         {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", "400"},
		"chunks":                 {head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "200"},
		"a header without colon": {"GET /hello HTTP/1.1\r\nHost: localhost\r\nNonsense\r\n\r\n", "400"},
		"a space before a colon": {"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-A : b\r\n\r\n", "400"},
		"two hosts":              {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		"no host":                {"GET /hello HTTP/1.1\r\n\r\n", "400"},
		"CONNECT":                {"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "405"},
		"TRACE":                  {"TRACE /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "405"},
		"headers over our limit": {"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-A: " + strings.Repeat("a", 40<<10) + "\r\n\r\n", "431"},
		"headers over any limit": {"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-A: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", "431"},
	} {
		if got := n.rawStatus(c.request); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	if a := n.do("GET", "/hello", ""); a.status != 200 {
		t.Errorf("after all that: %d", a.status)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(_ context.Context, x *picloud.Execution) *picloud.Outcome {
		return &picloud.Outcome{Response: &picloud.Response{Status: 200, Header: http.Header{}, Body: x.Request.Body}}
	})
	n.deployAs(picloud.DefaultApp, "small", "1", picloud.Settings{Limits: picloud.Limits{RequestBytes: 200_000}})
	for _, size := range []int{0, 1, 1000, firstRead - 1, firstRead, firstRead + 1, 199_999, 200_000} {
		body := strings.Repeat("x", size)
		if a := n.do("POST", "/small", body); a.status != 200 || a.body != body {
			t.Errorf("%d bytes come back as %d %d bytes", size, a.status, len(a.body))
		}
		if a := n.doChunked("/small", body); a.status != 200 || a.body != body {
			t.Errorf("%d bytes in chunks come back as %d %d bytes", size, a.status, len(a.body))
		}
	}
	n.do("POST", "/small", strings.Repeat("x", 200_001)).want(t, "a byte too many", 413, "too_large")
	n.doChunked("/small", strings.Repeat("x", 200_001)).want(t, "a byte too many in chunks", 413, "too_large")
	if held := n.bodies.Load(); held != 0 {
		t.Errorf("%d bytes of bodies are accounted for and gone", held)
	}
}

// doChunked posts a body without saying how long it is.
func (n *node) doChunked(target, body string) answer {
	n.t.Helper()
	r, err := http.NewRequest("POST", "http://"+n.addr+target, struct{ *strings.Reader }{strings.NewReader(body)})
	if err != nil {
		n.t.Fatal(err)
	}
	r.ContentLength = -1
	a, err := send(r)
	if err != nil {
		n.t.Fatal(err)
	}
	return a
}

func TestBodyMemoryIsShared(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo, func(c *Config) { c.BodyMemory = 100_000 })
	n.deploy("hello", "1")
	a := n.do("POST", "/hello", strings.Repeat("x", 150_000))
	a.want(t, "more than all may have", 503, "overloaded")
	if a.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	n.do("POST", "/hello", strings.Repeat("x", 90_000)).want(t, "less than that", 200, "")
}

func TestSlowBody(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo, func(c *Config) { c.BodyTime = 1 })
	n.deploy("hello", "1")
	if got := n.rawStatus("POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"); got != "408" {
		t.Errorf("a body that does not come: %s, want 408", got)
	}
}

// TestWhatScriptsSee checks what is kept from scripts, and what is not.
func TestWhatScriptsSee(t *testing.T) {
	t.Parallel()
	trusted := func(c *Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	headers := []string{
		"X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.1.2.3", "X-Forwarded-Proto: https", "X-Real-Ip: 198.51.100.1",
		"Cookie: a=1; __Host-picloud=secret; b=2", "Authorization: Bearer mine",
	}
	t.Run("from anybody", func(t *testing.T) {
		n := startNode(t, echo)
		n.deploy("hello", "1")
		q := n.do("GET", "/hello", "", headers...).seen(t).Request
		if q.IP != "127.0.0.1" || q.Scheme != "http" || q.Header.Get("X-Forwarded-For") != "" || q.Header.Get("X-Real-Ip") != "" {
			t.Errorf("a stranger's X-Forwarded-For is believed: %+v", q)
		}
		if got := q.Header.Get("Cookie"); got != "a=1; b=2" {
			t.Errorf("cookies %q", got)
		}
		if q.Header.Get("Authorization") != "Bearer mine" {
			t.Error("the script's own Authorization is gone")
		}
		q = n.do("GET", "/hello", "", "Cookie: __Host-picloud=secret").seen(t).Request
		if _, there := q.Header["Cookie"]; there {
			t.Errorf("cookies %q", q.Header["Cookie"])
		}
	})
	t.Run("from a trusted proxy", func(t *testing.T) {
		n := startNode(t, echo, trusted)
		n.deploy("hello", "1")
		q := n.do("GET", "/hello", "", headers...).seen(t).Request
		if q.IP != "203.0.113.9" || q.Scheme != "https" {
			t.Errorf("client %s by %s, want the last address that is no proxy's, by https", q.IP, q.Scheme)
		}
		if q := n.do("GET", "/hello", "", "X-Forwarded-For: nonsense").seen(t).Request; q.IP != "127.0.0.1" {
			t.Errorf("nonsense is an address: %s", q.IP)
		}
	})
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hello", "1")
	const mine = "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a"
	a := n.do("GET", "/hello", "", "X-Request-Id: "+mine)
	if a.header.Get(idHeader) != mine || a.seen(t).ID != mine {
		t.Errorf("my id comes back as %s", a.header.Get(idHeader))
	}
	seen := []string{mine}
	for _, given := range []string{mine, "", "x", strings.ToUpper(mine), mine + mine, "<script>"} {
		got := n.do("GET", "/hello", "", "X-Request-Id: "+given).header.Get(idHeader)
		if picloud.ValidateID("id", got) != nil || slices.Contains(seen, got) {
			t.Errorf("the id %q is answered with %q, want a new one", given, got)
		}
		seen = append(seen, got)
	}
	if got := n.do("GET", "/nowhere", "").header.Get(idHeader); picloud.ValidateID("id", got) != nil {
		t.Errorf("a 404 has the id %q", got)
	}

	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	a = n.do("GET", "/hello", "", "traceparent: "+parent)
	if got := a.header.Get("Traceparent"); !validTrace(got) || got[:36] != parent[:36] || got[36:52] == parent[36:52] || got[52:] != parent[52:] {
		t.Errorf("the trace goes on as %q", got)
	}
	for _, bad := range []string{"", "00-0-0-01", strings.Replace(parent, "4bf92f3577b34da6a3ce929d0e0e4736", strings.Repeat("0", 32), 1), "ff" + parent[2:]} {
		if got := n.do("GET", "/hello", "", "traceparent: "+bad).header.Get("Traceparent"); got != "" {
			t.Errorf("traceparent %q goes on as %q", bad, got)
		}
	}
}

// TestFailures checks what the public is told of each kind of failure, and
// what is recorded.
func TestFailures(t *testing.T) {
	t.Parallel()
	var next atomic.Pointer[picloud.ScriptError]
	n := startNode(t, func(context.Context, *picloud.Execution) *picloud.Outcome {
		return &picloud.Outcome{Error: next.Load()}
	})
	n.deploy("hello", "1")
	for _, c := range []struct {
		code     picloud.Code
		thrown   int
		status   int
		named    string
		recorded picloud.Status
	}{
		{picloud.CodeScriptError, 0, 500, "script_error", picloud.StatusError},
		{picloud.CodeThrown, 404, 404, "", picloud.StatusOK},
		{picloud.CodeThrown, 503, 503, "", picloud.StatusError},
		{picloud.CodeTimeout, 0, 504, "timeout", picloud.StatusTimeout},
		{picloud.CodeOperations, 0, 500, "operations", picloud.StatusLimit},
		{picloud.CodeMemory, 0, 500, "memory", picloud.StatusLimit},
		{picloud.CodeDepth, 0, 500, "depth", picloud.StatusLimit},
		{picloud.CodeSize, 0, 500, "size", picloud.StatusLimit},
		{picloud.CodeResponseSize, 0, 500, "response_size", picloud.StatusLimit},
		{picloud.CodeBadResponse, 0, 500, "bad_response", picloud.StatusError},
		{picloud.CodeInternal, 0, 500, "internal", picloud.StatusError},
		{picloud.CodeUnavailable, 0, 503, "", picloud.StatusError},
	} {
		e := &picloud.ScriptError{Code: c.code, Status: c.thrown, Message: "a secret of the inside", Line: 3, Column: 4}
		next.Store(e)
		a := n.do("GET", "/hello", "")
		a.want(t, string(c.code), c.status, string(c.code))
		if a.header.Get("PiCloud-Error") != c.named {
			t.Errorf("%s: PiCloud-Error %q, want %q", c.code, a.header.Get("PiCloud-Error"), c.named)
		}
		if told := strings.Contains(a.body, "secret"); told != (c.code == picloud.CodeThrown) {
			t.Errorf("%s: the public is told %s", c.code, a.body)
		}
		v := n.records()[0]
		if v.Status != c.recorded || v.HTTPStatus != c.status || v.ID != a.header.Get(idHeader) {
			t.Errorf("%s: recorded as %+v", c.code, v)
		}
		if wrong := v.Status != picloud.StatusOK; wrong != (v.Error != nil) || wrong && (v.Error.Line != 3 || v.Error.Message != e.Message) {
			t.Errorf("%s: the recorded error is %+v", c.code, v.Error)
		}
	}
}

// TestPanicsAreContained has the executor itself panic.
func TestPanicsAreContained(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(context.Context, *picloud.Execution) *picloud.Outcome { panic("a secret bug") })
	n.deployAs(picloud.DefaultApp, "hello", "1", picloud.Settings{Limits: picloud.Limits{Concurrency: 1}})
	for range 3 { // each gives its slot back
		a := n.do("GET", "/hello", "")
		a.want(t, "a panic", 500, "internal")
		if strings.Contains(a.body, "secret") {
			t.Errorf("the public is told %s", a.body)
		}
	}
	if resp, err := n.Invoke(t.Context(), "default", "hello", requestFor(t, "GET", "/hello", "")); err != nil || resp.StatusCode != 500 {
		t.Errorf("an invoke that panics: %v, %v", resp, err)
	}
}
