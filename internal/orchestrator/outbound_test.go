package orchestrator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/outbound"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
	"github.com/picloud/picloud/internal/secrets"
)

// outside is a server that scripts call, and what it was asked.
type outside struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
	body []string
}

// startOutside starts a server on loopback; the answer may be nil for an echo of
// the request's body.
func startOutside(t testing.TB, answer http.HandlerFunc) *outside {
	t.Helper()
	o := &outside{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		o.mu.Lock()
		o.seen, o.body = append(o.seen, r), append(o.body, string(b))
		o.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *outside) asked() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.seen)
}

func (o *outside) host() string { return strings.TrimPrefix(o.URL, "http://") }

// calling lets a node's scripts call servers on loopback, and use secrets.
func calling(t testing.TB, servers ...*outside) func(*Config) {
	return func(c *Config) {
		c.Outbound = outbound.New(outbound.Config{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
		t.Cleanup(func() { c.Outbound.Close() })
		for _, s := range servers {
			c.OutHosts = append(c.OutHosts, s.host())
		}
		keys, err := seal.New(make([]byte, seal.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		c.Secrets = secrets.New(c.Store.(picloud.Secrets), keys)
	}
}

func TestScriptsCallOutside(t *testing.T) {
	t.Parallel()
	o := startOutside(t, nil)
	n := startNode(t, nil, calling(t, o))
	n.deploy("ask", `http::post("`+o.URL+`/x", #{ json: req.query.q }).body`)
	for _, q := range []string{"a", "b"} {
		if a := n.do("GET", "/ask?q="+q, "", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); a.status != 200 || a.body != `"`+q+`"` {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if tp := o.seen[0].Header.Get("Traceparent"); !strings.HasPrefix(tp, "00-0af7651916cd43dd8448eb211c80319c-") || strings.Contains(tp, "b7ad6b7169203331") {
		t.Errorf("the trace goes on as %q", tp)
	}
	n.deploy("deaf", `http::get("http://127.0.0.1:1/")`)
	n.do("GET", "/deaf", "").want(t, "a host that is not on the list", 500, "script_error")
	if v := n.last("deaf"); v.Error == nil || !strings.Contains(v.Error.Message, "may not call 127.0.0.1:1") {
		t.Errorf("recorded %+v", v.Error)
	}
	// The app's own list goes before the instance's, at once.
	if err := n.store.SetOutHosts(t.Context(), picloud.DefaultApp, picloud.OutHosts{"other.example"}, true); err != nil {
		t.Fatal(err)
	}
	n.do("GET", "/ask?q=c", "").want(t, "not any more", 500, "script_error")
	if n.cfg.Outbound.Held() != 0 {
		t.Errorf("%d bytes of answers are held", n.cfg.Outbound.Held())
	}
}

// losing is a store on which somebody else is faster, a few times.
type losing struct {
	Store
	times atomic.Int32
}

func (l *losing) Commit(ctx context.Context, c picloud.Commit) error {
	if c.Effects.Changes() && l.times.Add(-1) >= 0 {
		return picloud.ErrStale
	}
	return l.Store.Commit(ctx, c)
}

// TestAConflictCallsNobodyTwice: a run that is done again gets the answers that
// it was given, and only what it asks anew is asked.
func TestAConflictCallsNobodyTwice(t *testing.T) {
	t.Parallel()
	var count atomic.Int32
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%d", count.Add(1)) })
	var store *losing
	n := startNode(t, nil, calling(t, o), func(c *Config) {
		store = &losing{Store: c.Store}
		c.Store = store
	})
	source := `
		let same = http::post("%[1]s/same", #{ body: "x" }).body + http::post("%[1]s/same", #{ body: "x" }).body;
		let failed = "";
		try { http::get("http://127.0.0.1:1/") } catch (e) { failed = "failed"; }
		let other = http::get("%[1]s/" + rand::int(0, 1000000000)).body;
		kv::incr("n");
		same + failed + other`
	n.deploy("ask", fmt.Sprintf(source, o.URL))
	store.times.Store(3)
	a := n.do("GET", "/ask", "")
	// 1 and 2 are the same call twice, 3 to 6 one that differs in each of four runs.
	if a.status != 200 || a.body != "12failed6" || o.asked() != 6 {
		t.Errorf("%d %s after %d calls", a.status, a.body, o.asked())
	}
	if held := n.cfg.Outbound.Held(); held != 0 {
		t.Errorf("%d bytes of answers are held", held)
	}
}

func TestLimitsOfCalls(t *testing.T) {
	t.Parallel()
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<10))
	})
	n := startNode(t, nil, calling(t, o))
	n.deployAs("default", "many", `let n = 0; for i in 0..parse_int(req.query.n) { n += http::get("`+o.URL+`").body.len(); } n`,
		picloud.Settings{Limits: picloud.Limits{OutboundCalls: 3, OutboundBytes: 1 << 10}})
	if a := n.do("GET", "/many?n=3", ""); a.status != 200 || a.body != "3072" {
		t.Errorf("as many as there may be: %d %s", a.status, a.body)
	}
	n.do("GET", "/many?n=4", "").want(t, "one more", 500, "outbound")
	n.deployAs("default", "long", `http::get("`+o.URL+`").body.len()`, picloud.Settings{Limits: picloud.Limits{OutboundBytes: 1<<10 - 1}})
	n.do("GET", "/long", "").want(t, "a longer answer", 500, "script_error")
	n.deployAs("default", "greedy", `let n = 0; loop { n += 1; http::get("`+o.URL+`"); }`, picloud.Settings{Limits: picloud.Limits{OutboundCalls: 1000}})
	n.do("GET", "/greedy", "").want(t, "no end", 500, "outbound")
}

// TestAReplayCallsNobody: what was answered is in the journal.
func TestAReplayCallsNobody(t *testing.T) {
	t.Parallel()
	o := startOutside(t, nil)
	n := startNode(t, nil, calling(t, o))
	n.deployAs("default", "ask", `print(http::post("`+o.URL+`", #{ body: "hello" }).body); print(secret::has("X")); "done"`, picloud.Settings{Journal: 1})
	n.do("GET", "/ask", "").want(t, "ask", 200, "")
	r := n.replay("ask")
	if len(r.Differences) != 0 || o.asked() != 1 {
		t.Errorf("%v after %d calls", r.Differences, o.asked())
	}
}

// TestSecretsAreSentAndNotSeen: a server that says everything back does not make
// a script, a log, a record or an answer tell a secret.
func TestSecretsAreSentAndNotSeen(t *testing.T) {
	t.Parallel()
	const value = "s3cr3t/v@lue+1"
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		fmt.Fprintf(w, "%v|%s|%s|%s|%s", r.Header.Get("Authorization"), user, password, r.URL.Query().Get("k"), r.URL)
	})
	n := startNode(t, nil, calling(t, o))
	vault := n.cfg.Secrets.(*secrets.Vault)
	set := func(name, value string) {
		if _, err := vault.Set(t.Context(), picloud.DefaultApp, name, value, "ada"); err != nil {
			t.Fatal(err)
		}
	}
	n.deployAs("default", "use", `
		let s = secret::get("TOKEN");
		let all = "";
		for h in [s.bearer(), secret::basic("me", s), "x" + s + "y"] {
			let a = http::get("`+o.URL+`/p", #{ headers: #{ authorization: h }, query: #{ k: s } });
			all += a.body + a.headers.x_echo + a.url;
		}
		print(all); print(s); log::info("it is " + s, #{ a: 1 });
		log::warn(req.query.known);
		if req.query.fail != () { throw all + s + req.query.known; }
		all`, picloud.Settings{Journal: 1})
	n.do("GET", "/use?known="+value, "").want(t, "no such secret", 500, "script_error")
	if v := n.last("use"); !strings.Contains(v.Error.Message, "picloud secrets set TOKEN") {
		t.Errorf("recorded %+v", v.Error)
	}
	set("TOKEN", value)
	a := n.do("GET", "/use?known=s3cr3t%2Fv%40lue%2B1", "")
	a.want(t, "with a secret", 200, "")
	n.do("GET", "/use?fail=1&known=s3cr3t%2Fv%40lue%2B1", "").want(t, "with a failure", 500, "script_error")
	if got := o.seen[0].Header.Get("Authorization"); got != "Bearer "+value {
		t.Errorf("sent %q", got)
	}
	if user, password, _ := o.seen[1].BasicAuth(); user != "me" || password != value {
		t.Errorf("sent %q %q", user, password)
	}
	if got := o.seen[2].Header.Get("Authorization"); got != "x"+value+"y" || o.seen[2].URL.Query().Get("k") != value {
		t.Errorf("sent %q, %s", got, o.seen[2].URL)
	}
	leaks := func(where, text string) {
		for _, form := range []string{value, "bWU6czNjcjN0L3ZAbHVlKzE=", "s3cr3t%2Fv%40lue%2B1"} {
			if strings.Contains(text, form) {
				t.Errorf("%s tells %q: %s", where, form, text)
			}
		}
	}
	leaks("the answer", a.body)
	for _, l := range n.logs() {
		leaks("the log", l.Message)
	}
	if !strings.Contains(fmt.Sprint(n.logs()), "secret(TOKEN)") {
		t.Error("the log does not show what stands for the secret")
	}
	v := n.last("use")
	leaks("the record", v.Error.Message)
	_, kept, err := n.Journal(t.Context(), picloud.DefaultApp, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	leaks("the journal", string(kept.Journal.Encode()))
	// A new value is used at once.
	set("TOKEN", "another-value")
	n.do("GET", "/use?known=x", "").want(t, "with a new value", 200, "")
	if got := o.seen[len(o.seen)-3].Header.Get("Authorization"); got != "Bearer another-value" {
		t.Errorf("sent %q", got)
	}
	set("TOKEN", "two\nlines")
	n.do("GET", "/use?known=x", "").want(t, "a value that no header can have", 500, "script_error")
}
