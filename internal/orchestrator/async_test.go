package orchestrator

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// later sends a request that is to be answered later, and is where to ask.
func (n *node) later(method, target, body string, headers ...string) string {
	n.t.Helper()
	a := n.do(method, target, body, append(headers, "Prefer: respond-async")...)
	at := a.header.Get("Location")
	if a.status != 202 || !strings.HasPrefix(at, AsyncPath) || a.header.Get("Preference-Applied") != "respond-async" {
		n.t.Fatalf("%s %s = %d %v %s", method, target, a.status, a.header, a.body)
	}
	return at
}

// stateOf is what the public is told.
func (n *node) stateOf(at string) (s asyncStatus) {
	n.t.Helper()
	a := n.do("GET", at, "")
	if a.status != 200 {
		n.t.Fatalf("GET %s = %d %s", at, a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		n.t.Fatal(err)
	}
	return s
}

// ended waits for the end.
func (n *node) ended(at string) asyncStatus {
	n.t.Helper()
	for {
		recorded := n.store.Recorded()
		if s := n.stateOf(at); s.State.Ended() {
			return s
		}
		<-recorded
	}
}

func TestARequestIsAnsweredLater(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("job", `fn handle(req) {
		kv::incr("ran");
		response(201, #{ method: req.method, body: req.body, id: req.params.id, q: req.query.q, h: req.headers["x-h"] }).header("X-A", "b")
	}`, "POST /jobs/{id} async", "POST /now/{id}")
	n.do("POST", "/now/7", "", "Prefer: respond-async").want(t, "a route that did not opt in", 201, "")
	at := n.later("POST", "/jobs/7?q=1", "the body", "X-H: z")
	s := n.ended(at)
	if s.State != picloud.AsyncDone || s.HTTPStatus != 201 || s.Runs != 1 || s.Result != at+"/result" || s.ExpiresAt == nil {
		t.Errorf("it ended as %+v", s)
	}
	a := n.do("GET", s.Result, "")
	if want := `{"body":"the body","h":"z","id":"7","method":"POST","q":"1"}`; a.status != 201 || a.body != want || a.header.Get("X-A") != "b" {
		t.Errorf("the result is %d %s %v", a.status, a.body, a.header)
	}
	v := n.last("job")
	if v.Trigger != picloud.TriggerAsync || v.Method != "POST" || v.Path != "/jobs/7" || v.HTTPStatus != 201 {
		t.Errorf("recorded %+v", v)
	}
	n.do("DELETE", at, "").want(t, "cancel what has ended", 409, "conflict")
	for _, path := range []string{AsyncPath, AsyncPath + strings.Repeat("0", 32), at + "x", at + "/x", at + "/result/x"} {
		n.do("GET", path, "").want(t, path, 404, "not_found")
	}
	if a := n.do("POST", at, ""); a.status != 405 || !strings.Contains(a.header.Get("Allow"), "DELETE") {
		t.Errorf("POST = %d %v", a.status, a.header)
	}
	n.do("POST", "/jobs/7", strings.Repeat("x", picloud.MaxAsyncRequest+1), "Prefer: respond-async").want(t, "a large body", 413, "too_large")
}

func TestALaterAnswerOfAFailure(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("job", `fn handle(req) {
		kv::incr("ran");
		if req.query.how == "refuse" { throw #{ status: 404, message: "no such" } }
		if req.query.how == "large" { let s = "x"; for i in 0..21 { s += s } return s }
		throw #{ retry_after: 0.001, message: "down" }
	}`, "POST /job async")
	s := n.ended(n.later("POST", "/job?how=refuse", ""))
	if s.State != picloud.AsyncDone || s.HTTPStatus != 404 || s.Runs != 1 {
		t.Errorf("a refusal ended as %+v", s)
	}
	at := n.later("POST", "/job", "")
	s = n.ended(at)
	if s.State != picloud.AsyncFailed || s.HTTPStatus != 500 || s.Runs != picloud.DefaultAttempts {
		t.Errorf("a failure ended as %+v", s)
	}
	if a := n.do("GET", at+"/result", ""); a.status != 500 || a.code() == "" && !strings.Contains(a.body, "script_error") || strings.Contains(a.body, "down") {
		t.Errorf("its result is %d %s", a.status, a.body)
	}
	dead := n.events(picloud.EventDead)
	if len(dead) != 1 || dead[0].ID != strings.TrimPrefix(at, AsyncPath) {
		t.Fatalf("dead events %+v", dead)
	}
	// Mended, and tried anew.
	n.deploy("job", `fn handle(req) { "mended" }`, "POST /job async")
	if err := n.store.RedriveEvent(t.Context(), picloud.DefaultApp, dead[0].ID, "", nil); err != nil {
		t.Fatal(err)
	}
	if s = n.ended(at); s.State != picloud.AsyncDone || n.do("GET", at+"/result", "").body != "mended" {
		t.Errorf("mended, it ended as %+v", s)
	}
	r, err := n.Replay(t.Context(), picloud.DefaultApp, n.failedRun("job"))
	if err != nil || len(r.Differences) > 0 {
		t.Errorf("a failed run is replayed as %+v, %v", r, err)
	}
}

// failedRun is a run of a script that failed.
func (n *node) failedRun(script string) string {
	for _, v := range n.records() {
		if v.Script == script && v.Status == picloud.StatusError {
			return v.ID
		}
	}
	n.t.Fatalf("no run of %s has failed", script)
	return ""
}

func TestCancelling(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("job", `fn handle(req) { kv::set("begun", true); sleep(30); kv::set("finished", true) }`, "POST /job async")
	id, err := n.InvokeLater(t.Context(), picloud.DefaultApp, "job", httptest.NewRequest("POST", "/job", nil), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.CancelAsync(t.Context(), picloud.DefaultApp, id)
	if err != nil || a.State != picloud.AsyncCancelled || len(n.events("")) != 0 {
		t.Fatalf("cancelled while it waits: %+v %v", a, err)
	}
	at := n.later("POST", "/job", "")
	testenv.Eventually(t, "the run begins", func() bool { return n.stateOf(at).State == picloud.AsyncRunning })
	d := n.do("DELETE", at, "")
	if d.status != 200 || !strings.Contains(d.body, `"cancelled"`) {
		t.Fatalf("cancelled while it runs: %d %s", d.status, d.body)
	}
	// The run ends long before its thirty seconds: the node would not stop.
	testenv.Eventually(t, "the run is recorded as cancelled", func() bool {
		return slices.ContainsFunc(n.records(), func(v picloud.Invocation) bool { return v.Script == "job" && v.Status == picloud.StatusCancel })
	})
	if s := n.stateOf(at); s.State != picloud.AsyncCancelled {
		t.Errorf("it is %+v", s)
	}
	n.do("GET", at+"/result", "").want(t, "its result", 409, "conflict")
	list, err := n.store.ListEntries(t.Context(), n.table.Load().byName[picloud.DefaultApp].ID, picloud.EntryQuery{})
	if err != nil || len(list.Entries) != 0 {
		t.Errorf("it has left %+v, %v", list, err)
	}
}

func TestAnIdempotentRequestIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("job", `fn handle(req) { kv::incr("ran") }`, "POST /job async idempotent")
	n.deploy("ran", `kv::get("ran", 0)`)
	first := n.later("POST", "/job", "x", "Idempotency-Key: k")
	again := n.do("POST", "/job", "x", "Idempotency-Key: k", "Prefer: respond-async")
	if again.status != 202 || again.header.Get("Location") != first || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %d %v", again.status, again.header)
	}
	n.ended(first)
	if a := n.do("GET", "/ran", ""); a.body != "1" {
		t.Errorf("it ran %s times", a.body)
	}
}

// TestARunThatNeverEnds has an event that was begun as often as it may be.
func TestARunThatNeverEnds(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, func(c *Config) { c.NoEvents = true })
	n.deploy("job", `fn handle(req) { 1 }`, "POST /job async")
	at := n.later("POST", "/job", "")
	list, err := n.store.ClaimEvents(t.Context(), "me", time.Now().Add(time.Minute), 1, nil)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	list[0].Attempts = picloud.DefaultAttempts + 1
	n.runEvent(t.Context(), list[0], func() {})
	if s := n.stateOf(at); s.State != picloud.AsyncFailed || s.HTTPStatus != 502 {
		t.Errorf("it is %+v", s)
	}
}
