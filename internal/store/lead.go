package store

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Lead does a duty that one process at a time is to do: it runs f whenever this
// process leads, until ctx ends. f's context ends when the process does not
// lead any more, for it has lost its connection; f then returns, and the next
// one in line is already leading. On SQLite there is one process, which leads.
//
// Leading is holding an advisory lock on a connection of its own. Who waits for
// it is woken by PostgreSQL as soon as the leader's connection ends: nothing
// polls, and a leader that is killed is followed at once. The connection of one
// that is cut off is ended by the server after half a minute.
func (s *Store) Lead(ctx context.Context, duty string, f func(context.Context)) {
	if s.pg == nil {
		f(ctx)
		return
	}
	for wait := minRelisten; ctx.Err() == nil; wait = min(2*wait, maxRelisten) {
		conn, err := s.candidate(ctx, duty)
		if err == nil {
			wait = minRelisten
			s.lead(ctx, conn, f)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// keepalives have the server notice a client that is gone without a word, and
// let go of its lock.
var keepalives = map[string]string{
	"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3", "tcp_user_timeout": "25000",
}

// candidate waits until this process leads, and is the connection that holds
// the lock.
func (s *Store) candidate(ctx context.Context, duty string) (*pgx.Conn, error) {
	cfg := s.pg.session.Copy()
	for name, value := range keepalives {
		if cfg.RuntimeParams[name] == "" {
			cfg.RuntimeParams[name] = value
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	h := fnv.New32a()
	h.Write([]byte(duty))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockDuty+int64(h.Sum32())); err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

// lead runs f until ctx or the connection ends.
func (s *Store) lead(ctx context.Context, conn *pgx.Conn, f func(context.Context)) {
	defer hangUp(conn)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel() // also when f returns early: then somebody else may lead
		f(ctx)
	}()
	for ctx.Err() == nil {
		// Nothing is listened to: it returns when the connection breaks.
		if _, err := conn.WaitForNotification(ctx); err != nil {
			cancel()
		}
	}
	<-done
}

// hangUp closes a connection that may be broken.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// alone runs f unless another process is at it, under one of the locks.
func (s *Store) alone(ctx context.Context, lock int64, f func() error) error {
	if s.pg == nil {
		return f()
	}
	conn, err := s.pg.pool.Acquire(ctx)
	if err != nil {
		return unavailable(err)
	}
	defer conn.Release()
	var free bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lock).Scan(&free); err != nil {
		return unavailable(err)
	}
	if !free {
		return nil
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTime)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", lock); err != nil {
			_ = conn.Conn().Close(ctx) // the lock ends with its session
		}
	}()
	return f()
}
