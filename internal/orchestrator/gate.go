package orchestrator

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// gate lets so many invocations of one script run at a time, and so many wait
// for it, first come first served. It outlives the versions of its script.
type gate struct {
	whole int64 // the limit of all nodes together; guarded by the gates' lock

	mu      sync.Mutex
	limit   int // may run
	queue   int // may wait
	running int
	waiting []chan struct{} // closed when the one who waits may run
}

// errBusy is the answer when a script has no slot free.
func errBusy() error {
	return &picloud.Error{Code: picloud.CodeOverloaded, Message: "the script is busy, try again", RetryAfter: time.Second}
}

// enter waits for a slot, at most for a while. Whoever gets nil must leave.
func (g *gate) enter(ctx context.Context, most time.Duration) error {
	g.mu.Lock()
	if g.running < g.limit && len(g.waiting) == 0 {
		g.running++
		g.mu.Unlock()
		return nil
	}
	if len(g.waiting) >= g.queue {
		g.mu.Unlock()
		return errBusy()
	}
	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	return g.await(ctx, turn, most)
}

func (g *gate) await(ctx context.Context, turn chan struct{}, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	var err error
	select {
	case <-turn:
		return nil
	case <-timer.C:
		err = errBusy()
	case <-ctx.Done():
		err = picloud.Errorf(picloud.CodeCanceled, "the client went away")
	}
	if g.giveUp(turn) {
		return err
	}
	if ctx.Err() == nil {
		return nil // its turn came just now
	}
	g.leave()
	return err
}

// giveUp takes a turn out of the queue; false means that it had come.
func (g *gate) giveUp(turn chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, turn)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// leave gives a slot back.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	g.admit()
}

// admit lets in who can be. The lock is held.
func (g *gate) admit() {
	for g.running < g.limit && len(g.waiting) > 0 {
		g.running++
		close(g.waiting[0])
		g.waiting = slices.Delete(g.waiting, 0, 1)
	}
}

func (g *gate) resize(limit, queue int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit, g.queue = int(limit), int(queue)
	g.admit()
}

func (g *gate) setLimit(limit int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = int(limit)
	g.admit()
}

// gates are the gates by script. The zero value has none.
type gates struct {
	mu       sync.Mutex
	byScript map[string]*gate
	nodes    int64 // that share the limits; 0 is one
}

// of is the gate of a script, with the limits of the version that is live.
func (gs *gates) of(scriptID string, l picloud.Limits) *gate {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if gs.byScript == nil {
		gs.byScript = map[string]*gate{}
	}
	g := gs.byScript[scriptID]
	if g == nil {
		g = &gate{}
		gs.byScript[scriptID] = g
	}
	g.whole = l.Concurrency
	g.resize(portion(g.whole, gs.nodes), l.Queue)
	return g
}

// portion is what one of several nodes takes of a limit on all of them: an equal
// part, rounded down, and 1 at least. Together they never run more than the
// limit, or one each; see "Limits across nodes" in the guide to PostgreSQL.
func portion(limit, nodes int64) int64 {
	if limit <= 0 {
		return limit
	}
	return max(1, limit/max(1, nodes))
}

// share divides the limits among so many nodes.
func (gs *gates) share(nodes int) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if gs.nodes == int64(nodes) {
		return
	}
	gs.nodes = int64(nodes)
	for _, g := range gs.byScript {
		g.setLimit(portion(g.whole, gs.nodes))
	}
}

// waiting is how many invocations wait for a slot.
func (gs *gates) waiting() (n int64) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	for _, g := range gs.byScript {
		g.mu.Lock()
		n += int64(len(g.waiting))
		g.mu.Unlock()
	}
	return n
}

// keep drops the gates of scripts that are gone. Who is inside still leaves
// the gate that it entered.
func (gs *gates) keep(scripts map[scriptKey]*target) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	kept := make(map[string]*gate, len(scripts))
	for _, t := range scripts {
		kept[t.script.ID] = t.gate
	}
	gs.byScript = kept
}
