package orchestrator

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/outbound"
	"github.com/picloud/picloud/internal/picloud"
)

// lock is a sealer that turns every bit over, and knows the place.
type lock struct{}

func (lock) Seal(secret []byte, place string) ([]byte, error) {
	out := append([]byte(place), 0)
	for _, b := range secret {
		out = append(out, ^b)
	}
	return out, nil
}

func (lock) Open(sealed []byte, place string) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, append([]byte(place), 0))
	if !ok {
		return nil, errors.New("another place")
	}
	out := make([]byte, len(rest))
	for i, b := range rest {
		out[i] = ^b
	}
	return out, nil
}

func sealed(c *Config) { c.Sealer = lock{} }

// last is the newest invocation of a script.
func (n *node) last(script string) picloud.Invocation {
	n.t.Helper()
	for _, v := range n.records() {
		if v.Script == script {
			return v
		}
	}
	n.t.Fatalf("%s was not run", script)
	return picloud.Invocation{}
}

// replay replays the newest invocation of a script.
func (n *node) replay(script string) *picloud.Replayed {
	n.t.Helper()
	r, err := n.Replay(n.t.Context(), picloud.DefaultApp, n.last(script).ID)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func TestAFailureIsReplayed(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, sealed)
	n.deploy("lib", `fn half(n) { if n % 2 == 1 { throw "odd" } n / 2 }`)
	n.deployAs(picloud.DefaultApp, "job", `import "lib" as lib;
		fn handle(req) {
			print(req.headers.authorization + " " + req.body + " " + env::get("WHO"));
			print(time::unix_ms()); print(uuid::v4());
			kv::set("n", kv::get("n", 0) + 1);
			publish("t", 1);
			lib::half(kv::get("odd", 7))
		}`, picloud.Settings{Env: map[string]string{"WHO": "ada"}})
	n.do("POST", "/job?x=1", "the body", "Authorization: Basic dTpw").want(t, "job", 500, "script_error")
	v := n.last("job")
	if v.Journal != picloud.JournalKept {
		t.Fatalf("recorded %+v", v)
	}
	// What it did then does not depend on what is there now.
	n.deploy("lib", `fn half(n) { n }`)
	n.deploy("set", `kv::set("odd", 8); kv::set("n", 100)`)
	n.do("GET", "/set", "").want(t, "set", 204, "")
	r := n.replay("job")
	if len(r.Differences) > 0 || r.Outcome.Error == nil || !strings.Contains(r.Outcome.Error.Message, "odd") || r.Outcome.Operations != v.Operations {
		t.Errorf("replayed as %+v %+v", r.Differences, r.Outcome)
	}
	if log := r.Outcome.Logs[0].Message; log != "Basic dTpw the body ada" {
		t.Errorf("it saw %q", log)
	}
	_, data, err := n.store.JournalOf(t.Context(), picloud.DefaultApp, v.ID)
	if err != nil || data[0] != journalSealed {
		t.Errorf("the journal is not sealed: %v", err)
	}
	// Another version of the script is no replay of it.
	n.deploy("job", `fn handle(req) { 1 }`)
	if r := n.replayID(v.ID); len(r.Differences) > 0 {
		t.Errorf("after a deploy: %v", r.Differences)
	}
}

func (n *node) replayID(id string) *picloud.Replayed {
	n.t.Helper()
	r, err := n.Replay(n.t.Context(), picloud.DefaultApp, id)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func TestAReplayChangesNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs(picloud.DefaultApp, "count", `fn handle(req) { publish("seen", 1); kv::incr("n") }`, picloud.Settings{Journal: 1})
	n.deployAs(picloud.DefaultApp, "see", `fn on_message(m) { kv::incr("seen") }`, subscribing("seen"))
	n.deploy("n", `[kv::get("n"), kv::get("seen")]`)
	n.deploy("done", `kv::get("seen") == 1`)
	n.do("GET", "/count", "").want(t, "count", 200, "")
	n.await("the message", "done")
	r := n.replay("count")
	if len(r.Differences) > 0 || string(r.Outcome.Response.Body) != "1" || len(r.Outcome.Effects.Writes) != 1 || len(r.Outcome.Effects.Messages) != 1 {
		t.Errorf("replayed as %v %+v", r.Differences, r.Outcome)
	}
	if a := n.do("GET", "/n", ""); a.body != "[1,1]" {
		t.Errorf("what is kept: %s", a.body)
	}
	// The run on the message is a success, of a script that keeps no journals.
	_, err := n.Replay(t.Context(), picloud.DefaultApp, n.last("see").ID)
	if !picloud.IsCode(err, picloud.CodeNoJournal) || !strings.Contains(err.Error(), "journal = 1.0") {
		t.Errorf("no journal: %v", err)
	}
}

func TestAFailedMessageIsReplayed(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs(picloud.DefaultApp, "bad", `fn on_message(m) { print(m.body); print(m.at); throw rand::string(5) }`,
		subscribing("t", func(s *picloud.Subscription) { s.MaxAttempts = 1 }))
	if _, err := n.Publish(t.Context(), picloud.DefaultApp, []picloud.Message{{Topic: "t", Kind: picloud.ValueJSON, Body: []byte(`{"a":[1,2]}`)}}); err != nil {
		t.Fatal(err)
	}
	for len(n.events(picloud.EventDead)) == 0 {
		<-n.store.Recorded()
	}
	r := n.replay("bad")
	if len(r.Differences) > 0 || r.Outcome.Logs[0].Message != `#{"a": [1, 2]}` {
		t.Errorf("replayed as %v %+v", r.Differences, r.Outcome.Logs)
	}
}

func TestWithoutAKeyCredentialsAreNotKept(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("login", `fn handle(req) { print(req.headers.authorization == ()); throw "no" }`)
	n.do("GET", "/login", "", "Authorization: Basic dTpw", "Cookie: sid=topsecret", "X-Other: 1").want(t, "login", 500, "script_error")
	v := n.last("login")
	_, r, err := n.Journal(t.Context(), picloud.DefaultApp, v.ID)
	if err != nil || !slices.Equal(r.Removed, []string{"Authorization", "Cookie"}) || r.Execution.Request.Header.Get("X-Other") != "1" {
		t.Fatalf("%+v, %v", r, err)
	}
	if text, _ := r.Encode(); bytes.Contains(text, []byte("topsecret")) || r.Execution.Request.Header.Get("Cookie") != "" {
		t.Error("a cookie is kept in clear")
	}
	again := n.replay("login")
	if !strings.Contains(strings.Join(again.Differences, "; "), `was "false", and is "true"`) || len(again.Removed) != 2 {
		t.Errorf("the replay says %v, removed %v", again.Differences, again.Removed)
	}
}

func TestWhyThereIsNoReplay(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, sealed)
	n.deploy("large", `throw "no"`)
	n.do("POST", "/large", strings.Repeat("x", picloud.MaxJournalBody+1)).want(t, "large", 500, "script_error")
	n.deploy("much", `for i in 0..100000 { time::unix() } throw "no"`)
	n.do("GET", "/much", "").want(t, "much", 500, "script_error")
	n.deploy("fine", `1`)
	n.do("GET", "/fine", "").want(t, "fine", 200, "")
	n.deploy("gone", `throw "no"`)
	n.do("GET", "/gone", "").want(t, "gone", 500, "script_error")
	gone := n.last("gone").ID
	if err := n.store.DeleteScript(t.Context(), picloud.DefaultApp, "gone"); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		id, want string
		state    picloud.JournalState
	}{
		"a large body":     {n.last("large").ID, "body has more than", picloud.JournalCut},
		"many calls":       {n.last("much").ID, "answered more than", picloud.JournalCut},
		"a success":        {n.last("fine").ID, "went well", picloud.JournalNone},
		"a deleted script": {gone, "not there any more", picloud.JournalKept},
	} {
		_, err := n.Replay(t.Context(), picloud.DefaultApp, c.id)
		if !picloud.IsCode(err, picloud.CodeNoJournal) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if v, _, _ := n.Journal(t.Context(), picloud.DefaultApp, c.id); v.Journal != c.state {
			t.Errorf("%s: the journal is %q", what, v.Journal)
		}
	}
	if _, err := n.Replay(t.Context(), picloud.DefaultApp, "nothing"); !picloud.IsCode(err, picloud.CodeNotFound) {
		t.Errorf("no invocation: %v", err)
	}
	// One that was sealed for another invocation does not open.
	if _, err := n.openJournal("b", append([]byte{journalSealed}, []byte("journal/a\x00xyz")...)); !picloud.IsCode(err, picloud.CodeNoJournal) {
		t.Errorf("a journal of another invocation: %v", err)
	}
}

// TestAShareOfTheSuccesses keeps about the share that is asked for.
func TestAShareOfTheSuccesses(t *testing.T) {
	t.Parallel()
	tg := &target{version: picloud.Version{Settings: picloud.Settings{Journal: 0.25}}}
	kept := 0
	for range 10_000 {
		if tg.wantsJournal() {
			kept++
		}
	}
	if kept < 2000 || kept > 3000 {
		t.Errorf("%d of 10000 journals are kept, want about 2500", kept)
	}
}

// TestCallsToTheOutsideAreReplayed has a script fail after a call. The replay
// gets the same answer, and calls nobody.
func TestCallsToTheOutsideAreReplayed(t *testing.T) {
	t.Parallel()
	var called atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "answer %d", called.Add(1))
	}))
	defer other.Close()
	client := outbound.New(outbound.Config{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer client.Close()
	n := startNode(t, nil, sealed, func(c *Config) {
		c.Outbound, c.OutHosts = client, picloud.OutHosts{strings.TrimPrefix(other.URL, "http://")}
	})
	n.deploy("ask", `fn handle(req) { let r = http::get("`+other.URL+`/x"); print(r.text()); try { http::get("http://10.1.2.3/") } catch (e) { print(e) } throw "no" }`)
	n.do("GET", "/ask", "").want(t, "ask", 500, "script_error")
	r := n.replay("ask")
	if len(r.Differences) > 0 || r.Outcome.Logs[0].Message != "answer 1" || called.Load() != 1 {
		t.Errorf("replayed with %v, %+v, %d calls", r.Differences, r.Outcome.Logs, called.Load())
	}
}

// TestNoSecretIsInAJournal has a script send a secret, sign with it and compare
// with it, and looks for it in what is kept.
func TestNoSecretIsInAJournal(t *testing.T) {
	t.Parallel()
	const secret = "tops3cretvalue"
	var got atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got.Store(r.Header.Get("X-Token")) }))
	defer other.Close()
	client := outbound.New(outbound.Config{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer client.Close()
	n := startNode(t, nil, func(c *Config) {
		c.Outbound, c.OutHosts = client, picloud.OutHosts{strings.TrimPrefix(other.URL, "http://")}
		c.Secrets = &vault{m: map[string]string{"S": secret}}
	})
	n.deploy("use", `fn handle(req) {
		let s = secret::get("S");
		print(http::get("`+other.URL+`", #{headers: #{"x-token": s}}).status);
		print(hmac::sha256(s, "message"));
		print(hmac::equal(s, req.body));
		throw "no"
	}`)
	n.do("POST", "/use", "x").want(t, "use", 500, "script_error")
	if got.Load() != secret {
		t.Errorf("the other server got %v", got.Load())
	}
	r := n.replay("use")
	if len(r.Differences) > 0 || r.Outcome.Logs[0].Message != "200" || len(r.Outcome.Logs) != 4 {
		t.Errorf("replayed with %v, %+v", r.Differences, r.Outcome.Logs)
	}
	_, kept, err := n.Journal(t.Context(), picloud.DefaultApp, n.last("use").ID)
	if err != nil {
		t.Fatal(err)
	}
	if text := kept.Journal.Encode(); bytes.Contains(text, []byte(secret)) || !bytes.Contains(text, []byte("secret.sign")) {
		t.Errorf("the journal is %s", text)
	}
}
