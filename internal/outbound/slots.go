package outbound

import (
	"context"
	"sync"
)

// slots bound how many calls are made at a time, of each app and of all.
type slots struct {
	all chan struct{} // has room for as many

	mu    sync.Mutex
	byApp map[string]*lane
}

// lane is the calls of one app.
type lane struct {
	room  chan struct{}
	users int // who are in or wait
}

// enter waits for a slot, which is given back by leave. The error is the
// context's cause.
func (s *slots) enter(ctx context.Context, app string) (leave func(), err error) {
	l := s.join(app)
	if err := take(ctx, l.room); err != nil {
		s.part(app, l)
		return nil, err
	}
	if err := take(ctx, s.all); err != nil {
		<-l.room
		s.part(app, l)
		return nil, err
	}
	return func() {
		<-s.all
		<-l.room
		s.part(app, l)
	}, nil
}

func take(ctx context.Context, room chan struct{}) error {
	select {
	case room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *slots) join(app string) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byApp[app]
	if l == nil {
		if s.byApp == nil {
			s.byApp = map[string]*lane{}
		}
		l = &lane{room: make(chan struct{}, callsOfApp)}
		s.byApp[app] = l
	}
	l.users++
	return l
}

func (s *slots) part(app string, l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(s.byApp, app)
	}
}
