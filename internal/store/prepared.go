package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxRows is how many rows one statement writes or looks for at most.
	// SQLite finds a parameter in time that grows with its number.
	maxRows = 64
	// maxPrepared bounds the statements that are kept. There are seven sizes
	// of each kind.
	maxPrepared = 256
)

// rowBatch is how many of n rows the next statement takes: a power of two, so
// that few statements do for any number.
func rowBatch(n int) int {
	size := maxRows
	for size > n {
		size /= 2
	}
	return size
}

// rowsKind is a kind of statement on many rows: what comes before the rows'
// parameters and after them, and how many parameters a row has. Parameters
// before the rows are in order, too; after them there is none.
type rowsKind struct {
	head    string // holds as many ? as there are leading parameters
	columns int    // 0: the rows are a plain list of one parameter each
	tail    string
}

// text is the statement for n rows. SQLite's parameters have no names: it would
// look for each of them in a list of all.
func (k rowsKind) text(n int, postgres bool) string {
	var b strings.Builder
	at := 0
	mark := func() string {
		if at++; postgres {
			return "$" + strconv.Itoa(at)
		}
		return "?"
	}
	for i, part := range strings.Split(k.head, "?") {
		if i > 0 {
			b.WriteString(mark())
		}
		b.WriteString(part)
	}
	for row := range n {
		if row > 0 {
			b.WriteByte(',')
		}
		if k.columns == 0 {
			b.WriteString(mark())
			continue
		}
		for column := range k.columns {
			b.WriteByte("(,"[min(column, 1)])
			b.WriteString(mark())
		}
		b.WriteByte(')')
	}
	return b.String() + k.tail
}

// prepared keeps the statements on many rows: their texts, and on SQLite, whose
// writing connection is one and the same, the compiled statements. A statement
// is compiled after the first transaction that would have used it, because
// nothing else can use the connection during one.
type prepared struct {
	mu     sync.Mutex
	texts  map[preparedKey]string
	ready  map[string]*sql.Stmt
	wanted []string
}

type preparedKey struct {
	kind rowsKind
	rows int
}

func (p *prepared) text(kind rowsKind, rows int, postgres bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := preparedKey{kind, rows}
	text, ok := p.texts[key]
	if !ok {
		if p.texts == nil {
			p.texts = map[preparedKey]string{}
		}
		text = kind.text(rows, postgres)
		p.texts[key] = text
	}
	return text
}

// statement is the compiled form of a text, or nil; then it will be there later.
func (p *prepared) statement(text string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.ready[text]
	if st == nil && len(p.ready)+len(p.wanted) < maxPrepared {
		p.wanted = append(p.wanted, text)
	}
	return st
}

// compile prepares the statements that were missed. What cannot be compiled
// goes on without.
func (p *prepared) compile(ctx context.Context, db *sql.DB) {
	p.mu.Lock()
	wanted := p.wanted
	p.wanted = nil
	p.mu.Unlock()
	for _, text := range wanted {
		st, err := db.PrepareContext(ctx, text)
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.ready == nil {
			p.ready = map[string]*sql.Stmt{}
		}
		if old := p.ready[text]; old != nil {
			old.Close()
		}
		p.ready[text] = st
		p.mu.Unlock()
	}
}

func (p *prepared) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, st := range p.ready {
		st.Close()
	}
	p.ready = nil
}

// execRows runs a kind of statement on n rows, in as many statements as it
// takes; row appends the parameters of one row.
func (t *tx) execRows(kind rowsKind, leading []any, n int, row func(args []any, i int) []any) error {
	_, err := t.countRows(kind, leading, n, row)
	return err
}

// countRows is execRows that tells how many rows were changed.
func (t *tx) countRows(kind rowsKind, leading []any, n int, row func(args []any, i int) []any) (changed int64, err error) {
	err = t.eachBatch(leading, n, row, func(size int, args []any) (err error) {
		text, st := t.prepare(kind, size)
		t.store.statements.Add(1)
		var res sql.Result
		if st == nil {
			res, err = t.ExecContext(t.ctx, text, args...)
		} else {
			res, err = t.StmtContext(t.ctx, st).ExecContext(t.ctx, args...)
		}
		if err != nil {
			return err
		}
		some, err := res.RowsAffected()
		changed += some
		return err
	})
	return changed, err
}

// queryRows is execRows for statements that answer: scan is called for every
// row that is found.
func (t *tx) queryRows(kind rowsKind, leading []any, n int, row func(args []any, i int) []any, scan func(scanner) error) error {
	return t.eachBatch(leading, n, row, func(size int, args []any) error {
		text, st := t.prepare(kind, size)
		t.store.statements.Add(1)
		var rows *sql.Rows
		var err error
		if st == nil {
			rows, err = t.QueryContext(t.ctx, text, args...)
		} else {
			rows, err = t.StmtContext(t.ctx, st).QueryContext(t.ctx, args...)
		}
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

func (t *tx) eachBatch(leading []any, n int, row func(args []any, i int) []any, do func(size int, args []any) error) error {
	for from := 0; from < n; {
		size := rowBatch(n - from)
		args := append(make([]any, 0, len(leading)+size*16), leading...)
		for i := range size {
			args = row(args, from+i)
		}
		if err := do(size, args); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// prepare is the text of a statement, and its compiled form if there is one.
// PostgreSQL's driver keeps its own.
func (t *tx) prepare(kind rowsKind, rows int) (string, *sql.Stmt) {
	pg := t.store.pg != nil
	text := t.store.prepared.text(kind, rows, pg)
	if pg {
		return text, nil
	}
	return text, t.store.prepared.statement(text)
}

// often is a statement that runs in nearly every group, compiled once on SQLite.
func (t *tx) often(query string) *sql.Stmt {
	if t.store.pg != nil {
		return nil
	}
	return t.store.prepared.statement(query)
}

// execOften is exec for a statement that runs in nearly every group.
func (t *tx) execOften(query string, args ...any) (int64, error) {
	st := t.often(query)
	if st == nil {
		return t.exec(query, args...)
	}
	t.store.statements.Add(1)
	res, err := t.StmtContext(t.ctx, st).ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// rowOften is row for a statement that runs in nearly every group.
func (t *tx) rowOften(query string, args ...any) *sql.Row {
	st := t.often(query)
	if st == nil {
		return t.row(query, args...)
	}
	t.store.statements.Add(1)
	return t.StmtContext(t.ctx, st).QueryRowContext(t.ctx, args...)
}
