package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Config says where a store is and what it is made from. All fields are
// required.
type Config struct {
	Path string           // the SQLite file; it and its folder are made when absent
	Now  func() time.Time // the clock of created_at and its like
	IDs  *picloud.IDs     // names for new rows
}

// Store implements the store interfaces of package picloud. It is safe for
// concurrent use. Open makes one.
type Store struct {
	now        func() time.Time
	ids        *picloud.IDs
	writer     *sql.DB // one connection
	reader     *sql.DB // many, which cannot write
	statements atomic.Int64
	changes    subscribers
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
	_ picloud.Users           = (*Store)(nil)
	_ picloud.Members         = (*Store)(nil)
	_ picloud.APIKeys         = (*Store)(nil)
	_ picloud.Audits          = (*Store)(nil)
	_ picloud.InstanceOptions = (*Store)(nil)
)

// Open opens the database, making or migrating it as needed, and sees to it
// that there is an app. A database of a newer PiCloud is refused. The store
// must be closed.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Now == nil || cfg.IDs == nil {
		return nil, errors.New("open store: incomplete configuration")
	}
	writer, reader, err := openSQLite(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", cfg.Path, err)
	}
	s := &Store{now: cfg.Now, ids: cfg.IDs, writer: writer, reader: reader}
	if err := s.prepare(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open database %s: %w", cfg.Path, err)
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	return s.ensureApp(ctx)
}

// Close waits for running statements and closes the database. Closing twice
// is no error.
func (s *Store) Close() error {
	return errors.Join(s.reader.Close(), s.writer.Close())
}

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
	count *atomic.Int64
}

// exec runs a statement and tells how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	t.count.Add(1)
	res, err := t.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row runs a query for one row.
func (t *tx) row(query string, args ...any) *sql.Row {
	t.count.Add(1)
	return t.QueryRowContext(t.ctx, query, args...)
}

// scanner is what *sql.Row and *sql.Rows share.
type scanner interface{ Scan(dest ...any) error }

// all runs a query and gathers what scan makes of its rows.
func all[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	t.count.Add(1)
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

// read runs f on one consistent state of the database.
func (s *Store) read(ctx context.Context, what string, f func(*tx) error) error {
	return s.transact(ctx, s.reader, what, f)
}

// write runs f and commits what it did, or nothing of it if it fails.
func (s *Store) write(ctx context.Context, what string, f func(*tx) error) error {
	return s.transact(ctx, s.writer, what, f)
}

// change is write for what changes the snapshot: it takes its turn, and
// announces the new revision once it is committed.
func (s *Store) change(ctx context.Context, what string, f func(*tx) error) error {
	var revision int64
	err := s.write(ctx, what, func(tx *tx) (err error) {
		if revision, err = advance(tx, "revision", 1); err != nil {
			return err
		}
		return f(tx)
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
	err := tx.row("UPDATE counters SET value = value + $1 WHERE name = $2 RETURNING value", n, counter).Scan(&value)
	return value, err
}

// transact runs f in a transaction of db. Errors for users pass as they are,
// others are wrapped with what was being done.
func (s *Store) transact(ctx context.Context, db *sql.DB, what string, f func(*tx) error) error {
	err := s.attempt(ctx, db, f)
	var mine *picloud.Error
	if err == nil || errors.Is(err, errRollback) || errors.As(err, &mine) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (s *Store) attempt(ctx context.Context, db *sql.DB, f func(*tx) error) error {
	s.statements.Add(1)
	raw, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// Harmless after a commit; otherwise, also when f panics, the connection
	// goes back clean.
	defer raw.Rollback()
	if err := f(&tx{Tx: raw, ctx: ctx, count: &s.statements}); err != nil {
		return err
	}
	s.statements.Add(1)
	return raw.Commit()
}

// micros is how a time is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros reads a stored time.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
