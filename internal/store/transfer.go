package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

var errInTransfer = errors.New("the database is being copied, or servers run on it: the one waits for the other to end")

// Copied tells how much of a table was copied and compared.
type Copied struct {
	Table string
	Rows  int64
}

// Transfer copies everything from one database to another, of which one is
// SQLite and the other PostgreSQL. The target must be new: empty, or as it is
// when a server has just made it. Every row is read back and compared before
// anything is committed. Which tables and columns there are is asked of the
// databases. No server may run on either: on PostgreSQL a lock sees to that, on
// SQLite the caller.
func Transfer(ctx context.Context, from, to Config) (done []Copied, err error) {
	if isPostgres(from.Path) == isPostgres(to.Path) {
		return nil, errors.New("copy between an SQLite database and a PostgreSQL one")
	}
	source, err := openAlone(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openAlone(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("open the target: %w", err)
	}
	defer func() { err = errors.Join(err, target.close()) }()
	tables, err := describe(ctx, source, target)
	if err != nil {
		return nil, err
	}
	if err := checkNew(ctx, target, tables, from); err != nil {
		return nil, err
	}
	return copyTables(ctx, source, target, tables)
}

// solitary is a database that nobody else works on.
type solitary struct {
	db    *sql.DB
	store *Store
}

func openAlone(ctx context.Context, cfg Config) (*solitary, error) {
	if !isPostgres(cfg.Path) {
		s, err := Open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return &solitary{s.writer, s}, nil
	}
	s := &Store{now: cfg.Now, ids: cfg.IDs, log: cfg.Log}
	var err error
	if s.pg, s.writer, err = openPostgres(ctx, cfg.Path, cfg.IDs.New()); err != nil {
		return nil, err
	}
	s.reader = s.writer
	alone := &solitary{stdlib.OpenDB(*s.pg.session.Copy()), s}
	if err := alone.take(ctx); err != nil {
		return nil, errors.Join(err, alone.close())
	}
	return alone, nil
}

// take locks the database against servers, for as long as the connection lives
// that the pool of db keeps, and migrates it.
func (a *solitary) take(ctx context.Context) error {
	a.db.SetMaxIdleConns(2)
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := takeUse(ctx, conn); err != nil {
		return err
	}
	if err := a.store.migratePostgres(ctx); err != nil {
		return err
	}
	return a.store.ensureApp(ctx)
}

// takeUse takes the database for the connection alone. It waits for a moment:
// PostgreSQL frees what a connection held a little after that is closed.
func takeUse(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SET lock_timeout = '2s'"); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lockUse)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "55P03" { // lock_not_available
		return errInTransfer
	}
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "SET lock_timeout = 0")
	return err
}

func (a *solitary) close() error {
	if a.store.pg == nil {
		return a.store.Close()
	}
	return errors.Join(a.db.Close(), a.store.Close())
}

// sqliteFirst is the two with the SQLite one in front.
func sqliteFirst(a, b *solitary) (lite, pg *solitary) {
	if a.store.pg == nil {
		return a, b
	}
	return b, a
}

// column is one of a table, with its type as the migrations write it.
type column struct{ name, kind string }

// relation is a table to be copied.
type relation struct {
	name    string
	columns []column
	needs   []string // the tables that its rows refer to
}

// describe lists the tables, those that are referred to first. Both databases
// must have the same ones.
func describe(ctx context.Context, a, b *solitary) ([]relation, error) {
	lite, pg := sqliteFirst(a, b)
	const ours = " <> 'goose_db_version'"
	names, err := texts(ctx, lite.db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name"+ours+" ORDER BY name")
	if err != nil {
		return nil, err
	}
	theirs, err := texts(ctx, pg.db, `SELECT table_name FROM information_schema.tables
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name`+ours)
	if err != nil {
		return nil, err
	}
	if slices.Sort(theirs); !slices.Equal(names, theirs) {
		return nil, fmt.Errorf("the databases have different tables, %v and %v: start this release of PiCloud on both once", names, theirs)
	}
	var list []relation
	for _, name := range names {
		r := relation{name: name}
		if r.needs, err = texts(ctx, lite.db, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)", name); err != nil {
			return nil, err
		}
		if r.columns, err = columnsOf(ctx, lite.db, name); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return ordered(list)
}

// ordered puts tables after those that they need.
func ordered(list []relation) ([]relation, error) {
	var done []relation
	placed := map[string]bool{}
	for len(done) < len(list) {
		before := len(done)
		for _, r := range list {
			ready := !slices.ContainsFunc(r.needs, func(n string) bool { return n != r.name && !placed[n] })
			if !placed[r.name] && ready {
				placed[r.name] = true
				done = append(done, r)
			}
		}
		if len(done) == before {
			return nil, errors.New("tables refer to each other in a circle")
		}
	}
	return done, nil
}

// texts reads a query with one column.
func texts(ctx context.Context, db *sql.DB, query string, args ...any) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

func columnsOf(ctx context.Context, db *sql.DB, table string) (list []column, err error) {
	rows, err := db.QueryContext(ctx, "SELECT name, lower(type) FROM pragma_table_info($1) ORDER BY cid", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

// checkNew refuses a target that holds more than a server's first start leaves.
func checkNew(ctx context.Context, target *solitary, tables []relation, cfg Config) error {
	dir, err := os.MkdirTemp("", "picloud-new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg.Path = filepath.Join(dir, "picloud.db")
	fresh, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer fresh.Close()
	for _, r := range tables {
		var want, got int64
		query := "SELECT count(*) FROM " + quoted(r.name)
		if err := fresh.writer.QueryRowContext(ctx, query).Scan(&want); err != nil {
			return err
		}
		if err := target.db.QueryRowContext(ctx, query).Scan(&got); err != nil {
			return err
		}
		if got > want {
			return fmt.Errorf("the target is not empty: %s has %d rows; copy into a new database", r.name, got)
		}
	}
	return nil
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// copyTables copies in one transaction, and compares before it commits.
func copyTables(ctx context.Context, source, target *solitary, tables []relation) (done []Copied, err error) {
	options := &sql.TxOptions{}
	if source.store.pg != nil {
		options = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	in, err := source.db.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	defer in.Rollback()
	out, err := target.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer out.Rollback()
	for _, r := range slices.Backward(tables) {
		if _, err := out.ExecContext(ctx, "DELETE FROM "+quoted(r.name)); err != nil {
			return nil, fmt.Errorf("empty %s: %w", r.name, err)
		}
	}
	for _, r := range tables {
		read, err := r.copy(ctx, in, out)
		if err != nil {
			return nil, fmt.Errorf("copy %s: %w", r.name, refused(err))
		}
		written, err := r.sum(ctx, out, nil)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", r.name, err)
		}
		if read != written {
			return nil, fmt.Errorf("%s differs after copying: %d rows were read and %d are there, or their contents differ; nothing was kept",
				r.name, read.rows, written.rows)
		}
		done = append(done, Copied{r.name, read.rows})
	}
	return done, out.Commit()
}

// digest is a table's contents, whatever the order of its rows.
type digest struct {
	rows int64
	sum  [4]uint64
}

// copy writes the rows of in to out, and is their digest.
func (r relation) copy(ctx context.Context, in, out *sql.Tx) (digest, error) {
	marks := make([]string, len(r.columns))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	insert, err := out.PrepareContext(ctx, "INSERT INTO "+quoted(r.name)+" ("+r.list()+") VALUES ("+strings.Join(marks, ", ")+")")
	if err != nil {
		return digest{}, err
	}
	defer insert.Close()
	return r.sum(ctx, in, func(values []any) error {
		_, err := insert.ExecContext(ctx, values...)
		return err
	})
}

func (r relation) list() string {
	names := make([]string, len(r.columns))
	for i, c := range r.columns {
		names[i] = quoted(c.name)
	}
	return strings.Join(names, ", ")
}

// sum reads a table, gives each row to f, which may be nil, and is its digest.
func (r relation) sum(ctx context.Context, tx *sql.Tx, f func([]any) error) (d digest, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+r.list()+" FROM "+quoted(r.name))
	if err != nil {
		return d, err
	}
	defer rows.Close()
	for rows.Next() {
		cells := make([]cell, len(r.columns))
		dest, values := make([]any, len(cells)), make([]any, len(cells))
		for i, c := range r.columns {
			if cells[i], err = newCell(c.kind); err != nil {
				return d, fmt.Errorf("column %s: %w", c.name, err)
			}
			dest[i] = cells[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return d, err
		}
		for i := range cells {
			if values[i], err = cells[i].Value(); err != nil {
				return d, err
			}
		}
		d.add(values)
		if f != nil {
			if err := f(values); err != nil {
				return d, err
			}
		}
	}
	return d, rows.Err()
}

// add takes a row into the digest: the sum of the rows' hashes.
func (d *digest) add(values []any) {
	h := sha256.New()
	for _, v := range values {
		text := fmt.Sprintf("%T ", v)
		switch v := v.(type) {
		case []byte:
			text += string(v)
		default:
			text += fmt.Sprint(v)
		}
		fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	sum := h.Sum(nil)
	for i := range d.sum {
		d.sum[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
	d.rows++
}
