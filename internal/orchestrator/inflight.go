package orchestrator

import (
	"context"
	"fmt"
	"sync/atomic"
)

// inflight counts what runs, so that a stop can wait for it. The zero value
// refuses nothing.
type inflight struct {
	count    atomic.Int64
	draining atomic.Bool                   // for good
	refusing atomic.Bool                   // for now
	idle     atomic.Pointer[chan struct{}] // closed by whoever ends last while draining
}

// begin reports whether something may still begin. If so, end must follow.
func (f *inflight) begin() bool {
	f.count.Add(1)
	if f.closed() {
		f.end()
		return false
	}
	return true
}

// closed reports whether nothing may begin.
func (f *inflight) closed() bool { return f.draining.Load() || f.refusing.Load() }

// refuse has nothing begin, until it is taken back.
func (f *inflight) refuse(all bool) { f.refusing.Store(all) }

func (f *inflight) end() {
	if f.count.Add(-1) > 0 || !f.draining.Load() {
		return
	}
	// Nobody begins any more, but who tries may count for a moment: the first
	// one down takes the channel, so that it is closed once.
	if idle := f.idle.Swap(nil); idle != nil {
		close(*idle)
	}
}

// drain lets nothing begin any more and waits for what runs.
func (f *inflight) drain(ctx context.Context) error {
	idle := make(chan struct{})
	f.idle.Store(&idle)
	f.draining.Store(true)
	if f.begin() {
		f.end() // unreachable while draining; begin's own end wakes an idle drain
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d requests still run: %w", f.count.Load(), context.Cause(ctx))
	}
}
