package bench

import (
	"database/sql"
	"fmt"
	"net/url"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// rawGroup is how many callers share a commit at most.
const rawGroup = 512

// raw is an engine by itself, used as well as one can through database/sql:
// callers that come while a transaction is under way share the next one, and
// all statements are prepared.
type raw struct {
	work chan rawWork
}

type rawWork struct {
	statement int // which one
	args      []any
	done      chan error
}

// The statements of raw.
const (
	rawAdd = iota
	rawInsert
	rawDelete
)

var rawStatements = [...]string{
	rawAdd:    `INSERT INTO counted (name, n) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET n = counted.n + 1`,
	rawInsert: `INSERT INTO queued (seq, id, body) VALUES ($1, $2, $3)`,
	rawDelete: `DELETE FROM queued WHERE seq = $1`,
}

// openRaw opens a database of its own, with as much care for the disk as ours.
func openRaw(b *testing.B, driver, path string) raw {
	b.Helper()
	if driver == "sqlite" {
		path = "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
	}
	db, err := sql.Open(driver, path)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, text := range []string{
		`CREATE TABLE counted (name text PRIMARY KEY, n bigint NOT NULL)`,
		`CREATE TABLE queued (seq bigint PRIMARY KEY, id text NOT NULL UNIQUE, body bytea NOT NULL)`,
	} {
		if _, err := db.Exec(text); err != nil {
			b.Fatal(err)
		}
	}
	r := raw{work: make(chan rawWork, 4*rawGroup)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.serve(b, db)
	}()
	b.Cleanup(func() {
		close(r.work)
		<-ended
		db.Close()
	})
	return r
}

// serve commits what waits, until the channel is closed.
func (r raw) serve(b *testing.B, db *sql.DB) {
	statements := make([]*sql.Stmt, len(rawStatements))
	for i, text := range rawStatements {
		var err error
		if statements[i], err = db.Prepare(text); err != nil {
			b.Error(err)
			return
		}
	}
	for first := range r.work {
		group := append(make([]rawWork, 0, rawGroup), first)
		for len(group) < rawGroup && len(r.work) > 0 {
			group = append(group, <-r.work)
		}
		err := rawCommit(db, statements, group)
		for _, w := range group {
			w.done <- err
		}
	}
}

func rawCommit(db *sql.DB, statements []*sql.Stmt, group []rawWork) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, w := range group {
		if _, err := tx.Stmt(statements[w.statement]).Exec(w.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (r raw) do(b *testing.B, statement int, args ...any) {
	done := make(chan error, 1)
	r.work <- rawWork{statement, args, done}
	if err := <-done; err != nil {
		b.Error(err)
	}
}

// add adds one to a counter.
func (r raw) add(b *testing.B, name string) { r.do(b, rawAdd, name) }

// pass enters a row, and removes it.
func (r raw) pass(b *testing.B, i int64) {
	r.do(b, rawInsert, i, fmt.Sprintf("%032x", i), []byte(`{"n":1}`))
	r.do(b, rawDelete, i)
}
