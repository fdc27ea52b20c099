package store

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/picloud/picloud/internal/picloud"
)

// subscribers is who wants to hear of changes. The zero value is nobody.
type subscribers struct {
	mu   sync.Mutex
	next int
	f    map[int]func(context.Context, picloud.Change)
}

// Subscribe implements [picloud.Snapshots].
func (s *Store) Subscribe(f func(context.Context, picloud.Change)) (cancel func()) {
	return s.changes.add(f)
}

func (l *subscribers) add(f func(context.Context, picloud.Change)) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		l.f = map[int]func(context.Context, picloud.Change){}
	}
	key := l.next
	l.next++
	l.f[key] = f
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.f, key)
	}
}

// announce calls the subscribers without the lock, so that they may cancel.
func (l *subscribers) announce(ctx context.Context, c picloud.Change) {
	l.mu.Lock()
	fs := slices.Collect(maps.Values(l.f))
	l.mu.Unlock()
	for _, f := range fs {
		f(ctx, c)
	}
}
