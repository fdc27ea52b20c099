package orchestrator

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

func TestAnIdempotentRequestIsAnsweredAsBefore(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("pay", `fn handle(req) { response(201, #{ n: kv::incr("paid"), body: req.body }).header("X-Receipt", "7") }`, "POST /pay idempotent", "POST /open", "POST /must idempotent=required")
	n.deploy("paid", `kv::get("paid", 0)`)
	first := n.do("POST", "/pay?a=1", "ten", "Idempotency-Key: k1")
	first.want(t, "the first", 201, "")
	again := n.do("POST", "/pay?a=1", "ten", `Idempotency-Key: "k1"`)
	again.want(t, "the second", 201, "")
	if again.body != first.body || again.header.Get("X-Receipt") != "7" || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("answered %q %v, and again %q %v", first.body, first.header, again.body, again.header)
	}
	if first.header.Get("X-Request-Id") == again.header.Get("X-Request-Id") {
		t.Error("both requests have one id")
	}
	for what, a := range map[string]answer{
		"another body":  n.do("POST", "/pay?a=1", "eleven", "Idempotency-Key: k1"),
		"another query": n.do("POST", "/pay?a=2", "ten", "Idempotency-Key: k1"),
		"another path":  n.do("POST", "/must?a=1", "ten", "Idempotency-Key: k1"),
		"another user":  n.do("POST", "/pay?a=1", "ten", "Idempotency-Key: k1", "Authorization: Basic dTpw"),
	} {
		a.want(t, what, 422, "idempotency_mismatch")
	}
	if a := n.do("GET", "/paid", ""); a.body != "1" {
		t.Errorf("paid %s times", a.body)
	}
	n.do("POST", "/pay", "ten").want(t, "without a key", 201, "")
	n.do("POST", "/open", "ten", "Idempotency-Key: k1").want(t, "a route that did not opt in", 201, "")
	n.do("POST", "/must", "ten").want(t, "a key is required", 400, "malformed")
	for _, bad := range []string{"a b", `"`, "ü", `a"b`, strings.Repeat("x", 256), `""`} {
		n.do("POST", "/pay", "ten", "Idempotency-Key: "+bad).want(t, bad, 400, "malformed")
	}
	n.do("POST", "/pay", "ten", "Idempotency-Key: a", "Idempotency-Key: b").want(t, "two keys", 400, "malformed")
	n.do("POST", "/pay", "ten", "Idempotency-Key: "+strings.Repeat("x", 255)).want(t, "the longest key", 201, "")
}

func TestAFailureIsNotKept(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("pay", `fn handle(req) {
		if kv::get("down", false) { throw "the bank is away" }
		if req.body == "wrong" { throw #{ status: 409, message: "no" } }
		if req.body == "large" { let s = "x"; for i in 0..21 { s += s } return s }
		kv::incr("paid")
	}`, "POST /pay idempotent")
	n.deploy("down", `kv::set("down", req.body == "yes")`)
	n.do("POST", "/down", "yes")
	n.do("POST", "/pay", "ten", "Idempotency-Key: k").want(t, "while the bank is away", 500, "script_error")
	n.do("POST", "/down", "no")
	if a := n.do("POST", "/pay", "ten", "Idempotency-Key: k"); a.body != "1" || a.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("tried again: %s %v", a.body, a.header)
	}
	n.do("POST", "/pay", "wrong", "Idempotency-Key: w").want(t, "refused", 409, "thrown")
	a := n.do("POST", "/pay", "wrong", "Idempotency-Key: w")
	if a.status != 409 || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("a refusal is answered again with %d %v", a.status, a.header)
	}
	n.do("POST", "/pay", "large", "Idempotency-Key: l").want(t, "too large to be kept", 500, "response_size")
}

func TestTheSameRequestAtOnce(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("pay", `fn handle(req) { sleep(0.02); kv::incr("paid") }`, "POST /pay idempotent")
	n.deploy("paid", `kv::get("paid", 0)`)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]int{}
	for range 20 {
		wg.Go(func() {
			a := n.do("POST", "/pay", "ten", "Idempotency-Key: k")
			mu.Lock()
			defer mu.Unlock()
			seen[a.status]++
			if a.status == 409 && (a.code() != "idempotency_in_flight" || a.header.Get("Retry-After") == "") {
				t.Errorf("in flight: %s %v", a.body, a.header)
			}
			if a.status == 200 && a.body != "1" {
				t.Errorf("answered %s", a.body)
			}
		})
	}
	wg.Wait()
	if seen[200] == 0 || seen[200]+seen[409] != 20 {
		t.Errorf("answers %v", seen)
	}
	if a := n.do("GET", "/paid", ""); a.body != "1" {
		t.Errorf("paid %s times", a.body)
	}
}

// TestACrashedHolderIsReplaced starts a node on the database of one that went
// away while it ran a request.
func TestACrashedHolderIsReplaced(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, func(c *Config) { c.Alone = true })
	n.deploy("pay", `fn handle(req) { kv::incr("paid") }`, "POST /pay idempotent")
	app, err := n.store.AppByName(t.Context(), picloud.DefaultApp)
	if err != nil {
		t.Fatal(err)
	}
	var rt *route
	for _, h := range n.table.Load().byName[picloud.DefaultApp].literal {
		rt = h
	}
	k := picloud.AnswerKey{Key: keyOf(rt.script.ID, nil, "k"), Fingerprint: fingerprint(&picloud.Request{Method: "POST", Path: "/pay", Header: http.Header{}})}
	if _, err := n.store.HoldAnswer(t.Context(), app.ID, k, "gone", "a node", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	n.do("POST", "/pay", "", "Idempotency-Key: k").want(t, "while it is held", 409, "idempotency_in_flight")
	again, err := New(n.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := again.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.do("POST", "/pay", "", "Idempotency-Key: k").want(t, "after the next start", 200, "")
}

func TestKeysAreTheCallers(t *testing.T) {
	t.Parallel()
	var keys []string
	for _, c := range []struct{ script, user, key string }{{"s", "", "k"}, {"t", "", "k"}, {"s", "u", "k"}, {"s", "v", "k"}, {"s", "", "kk"}, {"su", "", "k"}, {"s", "uk", ""}} {
		var by *knownCaller
		if c.user != "" {
			by = &knownCaller{}
			by.by.User.ID = c.user
		}
		keys = append(keys, string(keyOf(c.script, by, c.key)))
	}
	seen := map[string]bool{}
	for _, k := range keys {
		seen[k] = true
	}
	if len(seen) != len(keys) {
		t.Errorf("%d names for %d keys", len(seen), len(keys))
	}
}

func TestPrefersAsync(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"respond-async": true, "Respond-Async": true, "wait=10, respond-async": true, "respond-async; x=y": true, ` respond-async ,wait=1`: true,
		"": false, "wait=10": false, "respond-asynchronously": false, "return=minimal": false, `x="respond-async"`: false,
	} {
		if got := prefersAsync(http.Header{"Prefer": {"return=minimal", line}}); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
	if prefersAsync(http.Header{}) {
		t.Error("nothing is asked for")
	}
}

// TestTheSameRequestOnAnotherNode sends a request to one node while another
// runs it, and after that node has gone.
func TestTheSameRequestOnAnotherNode(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	run := func(ctx context.Context, x *picloud.Execution) *picloud.Outcome {
		close(begun)
		<-goOn
		return &picloud.Outcome{Response: &picloud.Response{Status: 201, Header: http.Header{}, Body: []byte("one")}}
	}
	one, two := startMember(t, url, "one", run), startMember(t, url, "two", nil)
	one.deploy("pay", `fn handle(req) { response(201, "two") }`, "POST /pay idempotent")
	testenv.Eventually(t, "the other node serves it", func() bool { return two.do("POST", "/pay", "").body == "two" })
	first := make(chan answer)
	go func() { first <- one.do("POST", "/pay", "ten", "Idempotency-Key: k") }()
	<-begun
	two.do("POST", "/pay", "ten", "Idempotency-Key: k").want(t, "while the other node runs it", 409, "idempotency_in_flight")
	close(goOn)
	if a := <-first; a.status != 201 || a.body != "one" {
		t.Errorf("the first is answered %d %s", a.status, a.body)
	}
	if a := two.do("POST", "/pay", "ten", "Idempotency-Key: k"); a.body != "one" || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the other node answers %d %s", a.status, a.body)
	}

	// A node that nobody has heard of for a while holds nothing.
	app, err := two.store.AppByName(t.Context(), picloud.DefaultApp)
	if err != nil {
		t.Fatal(err)
	}
	k := picloud.AnswerKey{
		Key:         keyOf(two.table.Load().byName[picloud.DefaultApp].literal[literalKey{"POST", "/pay"}].script.ID, nil, "lost"),
		Fingerprint: fingerprint(&picloud.Request{Method: "POST", Path: "/pay", Header: http.Header{}}),
	}
	if _, err := two.store.HoldAnswer(t.Context(), app.ID, k, "gone", "a node that is gone", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if a := two.do("POST", "/pay", "", "Idempotency-Key: lost"); a.status != 201 || a.body != "two" {
		t.Errorf("after the node has gone: %d %s", a.status, a.body)
	}
}
