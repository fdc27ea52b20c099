package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

// InvocationByID implements [picloud.Records].
func (s *Store) InvocationByID(ctx context.Context, app, id string) (v picloud.Invocation, err error) {
	err = s.read(ctx, "read an invocation", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		v, err = scanInvocation(tx.row("SELECT seq, "+invocationColumns+" FROM invocations WHERE id = $1 AND app_id = $2", id, a.ID))
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		packed, err := tx.packedByID("app_id = ", a.ID, id)
		if err != nil {
			return err
		}
		if packed == nil {
			return picloud.NotFound("invocation", id)
		}
		v = *packed
		return nil
	})
	return v, err
}

// ListInvocations implements [picloud.Records].
func (s *Store) ListInvocations(ctx context.Context, q picloud.RecordQuery) (list []picloud.Invocation, err error) {
	err = s.read(ctx, "list invocations", func(tx *tx) error {
		f, err := newFilter(tx, q, "i")
		if err != nil {
			return err
		}
		owner, ownerID := strings.TrimPrefix(f.owner, "i."), f.args[0]
		f.wantText("i.id = ", q.Invocation)
		f.wantText("i.status = ", string(q.Status))
		if !q.Since.IsZero() {
			f.want("i.started_at >= ", micros(q.Since))
		}
		tail := f.page(q, "i.seq")
		list, err = all(tx, scanInvocation, "SELECT seq, "+invocationColumns+" FROM invocations i"+tail, f.args...)
		if err != nil || q.Status != "" && q.Status != picloud.StatusOK {
			return err // what is packed went well
		}
		packed, err := tx.packed(q, owner, ownerID)
		if len(packed) > 0 {
			list = mergeInvocations(q, list, packed)
			list = list[:min(len(list), pageSize(q.Limit))]
		}
		return err
	})
	return list, err
}

// ListLogs implements [picloud.Records].
func (s *Store) ListLogs(ctx context.Context, q picloud.RecordQuery) (list []picloud.LogLine, err error) {
	err = s.read(ctx, "list logs", func(tx *tx) error {
		f, err := newFilter(tx, q, "l")
		if err != nil {
			return err
		}
		f.wantText("i.id = ", q.Invocation)
		if q.MinLevel != "" {
			f.want("l.level >= ", weight(q.MinLevel))
		}
		if !q.Since.IsZero() {
			f.want("l.at >= ", micros(q.Since))
		}
		tail := f.page(q, "l.seq")
		list, err = all(tx, scanLog, `SELECT l.seq, i.id, i.script, i.version, l.at, l.level, l.line, l.message
			FROM logs l JOIN invocations i ON i.seq = l.invocation_seq`+tail, f.args...)
		return err
	})
	return list, err
}

// filter puts together the conditions of a query and their arguments.
type filter struct {
	conditions []string
	args       []any
	owner      string // the comparison of newFilter, with its first argument
}

// newFilter restricts the table with this alias to the app and script of q.
func newFilter(tx *tx, q picloud.RecordQuery, alias string) (*filter, error) {
	f := &filter{}
	if q.Script != "" {
		l, err := liveScript(tx, q.App, q.Script)
		if err != nil {
			return nil, err
		}
		f.owner = alias + ".script_id = "
		f.want(f.owner, l.Script.ID)
		return f, nil
	}
	a, err := appByName(tx, q.App)
	if err != nil {
		return nil, err
	}
	f.owner = alias + ".app_id = "
	f.want(f.owner, a.ID)
	return f, nil
}

// want adds a condition that ends in a comparison with an argument.
func (f *filter) want(condition string, arg any) {
	f.conditions = append(f.conditions, condition+f.bind(arg))
}

// wantText is want for a text that restricts unless it is empty.
func (f *filter) wantText(condition, arg string) {
	if arg != "" {
		f.want(condition, arg)
	}
}

// bind adds an argument and is its placeholder.
func (f *filter) bind(arg any) string {
	f.args = append(f.args, arg)
	return "$" + strconv.Itoa(len(f.args))
}

// page is the end of the query: its conditions, with those of the page, its
// order and limit.
func (f *filter) page(q picloud.RecordQuery, seq string) string {
	order := seq + " DESC"
	if q.Ascending {
		order = seq
		f.want(seq+" > ", q.After)
	} else if q.Before > 0 {
		f.want(seq+" < ", q.Before)
	}
	return " WHERE " + f.where() + " ORDER BY " + order + " LIMIT " + f.bind(pageSize(q.Limit))
}

// where is the conditions.
func (f *filter) where() string { return strings.Join(f.conditions, " AND ") }
