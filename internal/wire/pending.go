package wire

import (
	"context"
	"sync"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// maxCallsOfRun is how many calls a run may have open at once: it makes
	// one at a time, but its program may be fetched for others too.
	maxCallsOfRun = 8
	// maxNamed is how many versions a run may come to read: more than modules
	// that it can import.
	maxNamed = 1 << 10
)

// pending is a run whose outcome is waited for.
type pending struct {
	x       *picloud.Execution
	host    picloud.Host
	parent  context.Context       // the caller's
	outcome chan *picloud.Outcome // has room for the one

	mu     sync.Mutex
	ended  bool
	ctx    context.Context // of its calls, from the first one on; ends with the run
	cancel context.CancelFunc
	calls  int                 // open ones
	hashes map[string]struct{} // of versions that it may read besides its own
}

// end gives a run its outcome.
func (p *pending) end(o *picloud.Outcome) {
	p.drop()
	p.outcome <- o
}

// drop ends the calls of a run.
func (p *pending) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.cancel != nil {
		p.cancel()
	}
}

// open counts a call and is its context; false means that there are too many.
func (p *pending) open() (context.Context, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx == nil {
		p.ctx, p.cancel = context.WithCancel(p.parent)
	}
	if p.ended {
		p.cancel()
	}
	p.calls++
	return p.ctx, p.calls <= maxCallsOfRun
}

func (p *pending) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls--
}

// name lets the run read a version.
func (p *pending) name(hash string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hashes == nil {
		p.hashes = map[string]struct{}{}
	}
	if len(p.hashes) < maxNamed {
		p.hashes[hash] = struct{}{}
	}
}

// named reports whether the run may read a version.
func (p *pending) named(hash string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.hashes[hash]
	return ok
}
