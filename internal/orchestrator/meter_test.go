package orchestrator

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// quota sets a quota of the default app, which is live when it returns.
func (n *node) quota(kind picloud.QuotaKind, amount int64) {
	n.t.Helper()
	if err := n.store.SetQuotas(n.t.Context(), picloud.DefaultApp, map[picloud.QuotaKind]*int64{kind: &amount}); err != nil {
		n.t.Fatal(err)
	}
}

// clock is one that tests set.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// spends is an executor whose runs take 30 operations.
func spends(ctx context.Context, x *picloud.Execution) *picloud.Outcome {
	out := echo(ctx, x)
	out.Operations = 30
	return out
}

func TestOperationsOfADay(t *testing.T) {
	t.Parallel()
	c := &clock{}
	n := startNode(t, spends, func(cfg *Config) { cfg.Now, cfg.Alone = c.now, true })
	n.deploy("hello", "1")
	n.quota(picloud.QuotaOperations, 100)
	for i := range 4 {
		n.do("GET", "/hello", "").want(t, strconv.Itoa(i), 200, "")
	}
	a := n.do("GET", "/hello", "")
	a.want(t, "used up", 429, string(picloud.CodeQuotaOperations))
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 24*3600 {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	n.quota(picloud.QuotaOperations, 200)
	n.do("GET", "/hello", "").want(t, "more allowed", 200, "")
	n.quota(picloud.QuotaOperations, 100)
	n.do("GET", "/hello", "").want(t, "less again", 429, string(picloud.CodeQuotaOperations))
	c.advance(24 * time.Hour)
	n.do("GET", "/hello", "").want(t, "the next day", 200, "")
	n.quota(picloud.QuotaOperations, picloud.NoQuota)
	for range 5 {
		n.do("GET", "/hello", "").want(t, "without a quota", 200, "")
	}
}

// TestUsageIsLoaded starts a node on what another one has used.
func TestUsageIsLoaded(t *testing.T) {
	t.Parallel()
	n := startNode(t, spends, func(cfg *Config) { cfg.Alone = true })
	n.deploy("hello", "1")
	for range 4 {
		n.do("GET", "/hello", "").want(t, "without a quota", 200, "")
	}
	for len(n.records()) < 4 { // a record comes a little after its answer
		runtime.Gosched()
	}
	n.quota(picloud.QuotaOperations, 100)
	n.do("GET", "/hello", "").want(t, "used up before the quota was there", 429, string(picloud.CodeQuotaOperations))
}

func TestAlarmsBeforeTheWall(t *testing.T) {
	t.Parallel()
	n := startNode(t, spends, func(cfg *Config) { cfg.Alone = true })
	n.deploy("hello", "1")
	n.quota(picloud.QuotaOperations, 300)
	for range 12 {
		n.do("GET", "/hello", "")
	}
	if err := n.inflight.drain(t.Context()); err != nil { // alarms are raised in the background
		t.Fatal(err)
	}
	app, err := n.store.AppByName(t.Context(), picloud.DefaultApp)
	if err != nil {
		t.Fatal(err)
	}
	list, err := n.store.ListAlarms(t.Context(), app.ID, 0)
	if err != nil || len(list) != 2 {
		t.Fatalf("alarms %+v, %v", list, err)
	}
	used := map[int]int64{}
	for _, a := range list {
		used[a.Percent] = a.Used
	}
	if used[80] != 240 || used[100] != 300 {
		t.Errorf("alarms %+v", list)
	}
}

func TestCallsOfADay(t *testing.T) {
	t.Parallel()
	n := startNode(t, spends, func(cfg *Config) { cfg.Alone = true })
	n.quota(picloud.QuotaCalls, 2)
	app, err := n.store.AppByName(t.Context(), picloud.DefaultApp)
	if err != nil {
		t.Fatal(err)
	}
	m := n.meters.of(app.ID)
	for i, want := range []picloud.Code{"", "", picloud.CodeQuotaCalls, picloud.CodeQuotaCalls} {
		if got := codeOf(m.call()); got != want {
			t.Errorf("call %d is refused with %q, want %q", i, got, want)
		}
	}
	if err := (*meter)(nil).call(); err != nil {
		t.Errorf("without quotas: %v", err)
	}
}

func codeOf(err error) picloud.Code {
	if e, ok := err.(*picloud.Error); ok {
		return e.Code
	}
	return ""
}

// TestEventsWaitForTheNextDay has an app use up its operations, with a message
// waiting.
func TestEventsWaitForTheNextDay(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, func(cfg *Config) { cfg.Alone = true })
	n.deployAs("default", "take", `fn on_message(m) { kv::set("taken", true) }`, subscribing("t"))
	n.deploy("put", `fn handle(req) { publish("t", 1); "put" }`)
	n.deploy("taken", `kv::get("taken") == true`)
	n.quota(picloud.QuotaOperations, 1)
	n.do("GET", "/put", "").want(t, "the last one", 200, "")
	n.do("GET", "/put", "").want(t, "used up", 429, string(picloud.CodeQuotaOperations))
	for n.dispatch.resting.Load() == nil { // it has looked, and sleeps
		runtime.Gosched()
	}
	if left := n.events(picloud.EventWaiting); len(left) != 1 || left[0].Attempts != 0 {
		t.Errorf("waiting: %+v", left)
	}
	n.quota(picloud.QuotaOperations, picloud.NoQuota)
	n.await("taken once there are new ones", "taken")
}

func TestEventsQuotaAtTheEdge(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, func(cfg *Config) { cfg.Alone = true })
	n.deployAs("default", "take", `fn on_message(m) { }`, subscribing("t"))
	n.deploy("put", `fn handle(req) { publish("t", 1, #{delay: 3600}); publish("t", 2, #{delay: 3600}); "put" }`)
	n.quota(picloud.QuotaEvents, 3)
	n.do("GET", "/put", "").want(t, "fits", 200, "")
	n.do("GET", "/put", "").want(t, "too many", 503, string(picloud.CodeQuotaEvents))
	_, err := n.Publish(t.Context(), picloud.DefaultApp, []picloud.Message{{Topic: "t", Kind: picloud.ValueJSON, Body: []byte("1"), Delay: time.Hour}, {Topic: "t", Kind: picloud.ValueJSON, Body: []byte("1")}})
	if got := codeOf(err); got != picloud.CodeQuotaEvents {
		t.Errorf("publishing is refused with %v", err)
	}
}
