package store

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/picloud/picloud/internal/picloud"
)

// subscribers is who wants to hear of something. The zero value is nobody.
type subscribers[T any] struct {
	mu   sync.Mutex
	next int
	f    map[int]func(context.Context, T)
}

// Subscribe implements [picloud.Snapshots].
func (s *Store) Subscribe(f func(context.Context, picloud.Change)) (cancel func()) {
	return s.changes.add(f)
}

// OnWithdrawn implements [picloud.Events].
func (s *Store) OnWithdrawn(f func(eventID string)) (stop func()) {
	return s.withdrawn.add(func(_ context.Context, id string) { f(id) })
}

func (l *subscribers[T]) add(f func(context.Context, T)) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		l.f = map[int]func(context.Context, T){}
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
func (l *subscribers[T]) announce(ctx context.Context, v T) {
	l.mu.Lock()
	fs := slices.Collect(maps.Values(l.f))
	l.mu.Unlock()
	for _, f := range fs {
		f(ctx, v)
	}
}
