package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Bounds of one transaction of commits, and of how long it may take.
const (
	groupCommits = 512
	groupBytes   = 16 << 20
	groupKeys    = 20_000 // looked at and written
	groupTime    = 30 * time.Second
)

// committer gathers the commits that come while others are being written, and
// writes them in one transaction with one sync of the disk. While nothing is
// committed there is no goroutine.
type committer struct {
	mu      sync.Mutex
	waiting []*pendingCommit
	running bool
	work    sync.WaitGroup
}

// pendingCommit is one that waits for its outcome.
type pendingCommit struct {
	picloud.Commit
	err  error
	wake bool // an event can go on that could not before, or at another time
	done func(error)
	// repeated are the places of messages that were accepted before: nothing
	// becomes of them.
	repeated map[int]bool
	// marks are those of the whole group, in its first commit.
	marks map[quotaKey]int
	// dropped are the contents that the whole group has left without a file, in
	// its first commit.
	dropped []string
}

// Commit implements [picloud.Data].
func (s *Store) Commit(_ context.Context, c picloud.Commit) error {
	done := make(chan error, 1)
	s.CommitLater(c, func(err error) { done <- err })
	return <-done
}

// CommitLater implements [picloud.Data].
func (s *Store) CommitLater(c picloud.Commit, done func(error)) {
	p := &pendingCommit{Commit: c, done: done}
	s.commits.mu.Lock()
	s.commits.waiting = append(s.commits.waiting, p)
	if !s.commits.running {
		s.commits.running = true
		s.commits.work.Go(s.commitAll)
	}
	s.commits.mu.Unlock()
}

// commitAll writes groups until nobody waits.
func (s *Store) commitAll() {
	for {
		group := s.commits.next()
		if len(group) == 0 {
			return
		}
		ctx, cancel := s.groupContext()
		err := s.write(ctx, "commit invocations", func(tx *tx) error { return s.commitGroup(tx, group) })
		cancel()
		if s.pg == nil {
			s.prepared.compile(ctx, s.writer)
		}
		if err == nil {
			s.quotas.note(group[0].marks)
			if len(group[0].dropped) > 0 {
				s.dropped.announce(ctx, group[0].dropped)
			}
			s.announceGroup(group)
		}
		for _, p := range group {
			if err != nil {
				p.err = err
			}
			p.done(p.err)
		}
	}
}

// groupContext bounds the transaction of a group where a server could keep
// silent. SQLite's driver would start a goroutine for every statement to watch
// over a context that can end.
func (s *Store) groupContext() (context.Context, context.CancelFunc) {
	if s.pg == nil {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), groupTime)
}

// announceGroup wakes those who wait for what a group has entered.
func (s *Store) announceGroup(group []*pendingCommit) {
	var recorded, entered bool
	for _, p := range group {
		recorded = recorded || p.err == nil && p.Record != nil
		entered = entered || p.err == nil && (p.wake || p.open())
	}
	if recorded {
		s.recorded.wake()
	}
	if entered {
		s.entered.wake()
	}
	for _, at := range streamed(group) {
		s.streams.tell(at[0], at[1])
	}
}

// open reports whether the commit has entered events that are nobody's.
func (p *pendingCommit) open() bool {
	return slices.ContainsFunc(p.Events, func(e picloud.NewEvent) bool { return !e.Held })
}

// next takes the commits of the next transaction; with none the committer has
// stopped.
func (c *committer) next() []*pendingCommit {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size, keys := 0, 0, 0
	for n < len(c.waiting) && n < groupCommits && (n == 0 || size < groupBytes && keys < groupKeys) {
		size += c.waiting[n].Size()
		keys += len(c.waiting[n].Effects.Reads) + len(c.waiting[n].Effects.Writes)
		n++
	}
	group := c.waiting[:n:n]
	c.waiting = slices.Clone(c.waiting[n:])
	c.running = n > 0
	return group
}
