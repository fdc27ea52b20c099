package orchestrator

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// TestConcurrency fills a script's slots and its queue, and finds that it
// recovers.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	const slots, queue = 3, 4
	finish := make(chan struct{})
	var running, most atomic.Int64
	n := startNode(t, func(ctx context.Context, x *picloud.Execution) *picloud.Outcome {
		now := running.Add(1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		<-finish
		running.Add(-1)
		return echo(ctx, x)
	}, func(c *Config) { c.MaxWait = time.Minute })
	n.deployAs("default", "busy", "1", picloud.Settings{Limits: picloud.Limits{Concurrency: slots, Queue: queue}})
	g := n.table.Load().byName["default"]
	gate := n.table.Load().scripts[scriptKey{g.ID, "busy"}].gate
	inside := func() (running, waiting int) {
		gate.mu.Lock()
		defer gate.mu.Unlock()
		return gate.running, len(gate.waiting)
	}

	var wait sync.WaitGroup
	for range slots + queue {
		wait.Go(func() { n.do("GET", "/busy", "").want(t, "one that waited", 200, "") })
	}
	testenv.Eventually(t, "slots and queue are full", func() bool {
		r, w := inside()
		return r == slots && w == queue
	})
	a := n.do("GET", "/busy", "")
	a.want(t, "one too many", 503, "overloaded")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}

	// A client that goes away gives its place in the queue back.
	close(finish)
	wait.Wait()
	if most.Load() != slots {
		t.Errorf("%d ran at a time, want %d", most.Load(), slots)
	}
	if r, w := inside(); r != 0 || w != 0 {
		t.Errorf("%d run and %d wait after all have left", r, w)
	}
	n.do("GET", "/busy", "").want(t, "after all that", 200, "")
}

func TestGate(t *testing.T) {
	t.Parallel()
	g := &gate{}
	g.resize(1, 2)
	if err := g.enter(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := g.enter(t.Context(), time.Nanosecond); !picloud.IsCode(err, picloud.CodeOverloaded) {
		t.Errorf("after the wait: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.enter(gone, time.Hour); !picloud.IsCode(err, picloud.CodeCanceled) {
		t.Errorf("a client that is gone: %v", err)
	}
	if len(g.waiting) != 0 {
		t.Errorf("%d wait who have given up", len(g.waiting))
	}
	entered := make(chan error)
	for range 2 {
		go func() { entered <- g.enter(t.Context(), time.Hour) }()
	}
	testenv.Eventually(t, "two wait", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.waiting) == 2
	})
	g.resize(2, 2) // a new version lets more in
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	g.leave()
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	g.leave()
	g.leave()
	if g.running != 0 {
		t.Errorf("%d run after all have left", g.running)
	}
}

// TestGateUnderStress has many enter, wait, give up and leave at once.
func TestGateUnderStress(t *testing.T) {
	t.Parallel()
	g := &gate{}
	g.resize(4, 50)
	var inside, over atomic.Int64
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*time.Millisecond)
			defer cancel()
			for range 20 {
				if g.enter(ctx, time.Duration(i%3)*time.Millisecond) != nil {
					continue
				}
				if inside.Add(1) > 4 {
					over.Add(1)
				}
				inside.Add(-1)
				g.leave()
			}
		})
	}
	wait.Wait()
	if over.Load() > 0 || g.running != 0 || len(g.waiting) != 0 {
		t.Errorf("over the limit %d times; %d run, %d wait at the end", over.Load(), g.running, len(g.waiting))
	}
}

// TestClientGoesAway checks that a run ends with its client, and is recorded
// so.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	running, ended := make(chan struct{}), make(chan struct{})
	n := startNode(t, func(ctx context.Context, _ *picloud.Execution) *picloud.Outcome {
		close(running)
		<-ctx.Done()
		close(ended)
		return &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeCanceled, Message: "canceled"}}
	})
	n.deploy("endless", "1")
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+n.addr+"/endless", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-running
		cancel()
	}()
	if _, err := send(r); err == nil {
		t.Error("there was an answer")
	}
	<-ended
	testenv.Eventually(t, "the invocation is recorded", func() bool { return len(n.records()) == 1 })
	if v := n.records()[0]; v.Status != picloud.StatusCancel || v.HTTPStatus != 499 {
		t.Errorf("recorded as %+v", v)
	}
}
