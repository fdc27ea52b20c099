package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// poolSize is how many connections a process keeps at most, besides the
	// listening one and one that waits to lead. PostgreSQL allows 100 where
	// nobody says otherwise: enough for six processes of 14 and an
	// administrator. More would not be faster: a server with few cores runs
	// few transactions at a time. The URL's pool_max_conns goes before it.
	poolSize = 12
	// poolIdle is after how long a connection that is not needed is closed.
	poolIdle = 5 * time.Minute
	// connectTime bounds connecting, where the URL has no connect_timeout.
	connectTime = 5 * time.Second
	// transactionTime bounds a whole transaction, waiting for a connection
	// included: a server that is gone without a word would not answer for a
	// quarter of an hour.
	transactionTime = 30 * time.Second
	// maxTries is how often a transaction is run that others got in the way of.
	maxTries = 8
)

// sessionSettings are what every pooled connection asks of the server, unless
// the URL says otherwise. The last one lets go of the locks of a process that
// was stopped in the middle of a transaction.
var sessionSettings = map[string]string{
	"application_name":                    "picloud",
	"statement_timeout":                   "30000",
	"lock_timeout":                        "15000",
	"idle_in_transaction_session_timeout": "15000",
}

// isPostgres reports whether a path is the URL of a PostgreSQL database.
func isPostgres(path string) bool {
	return strings.HasPrefix(path, "postgres://") || strings.HasPrefix(path, "postgresql://")
}

// postgres is what a store has on PostgreSQL and not on SQLite.
type postgres struct {
	pool    *pgxpool.Pool
	session *pgx.ConnConfig // for connections beside the pool, without timeouts
	origin  string          // names this process in what it notifies of
}

// openPostgres makes the pool. Nothing is connected yet.
func openPostgres(ctx context.Context, rawURL, origin string) (*postgres, *sql.DB, error) {
	cfg, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		return nil, nil, err // the password in it is masked
	}
	if !strings.Contains(rawURL, "pool_max_conns=") {
		cfg.MaxConns = poolSize
	}
	cfg.MaxConnIdleTime = poolIdle
	conn := cfg.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTime
	}
	// A connection on which nothing is said is found dead within half a minute.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	conn.DialFunc = dialer.DialContext
	session := conn.Copy()
	if session.RuntimeParams["application_name"] == "" {
		session.RuntimeParams["application_name"] = sessionSettings["application_name"]
	}
	for name, value := range sessionSettings {
		if conn.RuntimeParams[name] == "" {
			conn.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	return &postgres{pool: pool, session: session, origin: origin}, stdlib.OpenDBFromPool(pool), nil
}

// transactPostgres runs f in a transaction, again when others got in its way
// or its connection turned out to be dead.
func (s *Store) transactPostgres(ctx context.Context, mode txMode, f func(*tx) error) error {
	bounded, cancel := context.WithTimeout(ctx, transactionTime)
	defer cancel()
	reconnected := false
	for try := 1; ; try++ {
		committing, err := s.attempt(bounded, mode, f)
		switch {
		case err == nil, errors.Is(err, errRollback), ctx.Err() != nil:
			return err
		case inTheWay(err) && try < maxTries:
			if pause(bounded, try) != nil {
				return unavailable(err)
			}
		case lost(err) && !committing && !reconnected:
			// After a restart of the server every idle connection is dead.
			reconnected = true
			s.pg.pool.Reset()
		case lost(err) && committing:
			// It may have been committed: whoever listens is told of it then.
			if s.listener != nil {
				s.listener.reread()
			}
			return unavailable(err)
		case away(err) || inTheWay(err) || bounded.Err() != nil:
			return unavailable(err)
		default:
			return refused(err)
		}
	}
}

// pause waits a little before a transaction is tried again, not as long as all
// the others that were in the way.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(time.Duration(try) * 5 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unavailable is the answer while the database is away.
func unavailable(err error) error {
	return &picloud.Error{Code: picloud.CodeUnavailable, Message: "the database is away, try again", RetryAfter: 2 * time.Second, Err: err}
}

// refused makes the error for the one thing that PostgreSQL refuses and SQLite
// does not.
func refused(err error) error {
	if sqlState(err) == "22021" {
		return &picloud.Error{Code: picloud.CodeInvalid, Message: "a text holds a zero byte or is not UTF-8, which PostgreSQL cannot keep", Err: err}
	}
	return err
}

// sqlState is the code of an error that PostgreSQL itself tells, or "".
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// inTheWay reports whether a transaction failed for the sake of another one,
// and may go well when it is run again: a serialization failure or a deadlock.
func inTheWay(err error) bool {
	state := sqlState(err)
	return state == "40001" || state == "40P01"
}

// lost reports whether the connection broke, or could not be made.
func lost(err error) bool {
	switch state := sqlState(err); {
	case state == "57P01", state == "57P02", state == "57P05": // the server stops, crashed, or ended an idle session
		return true
	case state != "":
		return strings.HasPrefix(state, "08")
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || pgconn.SafeToRetry(err)
}

// away reports whether the database cannot do its work now, through no fault
// of what it was asked.
func away(err error) bool {
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "53"), // no memory, no disk, no connections left
		state == "57P03",                   // it starts or stops
		state == "57014", state == "55P03", // it took too long, or waited too long for a lock
		state == "25006", // this is a standby
		state == "25P03": // a transaction was idle for too long
		return true
	}
	return lost(err)
}

// connect opens a connection beside the pool, for a session that lasts.
func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, p.session.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}
