package store

import (
	"strings"
	"sync"
)

// notices is the channel on which processes that share a PostgreSQL database
// tell each other what they committed. A notice is written
// "kind origin detail".
const notices = "picloud"

// The kinds of notices.
const (
	changeNotice  = "change"  // what is live changed; the detail is the revision
	recordsNotice = "records" // records were entered
	eventsNotice  = "events"  // events were entered, or are due earlier than they were
	streamNotice  = "stream"  // messages of a stream were entered; the detail is the app's id and the topic
	nodesNotice   = "nodes"   // nodes came, went, or got another state

	schedulesNotice = "schedules" // schedules may be due at other times than they were
	withdrawnNotice = "withdrawn" // an event is gone that may be being run; the detail is its id
)

// notice is one of them, read.
type notice struct{ kind, origin, detail string }

func parseNotice(payload string) notice {
	kind, rest, _ := strings.Cut(payload, " ")
	origin, detail, _ := strings.Cut(rest, " ")
	return notice{kind, origin, detail}
}

// notify has the other processes told when the transaction is committed. On
// SQLite there are none.
func (t *tx) notify(kind, detail string) error {
	pg := t.store.pg
	if pg == nil {
		return nil
	}
	_, err := t.exec("SELECT pg_notify($1, $2)", notices, strings.TrimSpace(kind+" "+pg.origin+" "+detail))
	return err
}

// signal wakes everybody who waits for something to happen. The zero value has
// nobody waiting.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // nil while nobody waits
}

// wait is a channel that is closed at the next wake.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
