package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// with sets a header of a request.
func with(name, value string) edit {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// TestRequestsGuide does what docs/guides/requests.md says.
func TestRequestsGuide(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.guide("requests.md", "shop")
	u.run("deploy", "shop")

	pay := func(body string, edits ...edit) answer {
		return do(t, http.MethodPost, s.public+"/payments", body, edits...)
	}
	first, again := pay(`{"amount": 10}`, with("Idempotency-Key", "6b1f2c9e")), pay(`{"amount": 10}`, with("Idempotency-Key", "6b1f2c9e"))
	if first.status != 201 || first.body != `{"payment":1}` || again.body != first.body || again.status != 201 || again.header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("paid with %s, and again with %s %v", first, again, again.header)
	}
	if a := pay(`{"amount": 11}`, with("Idempotency-Key", "6b1f2c9e")); a.status != 422 || !strings.Contains(a.body, "idempotency_mismatch") {
		t.Errorf("the key for something else: %s", a)
	}
	if a := pay(`{"amount": 10}`); a.body != `{"payment":2}` {
		t.Errorf("without a key: %s", a)
	}

	a := do(t, http.MethodPost, s.public+"/exports", "", with("Prefer", "respond-async"))
	at := a.header.Get("Location")
	if a.status != 202 || !strings.HasPrefix(at, "/_picloud/invocations/") || a.header.Get("Preference-Applied") != "respond-async" {
		t.Fatalf("POST /exports = %s %v", a, a.header)
	}
	s.awaitEnd(t, at)
	if r := do(t, http.MethodGet, s.public+at+"/result", ""); r.status != 201 || r.body != `{"rows":2}` {
		t.Errorf("the result is %s", r)
	}

	id := strings.TrimSpace(u.run("invoke", "export", "--path", "/exports", "-X", "POST", "--async"))
	s.awaitEnd(t, "/_picloud/invocations/"+id, with("Authorization", "Bearer "+strings.TrimSpace(u.run("keys", "create", "calls", "--scope", "invoke"))))
	if out := u.run("invocations", "result", id); out != `{"rows":2}` {
		t.Errorf("picloud invocations result prints %q", out)
	}
	if out := u.run("invocations", "status", id); !strings.Contains(out, "done") || !strings.Contains(out, "201") {
		t.Errorf("picloud invocations status prints %q", out)
	}
	if a := do(t, http.MethodGet, s.public+"/_picloud/invocations/"+id, ""); a.status != 401 {
		t.Errorf("what the command line asked for is shown to strangers: %s", a)
	}
	id = strings.TrimSpace(u.run("invoke", "export", "--delay", "10m"))
	if out := u.run("invocations", "cancel", id); !strings.Contains(out, "cancelled") {
		t.Errorf("picloud invocations cancel prints %q", out)
	}
	u.fails(1, []string{"invocations", "result", id}, "cancelled")
	if out := u.run("invocations", "async"); strings.Count(out, "\n") != 4 {
		t.Errorf("picloud invocations async prints\n%s", out)
	}
	if out := u.run("settings", "set", "--result-hours", "72", "--idempotency-hours", "48"); !strings.Contains(out, "result-hours  72") {
		t.Errorf("settings are %s", out)
	}
}

// awaitEnd waits for a request that is answered later.
func (s *server) awaitEnd(t *testing.T, at string, edits ...edit) {
	t.Helper()
	testenv.Eventually(t, at+" ends", func() bool {
		a, err := try(http.MethodGet, s.public+at, "", edits...)
		return err == nil && a.status == 200 && (strings.Contains(a.body, `"state":"done"`) || strings.Contains(a.body, `"state":"failed"`))
	})
}

// TestLaterAnswersSurviveKills has a server accept requests to be answered later
// while it is killed again and again. Each that was acknowledged ends, once, and
// what its run has written is there once.
func TestLaterAnswersSurviveKills(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.write("job.rhai", `fn handle(req) { if req.query.fail == "1" { kv::incr("wrong"); throw #{ status: 409 } } kv::incr("ran/" + req.query.id); "ran" }`)
	u.run("deploy", "job.rhai", "--route", "POST /job async")
	u.deploy("ran", `fn handle(req) { let all = #{}; for e in kv::entries("ran/", #{ after: req.query.after ?? "", limit: 100 }) { all[e.key] = e.value } all }`)

	accepted := map[string]string{}
	for round := range 3 {
		maps.Copy(accepted, s.sendUntilKilled(t, 30+rand.IntN(40), func(w, i int) (string, string, bool) {
			id := fmt.Sprintf("%d-%d-%d", round, w, i)
			a, err := try(http.MethodPost, s.public+"/job?id="+id+"&fail="+fmt.Sprint(i%5/4), "", with("Prefer", "respond-async"))
			return id, a.header.Get("Location"), err == nil && a.status == 202
		}))
		s.start()
	}
	for id, at := range accepted {
		s.awaitEnd(t, at)
		var got struct {
			State      string
			HTTPStatus int `json:"http_status"`
		}
		do(t, http.MethodGet, s.public+at, "").decode(t, &got)
		if got.State != "done" || got.HTTPStatus != 200 && got.HTTPStatus != 409 {
			t.Errorf("%s ended as %+v", id, got)
		}
	}
	ran := map[string]int{}
	for after := ""; ; {
		var page map[string]int
		do(t, http.MethodGet, s.public+"/ran?after="+after, "").decode(t, &page)
		for key := range page {
			after = max(after, key)
		}
		maps.Copy(ran, page)
		if len(page) < 100 {
			break
		}
	}
	for key, n := range ran {
		if n != 1 {
			t.Errorf("%s was written %d times", key, n)
		}
	}
	wrote := 0
	for id := range accepted {
		wrote += ran["ran/"+id]
	}
	t.Logf("%d accepted, %d of them wrote something", len(accepted), wrote)
	if wrote == 0 || wrote == len(accepted) {
		t.Errorf("%d of %d accepted requests wrote something; some do, and those that fail do not", wrote, len(accepted))
	}
	s.stop()
}

// sendUntilKilled sends requests, and kills the server when so many were
// acknowledged; it is those. send is given a worker and a number.
func (s *server) sendUntilKilled(t *testing.T, enough int, send func(w, i int) (id, value string, ok bool)) map[string]string {
	t.Helper()
	var mu sync.Mutex
	var killed atomic.Bool
	done, reached := map[string]string{}, make(chan struct{})
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for i := 0; !killed.Load() && i < 10_000; i++ {
				id, value, ok := send(w, i)
				if !ok {
					continue
				}
				mu.Lock()
				if done[id] = value; len(done) == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	<-reached
	s.Kill()
	killed.Store(true)
	workers.Wait()
	return done
}

// TestPaymentsAreMadeOnce has clients repeat a payment with its key until it is
// answered, while the server is killed and started under them.
func TestPaymentsAreMadeOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.write("pay.rhai", `fn handle(req) { kv::incr("total"); response(201, #{ n: kv::incr("paid/" + req.body) }) }`)
	u.run("deploy", "pay.rhai", "--route", "POST /pay idempotent=required")
	u.deploy("paid", `fn handle(req) { let more = 0; for e in kv::entries("paid/") { if e.value != 1 { more += 1 } } #{ total: kv::get("total"), more: more } }`)

	// The clients go on asking at the same place.
	public := s.public
	s.listen = strings.TrimPrefix(public, "http://")
	const payments = 60
	var clients sync.WaitGroup
	var paid atomic.Int64
	var stop atomic.Bool
	for c := range 4 {
		clients.Go(func() {
			for i := range payments / 4 {
				name := fmt.Sprintf("%d-%d", c, i)
				for !stop.Load() {
					a, err := try(http.MethodPost, public+"/pay", name, with("Idempotency-Key", name))
					if err == nil && a.status == 201 {
						if a.body != `{"n":1}` {
							t.Errorf("%s was answered with %s", name, a)
						}
						paid.Add(1)
						break
					}
					if err == nil && a.status != 409 && a.status != 503 {
						t.Errorf("%s was answered with %s", name, a)
						return
					}
				}
			}
		})
	}
	for _, at := range []int64{10, 25, 45} {
		testenv.Eventually(t, fmt.Sprintf("%d payments are made", at), func() bool { return paid.Load() >= at })
		s.Kill()
		s.start()
	}
	testenv.Eventually(t, "all payments are made", func() bool { return paid.Load() == payments })
	stop.Store(true)
	clients.Wait()
	var books struct{ Total, More int }
	do(t, http.MethodGet, s.public+"/paid", "").decode(t, &books)
	if books.Total != payments || books.More != 0 {
		t.Errorf("%d payments were made of %d, %d of them more than once", books.Total, payments, books.More)
	}
	s.stop()
}
