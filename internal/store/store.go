package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/picloud/picloud/internal/picloud"
)

// Config says where a store is and what it is made from. Fields without a
// default are required.
type Config struct {
	// Path is the SQLite file, which is made with its folder when absent, or
	// the postgres:// URL of a PostgreSQL database.
	Path string
	Now  func() time.Time // the clock of created_at and its like
	IDs  *picloud.IDs     // names for new rows
	Log  *slog.Logger     // told when PostgreSQL goes away and comes back; nil is nowhere
	// Quota is how many bytes of keys and values an app may keep; 0 means
	// picloud.DefaultQuotaBytes.
	Quota int64
}

// Store implements the store interfaces of package picloud. It is safe for
// concurrent use. Open makes one.
type Store struct {
	path        string // of the embedded database's file; "" for PostgreSQL
	now         func() time.Time
	ids         *picloud.IDs
	log         *slog.Logger
	writer      *sql.DB   // on SQLite one connection
	reader      *sql.DB   // on SQLite many, which cannot write; on PostgreSQL the writer
	pg          *postgres // nil on SQLite
	listener    *listener // nil on SQLite
	statements  atomic.Int64
	changes     subscribers[picloud.Change]
	entered     signal              // events were entered, by whomever
	withdrawn   subscribers[string] // of the ids of events that are gone while they may be run
	rescheduled signal              // schedules may be due at other times, by whomever
	commits     committer
	streams     streamListeners
	gauges      gaugeClock
	quotas      quotaCache
	dropped     subscribers[[]string] // of contents that have no file any more
	prepared    prepared
	lookup      *sql.Stmt // reads one key
	quota       int64     // bytes that an app may keep
	recorded    signal    // records were entered, by whomever
	membership  signal    // nodes came, went, or got another state
}

var (
	_ picloud.Domains         = (*Store)(nil)
	_ picloud.Accounts        = (*Store)(nil)
	_ picloud.Sessions        = (*Store)(nil)
	_ picloud.Factors         = (*Store)(nil)
	_ picloud.Identities      = (*Store)(nil)
	_ picloud.Apps            = (*Store)(nil)
	_ picloud.Scripts         = (*Store)(nil)
	_ picloud.Snapshots       = (*Store)(nil)
	_ picloud.Records         = (*Store)(nil)
	_ picloud.MetricsReader   = (*Store)(nil)
	_ picloud.QuotaKeeper     = (*Store)(nil)
	_ picloud.Files           = (*Store)(nil)
	_ picloud.Data            = (*Store)(nil)
	_ picloud.Events          = (*Store)(nil)
	_ picloud.Schedules       = (*Store)(nil)
	_ picloud.Streams         = (*Store)(nil)
	_ picloud.Devices         = (*Store)(nil)
	_ picloud.Users           = (*Store)(nil)
	_ picloud.Members         = (*Store)(nil)
	_ picloud.APIKeys         = (*Store)(nil)
	_ picloud.Audits          = (*Store)(nil)
	_ picloud.InstanceOptions = (*Store)(nil)
)

// Open opens the database, making or migrating it as needed, and sees to it
// that there is an app. Several may open the same PostgreSQL database at once.
// A database that a newer PiCloud has changed beyond what this one can work
// with is refused. The store must be closed.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Now == nil || cfg.IDs == nil {
		return nil, errors.New("open store: incomplete configuration")
	}
	s := &Store{now: cfg.Now, ids: cfg.IDs, log: cfg.Log, quota: cmp.Or(cfg.Quota, picloud.DefaultQuotaBytes)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.changes.add(s.quotas.forget)
	open, name := s.openSQLite, cfg.Path
	if isPostgres(cfg.Path) {
		open, name = s.openPostgres, "PostgreSQL" // the URL may hold a password
	}
	if err := open(ctx, cfg.Path); err != nil {
		s.Close()
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	var err error
	if s.lookup, err = s.reader.PrepareContext(ctx, readEntryText); err != nil {
		s.Close()
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	return s, nil
}

func (s *Store) openSQLite(ctx context.Context, path string) (err error) {
	s.path = path
	if s.writer, s.reader, err = openSQLite(path); err != nil {
		return err
	}
	if err := s.migrate(ctx, goose.DialectSQLite3, s.writer); err != nil {
		return err
	}
	return s.ensureApp(ctx)
}

func (s *Store) openPostgres(ctx context.Context, url string) (err error) {
	if s.pg, s.writer, err = openPostgres(ctx, url, s.ids.New()); err != nil {
		return err
	}
	s.reader = s.writer
	if err := s.migratePostgres(ctx); err != nil {
		return err
	}
	if err := s.ensureApp(ctx); err != nil {
		return err
	}
	s.listener, err = startListener(ctx, s)
	return err
}

// Close waits for running statements and closes the database. Closing twice
// is no error.
func (s *Store) Close() error {
	s.commits.work.Wait()
	s.prepared.close()
	if s.lookup != nil {
		s.lookup.Close()
	}
	if s.listener != nil {
		s.listener.stop()
	}
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.pg != nil {
		s.pg.pool.Close()
	}
	return errors.Join(errs...)
}

// Clustered reports whether other processes may work on the same database.
func (s *Store) Clustered() bool { return s.pg != nil }

// Ready reports whether the database answers, for a readiness check.
func (s *Store) Ready(ctx context.Context) error {
	return s.read(ctx, "check the database", func(tx *tx) error {
		var one int64
		return tx.row("SELECT 1").Scan(&one)
	})
}

// Statements is the number of statements run since Open, transactions' begin
// and end included. While it stands still, the database is not used.
func (s *Store) Statements() int64 { return s.statements.Load() }

// tx is a transaction with its context, which counts what it runs.
type tx struct {
	*sql.Tx
	ctx   context.Context
	store *Store
}

// exec runs a statement and tells how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	t.store.statements.Add(1)
	res, err := t.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row runs a query for one row.
func (t *tx) row(query string, args ...any) *sql.Row {
	t.store.statements.Add(1)
	return t.QueryRowContext(t.ctx, query, args...)
}

// scanner is what *sql.Row and *sql.Rows share.
type scanner interface{ Scan(dest ...any) error }

// all runs a query and gathers what scan makes of its rows.
func all[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	t.store.statements.Add(1)
	rows, err := t.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// errRollback makes a transaction that went well be undone.
var errRollback = errors.New("roll back")

// txMode is what a transaction is for.
type txMode bool

const (
	reading txMode = false
	writing txMode = true
)

// read runs f on one consistent state of the database.
func (s *Store) read(ctx context.Context, what string, f func(*tx) error) error {
	return s.transact(ctx, reading, what, f)
}

// write runs f and commits what it did, or nothing of it if it fails. On
// PostgreSQL f may be run again, so that what it leaves in variables must not
// add up.
func (s *Store) write(ctx context.Context, what string, f func(*tx) error) error {
	return s.transact(ctx, writing, what, f)
}

// change is write for what changes the snapshot: it takes its turn, and
// announces the new revision once it is committed.
func (s *Store) change(ctx context.Context, what string, f func(*tx) error) error {
	var revision int64
	err := s.write(ctx, what, func(tx *tx) (err error) {
		if revision, err = advance(tx, "revision", 1); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		return tx.notify(changeNotice, strconv.FormatInt(revision, 10))
	})
	if err == nil {
		s.changes.announce(context.WithoutCancel(ctx), picloud.Change{Revision: revision})
	}
	return err
}

// advance moves a counter on by n and is its new value. Transactions that
// advance the same counter happen one after the other.
func advance(tx *tx, counter string, n int64) (int64, error) {
	var value int64
	err := tx.rowOften("UPDATE counters SET value = value + $1 WHERE name = $2 RETURNING value", n, counter).Scan(&value)
	return value, err
}

// transact runs f in a transaction. Errors for users pass as they are, others
// are wrapped with what was being done.
func (s *Store) transact(ctx context.Context, mode txMode, what string, f func(*tx) error) (err error) {
	if s.pg != nil {
		err = s.transactPostgres(ctx, mode, f)
	} else {
		_, err = s.attempt(ctx, mode, f)
	}
	var mine *picloud.Error
	if err == nil || errors.Is(err, errRollback) || errors.As(err, &mine) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// attempt runs f in a transaction once. committing tells that the error, if
// there is one, is that of the commit.
func (s *Store) attempt(ctx context.Context, mode txMode, f func(*tx) error) (committing bool, err error) {
	db, options := s.begin(mode)
	s.statements.Add(1)
	raw, err := db.BeginTx(ctx, options)
	if err != nil {
		return false, err
	}
	// Harmless after a commit; otherwise, also when f panics, the connection
	// goes back clean.
	defer raw.Rollback()
	if err := f(&tx{Tx: raw, ctx: ctx, store: s}); err != nil {
		return false, err
	}
	s.statements.Add(1)
	return true, raw.Commit()
}

// begin is where and how a transaction of a mode begins. On SQLite the
// connections know it. On PostgreSQL, whose statements would each see a state
// of their own, reading is on one snapshot; writing is not, so that whoever
// waited for the row of counters sees what was done meanwhile.
func (s *Store) begin(mode txMode) (*sql.DB, *sql.TxOptions) {
	switch {
	case mode == writing:
		return s.writer, nil
	case s.pg != nil:
		return s.reader, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return s.reader, nil
}

// micros is how a time is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros reads a stored time.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
