package store

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// A listener that lost its connection tries again after minRelisten, doubled
	// each time up to maxRelisten: nodes are up to date within that time of the
	// server's return.
	minRelisten = 50 * time.Millisecond
	maxRelisten = time.Second
	// pingTime is how long the server may take to show that the listening
	// connection is alive.
	pingTime = 5 * time.Second
)

// listener follows the notices of other processes on a connection of its own,
// which it makes anew when it breaks. Whatever was missed in between is made up
// for by reading: what is there is compared after listening has begun, so that
// no change falls between the two.
type listener struct {
	store *Store
	end   context.CancelFunc
	work  sync.WaitGroup
	tell  chan struct{} // has the announcer look at what is pending; holds one

	mu        sync.Mutex
	conn      *pgx.Conn          // nil while it is away
	good      time.Time          // when the connection was last known to be good
	interrupt context.CancelFunc // ends the wait for a notice, for a ping
	asked     bool               // a ping was asked for
	revision  int64              // the newest that others announced
	announced int64              // the newest that was passed on
	unknown   bool               // the revision has to be read
}

// startListener connects and listens. Nothing is missed of what is committed
// after it returns.
func startListener(ctx context.Context, s *Store) (*listener, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	l := &listener{store: s, end: end, tell: make(chan struct{}, 1)}
	conn, err := l.connect(ctx)
	if err != nil {
		end()
		return nil, err
	}
	l.work.Go(func() { l.run(life, conn) })
	l.work.Go(func() { l.announce(life) })
	return l, nil
}

func (l *listener) stop() {
	l.end()
	l.work.Wait()
}

// run listens until ctx ends.
func (l *listener) run(ctx context.Context, conn *pgx.Conn) {
	for {
		err := l.follow(ctx, conn)
		l.hangUp(conn)
		if ctx.Err() != nil {
			return
		}
		l.store.log.Warn("the connection to PostgreSQL is lost: what is in memory goes on being served", "err", err)
		if conn = l.reconnect(ctx); conn == nil {
			return
		}
		l.store.log.Info("connected to PostgreSQL again")
		l.reread()
		l.store.entered.wake()
		l.store.rescheduled.wake()
		l.store.recorded.wake()
		l.store.streams.tell("", "")
		l.store.membership.wake()
	}
}

// hangUp closes a connection that is not listened on any more.
func (l *listener) hangUp(conn *pgx.Conn) {
	l.mu.Lock()
	l.conn = nil
	l.mu.Unlock()
	hangUp(conn)
}

// reconnect tries until it is connected or ctx ends.
func (l *listener) reconnect(ctx context.Context) *pgx.Conn {
	for wait := minRelisten; ; wait = min(2*wait, maxRelisten) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		if conn, err := l.connect(ctx); err == nil {
			return conn
		}
	}
}

// connect makes a connection that listens.
func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, transactionTime)
	defer cancel()
	conn, err := l.store.pg.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.prepare(ctx, conn); err != nil {
		_ = conn.Close(ctx) // the first error says more
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.good = conn, time.Now()
	return conn, nil
}

func (l *listener) prepare(ctx context.Context, conn *pgx.Conn) error {
	var free bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock_shared($1)", lockUse).Scan(&free); err != nil {
		return err
	}
	if !free {
		return errInTransfer
	}
	_, err := conn.Exec(ctx, "LISTEN "+notices)
	return err
}

// follow takes notices until the connection breaks.
func (l *listener) follow(ctx context.Context, conn *pgx.Conn) error {
	for {
		wait, cancel := context.WithCancel(ctx)
		l.mu.Lock()
		l.interrupt = cancel
		asked := l.asked
		l.mu.Unlock()
		if asked {
			cancel()
		}
		n, err := conn.WaitForNotification(wait)
		interrupted := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			l.take(parseNotice(n.Payload))
		case ctx.Err() != nil:
			return ctx.Err()
		case !interrupted || conn.IsClosed():
			return err
		default:
			if err := l.ping(ctx, conn); err != nil {
				return err
			}
		}
		l.mu.Lock()
		l.good = time.Now()
		l.mu.Unlock()
	}
}

func (l *listener) ping(ctx context.Context, conn *pgx.Conn) error {
	l.mu.Lock()
	l.asked = false
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return fmt.Errorf("the listening connection is dead: %w", err)
	}
	return nil
}

// check has the connection tried, in the background.
func (l *listener) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = true
	if l.interrupt != nil {
		l.interrupt()
	}
}

// take does what a notice asks for. This process has seen to its own.
func (l *listener) take(n notice) {
	switch {
	case n.kind == nodesNotice:
		l.store.membership.wake()
	case n.origin == l.store.pg.origin:
	case n.kind == eventsNotice:
		l.store.entered.wake()
	case n.kind == schedulesNotice:
		l.store.rescheduled.wake()
	case n.kind == withdrawnNotice:
		l.store.withdrawn.announce(context.Background(), n.detail)
	case n.kind == streamNotice:
		l.store.takeStreamNotice(n.detail)
	case n.kind == recordsNotice:
		l.store.recorded.wake()
	case n.kind == changeNotice:
		revision, err := strconv.ParseInt(n.detail, 10, 64)
		l.mu.Lock()
		if err != nil {
			l.unknown = true
		}
		l.revision = max(l.revision, revision)
		l.mu.Unlock()
		l.nudge()
	}
}

// reread has the revision read and announced, when nobody can say what it is.
func (l *listener) reread() {
	l.mu.Lock()
	l.unknown = true
	l.mu.Unlock()
	l.nudge()
}

func (l *listener) nudge() {
	select {
	case l.tell <- struct{}{}:
	default:
	}
}

// announce tells the subscribers of what others changed, until ctx ends. It is
// apart from the listening, which goes on while they load.
func (l *listener) announce(ctx context.Context) {
	for {
		select {
		case <-l.tell:
		case <-ctx.Done():
			return
		}
		revision, fresh := l.pending(ctx)
		if fresh {
			l.store.changes.announce(ctx, picloud.Change{Revision: revision})
		}
	}
}

// pending is the revision to announce, if there is one. When it cannot be
// read, the connection that listens is about to find out too, and asks again.
func (l *listener) pending(ctx context.Context) (revision int64, fresh bool) {
	l.mu.Lock()
	unknown := l.unknown
	l.unknown = false
	l.mu.Unlock()
	if unknown {
		current, err := l.store.revision(ctx)
		if err != nil {
			l.later(ctx)
			return 0, false
		}
		l.mu.Lock()
		l.revision = max(l.revision, current)
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh = unknown || l.revision > l.announced
	l.announced = l.revision
	return l.revision, fresh
}

// later has the revision read after a while.
func (l *listener) later(ctx context.Context) {
	timer := time.NewTimer(maxRelisten)
	defer timer.Stop()
	select {
	case <-timer.C:
		l.reread()
	case <-ctx.Done():
	}
}

// revision reads the revision.
func (s *Store) revision(ctx context.Context) (revision int64, err error) {
	err = s.read(ctx, "read the revision", func(tx *tx) error {
		return tx.row("SELECT value FROM counters WHERE name = 'revision'").Scan(&revision)
	})
	return revision, err
}

// Staleness is how old what this process knows of the database may be: 0 while
// it hears of every change as it is committed, else the time since it last did.
func (s *Store) Staleness() time.Duration {
	if s.listener == nil {
		return 0
	}
	l := s.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		return 0
	}
	return time.Since(l.good)
}
