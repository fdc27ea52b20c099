package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// fronted is a server with Caddy in front of it, by the Caddyfile that it prints
// for itself.
type fronted struct {
	*server
	edge string // Caddy's address, as a base URL
	base string // the base domain
}

// startFronted starts a server and a Caddy for plain HTTP.
func startFronted(t *testing.T) *fronted {
	t.Helper()
	testenv.Caddy(t) // skips before anything is started
	port, base := testenv.FreePort(t), "apps.test"
	public := "http://" + base + ":" + port
	f := &fronted{base: base, edge: "http://127.0.0.1:" + port}
	f.server = startServer(t, "PICLOUD_PUBLIC_URL="+public, "PICLOUD_TRUSTED_PROXIES=127.0.0.1")
	text := newUser(t).run("caddyfile", "--public-url", public, "--node", strings.TrimPrefix(f.public, "http://"), "--manager", strings.TrimPrefix(f.admin, "http://"))
	testenv.StartCaddy(t, text, "127.0.0.1:"+port)
	return f
}

// targets is what a request line may ask for, as written: nothing here is
// encoded or put in order by a client.
func targets() []string {
	list := []string{
		"/", "/open", "/open/", "/secret", "/secret/", "/a/b", "/a//b", "//a/b", "///", "/a/b//", "//evil.example/..", "/a/b?x=//y/../z",
		"/a%2fb", "/a%2Fb", "/%2fa/b", "/a%252fb", "/a%5cb", "/a%5Cb", `/a\b`, `\a\b`, "/a/%2e/b", "/a/./b", "/a/../secret", "/..%2fsecret", "/a/..%2fsecret",
		"/%2e%2e/secret", "/a/%2e%2e/secret", "/a/%2E./secret", "/a/.%2e/secret", "/a/..;/secret", "/a/..;x=1/secret", "/a/.;/b", "/a/%2e%2e;/secret", "/a/..%3b/secret",
		"/a/...", "/a./b", "/a/b.", "/a/b/.", "/a/b/..", "/.", "/..", "/a;x=1/b", "/a/b;x=1", ";/a/b", "/;/a/b", "/secret;", "/secret%3b", "/secret.", "/secret%2e",
		"/a/b%00", "/a%00/b", "/%00", "/a/b%0a", "/a/b%0d%0aX:%201", "/a/b%7f", "/a/b%09", "/a%20b", "/a+b", "/secret%20", "/%20secret", "/SECRET", "/%73ecret", "/%53ecret",
		"/%c3%a9", "/%C3%A9", "/é", "/%ff", "/%c0%ae%c0%ae/secret", "/%c0%af", "/\xff", "/%ed%a0%80", "/%f0%9f%98%80",
		"/%", "/%2", "/%zz", "/a%", "/a?%zz", "/a?x=%00", "/a??", "/a?", "/a#b", "/a%23b", "/a%3fb", "/{x}", "/%7bx%7d", "/a|b", "/a\"b", "/a<b>", "/a`b", "/a^b",
		"/_picloud", "/_picloud/", "/_picloud/x", "/%5fpicloud/x", "/_picloud%2fx", "/_picloud/health", "/_picloud/tls-ask/", "/a/../_picloud/tls-ask?domain=apps.test", "//_picloud/tls-ask?domain=apps.test",
		"/.well-known/x", "/api/v1/me", "/healthz", "/readyz", "/setup",
		"http://other.test/a/b", "http://127.0.0.1/secret", "http:///a/b", "http://shop.localhost/a/b", "HTTP://other.test//a", "https://other.test/a/b", "http://other.test", "http://u:p@other.test/a/b",
		"a/b", "*", "", "?x", "#", "/a b", "/a\tb", "/a\x01b", "/\x7f", "http://other.test:80:80/", "//", "/:", "/@", "http://[::1]/a/b", "http://[::1%25eth0]/a/b",
		"/" + strings.Repeat("a", 4000), "/" + strings.Repeat("a", 8<<10), "/" + strings.Repeat("%61", 2700), "/" + strings.Repeat("a/", 2000), "/" + strings.Repeat("../", 1000), "/?" + strings.Repeat("q", 9<<10),
	}
	return list
}

// mended are requests that are none by HTTP's own grammar, which our server
// refuses and Caddy puts right before it passes them on: what arrives then has
// one meaning only. They are by target, or by the name of a head.
var mended = []string{"/a#b", "http:///a/b", "http://u:p@other.test/a/b", "a length and chunks", "a folded header"}

// same reports whether a request was decided in the same way both times, or was
// one that Caddy mends.
func same(name string, direct, through decision) bool {
	return direct == through || slices.Contains(mended, name) && direct.status == http.StatusBadRequest
}

// decision is what was made of a request: the status, and what kind of answer.
type decision struct {
	status int
	what   string
}

// decide sends a request as it is and reads what was made of it.
func decide(t *testing.T, base, request string) decision {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return decision{0, "no answer"}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	a := answer{resp.StatusCode, resp.Header, string(text)}
	d := decision{status: a.status, what: a.problem()}
	if a.status == http.StatusBadRequest {
		return decision{status: a.status} // some of it is refused by net/http, on either side, in its own words
	}
	if d.what == "" && a.status < 400 {
		d.what = a.header.Get("Location") + " " + a.body
	}
	return d
}

// TestPathsMeanTheSameBehindCaddy sends requests that programs read in
// different ways both straight to the server and through Caddy. Whatever they
// mean, they mean it both times; and none gets at what another path guards.
func TestPathsMeanTheSameBehindCaddy(t *testing.T) {
	t.Parallel()
	f := startFronted(t)
	u := signIn(t, f.server)
	u.deploy("any", `"any:" + req.path + "?" + req.query_string`, "--route", "/{rest...}")
	u.deploy("secret", `"secret:" + req.path`, "--route", "GET /secret", "--route", "/secret/{rest...}")
	u.deploy("ab", `"ab:" + req.path`, "--route", "GET /a/b")
	u.run("apps", "create", "shop")
	u.write("ab.rhai", `"shop's ab"`)
	u.run("--app", "shop", "deploy", "ab.rhai", "--route", "GET /a/b")

	served := 0
	for _, target := range targets() {
		for _, method := range []string{"GET", "POST"} {
			request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, target, f.base)
			direct, through := decide(t, f.public, request), decide(t, f.edge, request)
			if !same(target, direct, through) {
				t.Errorf("%s %.80q: %d %.80q without Caddy, %d %.80q through it", method, target, direct.status, direct.what, through.status, through.what)
			}
			if strings.Contains(through.what, "secret:") && !strings.HasPrefix(strings.TrimPrefix(strings.ToLower(target), "http://127.0.0.1"), "/secret") && !strings.HasPrefix(target, "/%73ecret") {
				t.Errorf("%s %.80q leads to the secret", method, target)
			}
			if through.status == http.StatusOK {
				served++
			}
		}
	}
	t.Logf("%d targets, each by two methods: %d of them served", len(targets()), served)
	if served < 40 {
		t.Errorf("only %d of the requests were served: the test does not reach the scripts", served)
	}
}

// TestHeadsMeanTheSameBehindCaddy does the same with hosts and framing. Left out
// are a header without a name, which Debian's Caddy drops, and an empty host,
// which newer ones refuse: both are the proxy's to judge, and lead nowhere else.
func TestHeadsMeanTheSameBehindCaddy(t *testing.T) {
	t.Parallel()
	f := startFronted(t)
	u := signIn(t, f.server)
	u.deploy("any", `"any:" + req.method + req.path + ":" + req.body.len()`, "--route", "/{rest...}")
	u.run("apps", "create", "shop")
	u.write("any.rhai", `"shop"`)
	u.run("--app", "shop", "deploy", "any.rhai", "--route", "/{rest...}")
	for name, request := range map[string]string{
		"an app's host":             "GET /x HTTP/1.1\r\nHost: shop.apps.test\r\n",
		"in capitals, with a dot":   "GET /x HTTP/1.1\r\nHost: SHOP.apps.TEST.\r\n",
		"with a port":               "GET /x HTTP/1.1\r\nHost: shop.apps.test:99\r\n",
		"no such app":               "GET /x HTTP/1.1\r\nHost: none.apps.test\r\n",
		"an unclaimed host":         "GET /x HTTP/1.1\r\nHost: example.org\r\n",
		"the admin host with a dot": "GET /api/v1/me HTTP/1.1\r\nHost: admin.apps.test.\r\n",
		"no host":                   "GET /x HTTP/1.1\r\n",
		"two hosts":                 "GET /x HTTP/1.1\r\nHost: a.test\r\nHost: shop.apps.test\r\n",
		"a bad host":                "GET /x HTTP/1.1\r\nHost: a/b\r\n",
		"a host of bytes":           "GET /x HTTP/1.1\r\nHost: \xff\xfe\r\n",
		"the target's host wins":    "GET http://shop.apps.test/x HTTP/1.1\r\nHost: example.org\r\n",
		"two lengths":               "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\nContent-Length: 5\r\n",
		"a length and chunks":       "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"strange chunks":            "POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\n",
		"a negative length":         "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: -1\r\n",
		"a space before the colon":  "GET /x HTTP/1.1\r\nHost: a.test\r\nX-A : x\r\n",
		"a folded header":           "GET /x HTTP/1.1\r\nHost: a.test\r\nX-A: x\r\n y\r\n",
		"a method of its own":       "BREW /x HTTP/1.1\r\nHost: a.test\r\n",
		"a method in small letters": "get /x HTTP/1.1\r\nHost: a.test\r\n",
		"TRACE":                     "TRACE /x HTTP/1.1\r\nHost: a.test\r\n",
		"HTTP/1.0":                  "GET /x HTTP/1.0\r\nHost: a.test\r\n",
		"HTTP/3.0":                  "GET /x HTTP/3.0\r\nHost: a.test\r\n",
		"many headers":              "GET /x HTTP/1.1\r\nHost: a.test\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 40),
	} {
		request += "Connection: close\r\n\r\n"
		if strings.Contains(request, " chunked") {
			request += "0\r\n\r\n"
		}
		direct, through := decide(t, f.public, request), decide(t, f.edge, request)
		if !same(name, direct, through) {
			t.Errorf("%s: %d %.80q without Caddy, %d %.80q through it", name, direct.status, direct.what, through.status, through.what)
		}
	}
}

// TestCaddySaysWhoAsks checks that a script sees the client's address and
// request id behind Caddy, and that clients cannot say that they are others.
func TestCaddySaysWhoAsks(t *testing.T) {
	t.Parallel()
	f := startFronted(t)
	u := signIn(t, f.server)
	u.deploy("who", `#{ ip: req.ip, id: req.id, host: req.host, headers: req.headers }`)
	const mine = "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a"
	a := do(t, "GET", f.edge+"/who", "", host(f.base), header("X-Request-Id", mine),
		header("X-Forwarded-For", "203.0.113.9"), header("X-Real-Ip", "203.0.113.9"), header("Forwarded", "for=203.0.113.9"), header("X-Forwarded-Host", "evil.test"))
	var seen struct {
		IP, ID, Host string
		Headers      map[string]any
	}
	a.decode(t, &seen)
	if seen.IP != "127.0.0.1" || seen.Host != f.base || seen.ID != mine || a.header.Get("X-Request-Id") != mine {
		t.Errorf("the script sees %+v, the answer has the id %s", seen, a.header.Get("X-Request-Id"))
	}
	if text, _ := json.Marshal(seen.Headers); strings.Contains(string(text), "203.0.113.9") || strings.Contains(string(text), "evil.test") {
		t.Errorf("what the client said of itself gets through: %s", text)
	}
	// Caddy's own question, asked by a stranger.
	for _, h := range []string{"X-Other: 1", "Connection: X-Forwarded-For", "Connection: close, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"} {
		got := raw(t, f.edge, "GET /_picloud/tls-ask?domain="+f.base+" HTTP/1.1\r\nHost: "+f.base+"\r\n"+h+"\r\nConnection: close\r\n\r\n")
		if got.status != 404 || got.problem() != "not_found" {
			t.Errorf("a stranger asks for certificates with %q: %s", h, got)
		}
	}
	if got := do(t, "GET", f.public+"/_picloud/tls-ask?domain="+f.base, ""); got.status != 200 {
		t.Errorf("Caddy's own question: %s", got)
	}
}

// TestTheAdminAPIIsOnItsOwnHost reads an event stream through Caddy, as it
// comes.
func TestTheAdminAPIIsOnItsOwnHost(t *testing.T) {
	t.Parallel()
	f := startFronted(t)
	signIn(t, f.server).deploy("talk", `print("one more"); "said"`)
	admin := host("admin." + f.base)
	if a := do(t, "GET", f.edge+"/readyz", "", host(f.base)); a.status != 404 {
		t.Errorf("the admin API answers on the host of the apps: %s", a)
	}
	var in struct{ Token string }
	login, _ := json.Marshal(map[string]string{"login": ownerName, "password": ownerPassword})
	do(t, "POST", f.edge+"/api/v1/login", string(login), admin, header("Content-Type", "application/json")).decode(t, &in)

	req, err := http.NewRequestWithContext(t.Context(), "GET", f.edge+"/api/v1/apps/default/logs/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	admin(req)
	req.Header.Set("Authorization", "Bearer "+in.Token)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("following the log: %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	for range 3 {
		do(t, "GET", f.edge+"/talk", "", host(f.base))
		// Each is read before the next is caused: nothing waits for a buffer to
		// fill.
		for lines.Scan() && !strings.Contains(lines.Text(), "one more") {
		}
		if lines.Err() != nil || !strings.Contains(lines.Text(), "one more") {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
	}
}

// TestCertificatesBehindTheQuestion shakes hands with Caddy for hosts that are
// known and for hosts that are not, with the Caddyfile of one machine and with
// that of a cluster, in which Caddy asks by way of itself.
func TestCertificatesBehindTheQuestion(t *testing.T) {
	t.Parallel()
	testenv.Caddy(t)
	for name, flags := range map[string][]string{"one machine": nil, "a cluster": {"--cluster", "--ask-port", testenv.FreePort(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificates(t, flags)
		})
	}
}

func certificates(t *testing.T, flags []string) {
	port, base := testenv.FreePort(t), "apps.test"
	public := "https://" + base + ":" + port
	s := startServer(t, "PICLOUD_PUBLIC_URL="+public, "PICLOUD_TRUSTED_PROXIES=127.0.0.1")
	u := signIn(t, s)
	u.run("apps", "create", "shop")
	u.write("hi.rhai", `"shop's " + req.scheme`)
	u.run("--app", "shop", "deploy", "hi.rhai")
	u.run("--app", "shop", "domains", "add", "shop.example.org")
	u.run("--app", "shop", "domains", "add", "pending.example.org")
	text := u.run(append([]string{"caddyfile", "--public-url", public, "--node", strings.TrimPrefix(s.public, "http://"), "--manager", strings.TrimPrefix(s.admin, "http://")}, flags...)...)
	testenv.StartCaddy(t, text, "127.0.0.1:"+port, "http_port "+testenv.FreePort(t))

	testenv.Eventually(t, "Caddy has a certificate for the admin host", func() bool { return handshake(port, "admin.apps.test") == nil })
	for name, want := range map[string]bool{
		base: true, "shop.apps.test": true, "default.apps.test": true,
		"none.apps.test": false, "shop.example.org": false, "pending.example.org": false, "example.org": false, "shop.localhost": false,
	} {
		if err := handshake(port, name); (err == nil) != want {
			t.Errorf("a handshake for %s: %v", name, err)
		}
	}
	u.run("--app", "shop", "domains", "verify", "shop.example.org", "--by", "vouch")
	testenv.Eventually(t, "Caddy has a certificate for the verified domain", func() bool { return handshake(port, "shop.example.org") == nil })
	over := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := tls.Dialer{Config: &tls.Config{ServerName: "shop.example.org", InsecureSkipVerify: true}} // Caddy's own authority, made for this test
			return d.DialContext(ctx, "tcp", "127.0.0.1:"+port)
		},
	}}
	resp, err := over.Get("https://shop.example.org:" + port + "/hi")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != "shop's https" {
		t.Errorf("GET on the custom domain: %s %s", resp.Status, body)
	}
	u.run("--app", "shop", "domains", "remove", "shop.example.org")
	if a := do(t, "GET", s.public+"/_picloud/tls-ask?domain=shop.example.org", ""); a.status != 404 {
		t.Errorf("Caddy's question about a domain that was removed: %s", a)
	}
}

// handshake is how a handshake for a name ends.
func handshake(port, name string) error {
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	return conn.Close()
}

// TestRequestsWaitForARestart restarts the server behind Caddy while clients
// ask: they wait, and none fails.
func TestRequestsWaitForARestart(t *testing.T) {
	t.Parallel()
	f := startFronted(t)
	signIn(t, f.server).deploy("steady", `"steady"`)
	f.listen = strings.TrimPrefix(f.public, "http://")
	var answers, failures atomic.Int64
	var stop atomic.Bool
	var asking sync.WaitGroup
	for range 3 {
		asking.Go(func() {
			for !stop.Load() {
				a, err := try("GET", f.edge+"/steady", "", host(f.base))
				answers.Add(1)
				if err != nil || a.status != 200 {
					t.Errorf("during a restart: %s, %v", a, err)
					failures.Add(1)
					return
				}
			}
		})
	}
	for round := range 3 {
		before := answers.Load()
		testenv.Eventually(t, "clients are answered", func() bool { return answers.Load() > before+20 || failures.Load() > 0 })
		f.stop()
		f.start()
		t.Logf("restarted %d times, %d answers", round+1, answers.Load())
	}
	before := answers.Load()
	testenv.Eventually(t, "clients are answered", func() bool { return answers.Load() > before+20 || failures.Load() > 0 })
	stop.Store(true)
	asking.Wait()
}
