package orchestrator

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// requestFor is a request as the control plane makes it up.
func requestFor(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, "http://localhost", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL, r.RequestURI, r.RemoteAddr = u, target, "192.0.2.1:0"
	return r
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("orders", "1", "POST /orders/{id}")
	resp, err := n.Invoke(t.Context(), "default", "orders", requestFor(t, "POST", "/orders/7?a=1", "body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var x picloud.Execution
	if err := json.NewDecoder(resp.Body).Decode(&x); err != nil {
		t.Fatal(err)
	}
	q := x.Request
	if q.Path != "/orders/7" || q.RawQuery != "a=1" || string(q.Body) != "body" || q.IP != "192.0.2.1" || x.Trigger != picloud.TriggerInvoke {
		t.Errorf("the script sees %+v", x)
	}
	if len(q.Params) != 1 || q.Params[0] != (picloud.Param{Name: "id", Value: "7"}) {
		t.Errorf("params %v", q.Params)
	}
	v := n.records()[0]
	if v.ID != resp.Header.Get(idHeader) || v.Trigger != picloud.TriggerInvoke || v.HTTPStatus != 200 {
		t.Errorf("recorded as %+v", v)
	}

	// A path that no route of the script takes is no reason not to run it.
	resp, err = n.Invoke(t.Context(), "default", "orders", requestFor(t, "GET", "/orders", ""))
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("on another path: %v", err)
	}
}

func TestInvokeRefuses(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hello", "1")
	n.deploy("off", "1")
	if _, err := n.store.SetEnabled(t.Context(), "default", "off", false); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		app, script, target, body string
		code                      picloud.Code
	}{
		"an unknown app":     {"nowhere", "hello", "/", "", picloud.CodeNotFound},
		"an unknown script":  {"default", "nothing", "/", "", picloud.CodeNotFound},
		"a disabled script":  {"default", "off", "/", "", picloud.CodeScriptDisabled},
		"a bad path":         {"default", "hello", "/a//b", "", picloud.CodeMalformed},
		"a body too large":   {"default", "hello", "/", strings.Repeat("x", 4<<20+1), picloud.CodeTooLarge},
		"an encoded newline": {"default", "hello", "/%0a", "", picloud.CodeMalformed},
	} {
		_, err := n.Invoke(t.Context(), c.app, c.script, requestFor(t, "POST", c.target, c.body))
		if !picloud.IsCode(err, c.code) {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
	if got := n.records(); len(got) != 0 {
		t.Errorf("what was refused is recorded: %+v", got)
	}
	if err := n.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Invoke(t.Context(), "default", "hello", requestFor(t, "GET", "/", "")); !picloud.IsCode(err, picloud.CodeUnavailable) {
		t.Errorf("after the stop: %v", err)
	}
}

// TestDeploysAreLiveAtOnce checks that the answer to a deploy, switch, rollback
// or deletion finds it done.
func TestDeploysAreLiveAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := startNode(t, echo)
	n.do("GET", "/hello", "").want(t, "before", 404, "not_found")
	n.deploy("hello", "1")
	n.deploy("hello", "2")
	version := func() int { return n.do("GET", "/hello", "").seen(t).Version }
	if got := version(); got != 2 {
		t.Errorf("version %d, want 2", got)
	}
	if _, err := n.store.Rollback(ctx, "default", "hello", 1); err != nil {
		t.Fatal(err)
	}
	if got := version(); got != 1 {
		t.Errorf("version %d after the rollback, want 1", got)
	}
	if _, err := n.store.SetEnabled(ctx, "default", "hello", false); err != nil {
		t.Fatal(err)
	}
	n.do("GET", "/hello", "").want(t, "switched off", 503, "script_disabled")
	if _, err := n.store.SetEnabled(ctx, "default", "hello", true); err != nil {
		t.Fatal(err)
	}
	n.do("GET", "/hello", "").want(t, "switched on", 200, "")
	if err := n.store.DeleteScript(ctx, "default", "hello"); err != nil {
		t.Fatal(err)
	}
	n.do("GET", "/hello", "").want(t, "deleted", 404, "not_found")
	if _, err := n.store.CreateApp(ctx, "shop"); err != nil {
		t.Fatal(err)
	}
	n.deployAs("shop", "hello", "1", picloud.Settings{})
	n.do("GET", "/hello", "", "Host: shop.localhost").want(t, "another app", 200, "")

	shop := &host{o: n.Orchestrator, appID: n.do("GET", "/hello", "", "Host: shop.localhost").seen(t).AppID}
	if hash, err := shop.LiveVersion(ctx, "hello"); err != nil || hash != picloud.HashVersion("1", picloud.Settings{}) {
		t.Errorf("live version %q, %v", hash, err)
	}
	nobody := &host{o: n.Orchestrator, appID: "nobody"}
	if _, err := nobody.LiveVersion(ctx, "hello"); !picloud.IsCode(err, picloud.CodeNotFound) {
		t.Errorf("live version of nobody: %v", err)
	}
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hello", "1")
	if err := n.Start(t.Context()); err == nil {
		t.Error("it can be started twice")
	}
	for range 2 {
		if err := n.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	a := n.do("GET", "/hello", "")
	a.want(t, "after the stop", 503, "unavailable")
	if a.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	if err := n.Start(t.Context()); err == nil {
		t.Error("it can be started after its stop")
	}
}

// TestStopWaits stops while a request runs: it is answered and recorded.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	running, finish := make(chan struct{}), make(chan struct{})
	n := startNode(t, func(ctx context.Context, x *picloud.Execution) *picloud.Outcome {
		close(running)
		<-finish
		return echo(ctx, x)
	})
	n.deploy("slow", "1")
	answers := make(chan *http.Response, 1)
	go func() {
		resp, err := client.Get("http://" + n.addr + "/slow")
		if err != nil {
			t.Error(err)
		}
		answers <- resp
	}()
	<-running
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Stop(hasty); err == nil {
		t.Error("a stop without time waited for a request that runs")
	}
	stopped := make(chan error)
	go func() { stopped <- n.Stop(t.Context()) }()
	close(finish)
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	resp := <-answers
	if resp != nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("the request in flight is answered with %d", resp.StatusCode)
		}
	}
	if list, err := n.store.ListInvocations(t.Context(), picloud.RecordQuery{App: "default"}); err != nil || len(list) != 1 {
		t.Errorf("recorded: %v, %v", list, err)
	}
}
