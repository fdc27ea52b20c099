package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// claimBytes is how many bytes of bodies one claim takes at most, but for one
// event: so much is in memory at once.
const claimBytes = 16 << 20

// exceptLines is the condition that leaves out lines of events.
func (f *filter) exceptLines(except []picloud.EventLine) {
	var scripts []string
	for _, l := range except {
		if l.Source == "" {
			scripts = append(scripts, f.bind(l.ScriptID))
			continue
		}
		f.conditions = append(f.conditions, "NOT (script_id = "+f.bind(l.ScriptID)+" AND kind = 'message' AND source = "+f.bind(l.Source)+")")
	}
	if len(scripts) > 0 {
		f.conditions = append(f.conditions, "script_id NOT IN ("+strings.Join(scripts, ", ")+")")
	}
}

// ClaimEvents implements [picloud.Events].
func (s *Store) ClaimEvents(ctx context.Context, claim string, until time.Time, limit int, except []picloud.EventLine) (list []picloud.Event, err error) {
	err = s.write(ctx, "claim events", func(tx *tx) error {
		list = nil
		seqs, err := dueEvents(tx, limit, except)
		if err != nil || len(seqs) == 0 {
			return err
		}
		if list, err = claimBySeq(tx, seqs, claim, until); err != nil {
			return err
		}
		return ledger{tx, micros(s.now())}.began(list)
	})
	return list, err
}

// dueEvents are the numbers of events that may be claimed, in their order.
func dueEvents(tx *tx, limit int, except []picloud.EventLine) (seqs []int64, err error) {
	type due struct{ seq, bytes int64 }
	f := &filter{}
	f.want("due_at <= ", micros(tx.store.now()))
	f.exceptLines(except)
	found, err := all(tx, func(row scanner) (d due, err error) { return d, row.Scan(&d.seq, &d.bytes) },
		"SELECT seq, CAST(length(body) AS bigint) FROM events WHERE state = 'waiting' AND "+strings.Join(f.conditions, " AND ")+
			" ORDER BY due_at, seq LIMIT "+f.bind(limit)+tx.skipLocked(), f.args...)
	if err != nil {
		return nil, err
	}
	var total int64
	for _, d := range found {
		if total += d.bytes; total > claimBytes && len(seqs) > 0 {
			break
		}
		seqs = append(seqs, d.seq)
	}
	return seqs, nil
}

var claimEvents = rowsKind{
	head: "UPDATE events SET claim = ?, due_at = ?, attempts = attempts + 1 WHERE seq IN (",
	tail: ") RETURNING " + strings.ReplaceAll(eventColumns, "e.", "") + ", body, ''",
}

// claimBySeq claims events by their numbers.
func claimBySeq(tx *tx, seqs []int64, claim string, until time.Time) (list []picloud.Event, err error) {
	names := map[string]string{}
	err = tx.queryRows(claimEvents, []any{claim, micros(until)}, len(seqs), func(args []any, i int) []any { return append(args, seqs[i]) }, func(row scanner) error {
		e, err := scanEvent(row)
		list = append(list, e)
		names[e.ScriptID] = ""
		return err
	})
	if err != nil {
		return nil, err
	}
	for id := range names {
		var name string
		if err := tx.row("SELECT name FROM scripts WHERE id = $1", id).Scan(&name); err != nil {
			return nil, err
		}
		names[id] = name
	}
	for i := range list {
		list[i].Script = names[list[i].ScriptID]
	}
	slices.SortFunc(list, func(a, b picloud.Event) int { return int(a.Seq - b.Seq) })
	return list, nil
}

// skipLocked has a claim pass over what other nodes are claiming. On SQLite
// there is only one writer.
func (t *tx) skipLocked() string {
	if t.store.pg == nil {
		return ""
	}
	return " FOR UPDATE SKIP LOCKED"
}

// keepRow keeps a row that is read from being deleted before the transaction
// ends. On SQLite nobody else can write.
func (t *tx) keepRow() string {
	if t.store.pg == nil {
		return ""
	}
	return " FOR KEY SHARE"
}

// NextEvent implements [picloud.Events].
func (s *Store) NextEvent(ctx context.Context, except []picloud.EventLine) (due time.Time, ok bool, err error) {
	err = s.read(ctx, "look for the next event", func(tx *tx) error {
		f := &filter{}
		f.exceptLines(except)
		where := " WHERE state = 'waiting'"
		for _, c := range f.conditions {
			where += " AND " + c
		}
		var us int64
		err := tx.row("SELECT due_at FROM events"+where+" ORDER BY due_at LIMIT 1", f.args...).Scan(&us)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		due, ok = fromMicros(us), err == nil
		return err
	})
	return due, ok, err
}

// loseClaims has events be due at $1 whose claim is nobody's any more.
const loseClaims = `UPDATE events SET due_at = $1, claim = '', attempts = CASE WHEN error = '' THEN attempts - 1 ELSE attempts END,
	error = CASE WHEN error = '' THEN '` + picloud.LostRun + `' ELSE error END WHERE state = 'waiting' AND claim <> ''`

// ReleaseEvents implements [picloud.Events].
func (s *Store) ReleaseEvents(ctx context.Context, claim string) (n int64, err error) {
	err = s.write(ctx, "release claimed events", func(tx *tx) error {
		// The claims that have not ended, found by when they do.
		n, err = tx.exec(loseClaims+" AND due_at > $1 AND (claim = $2 OR $2 = '')", micros(s.now()), claim)
		if err != nil || n == 0 {
			return err
		}
		return tx.notify(eventsNotice, "")
	})
	if n > 0 && err == nil {
		s.entered.wake()
	}
	return n, err
}

// returnEvents gives events their old place in the order of what is due.
var returnEvents = rowsKind{
	head: `UPDATE events SET due_at = CASE WHEN error = '' AND planned_at > 0 THEN planned_at ELSE ? END, claim = '', attempts = attempts - 1
		WHERE state = 'waiting' AND claim = ? AND id IN (`,
	tail: ")",
}

// ReturnEvents implements [picloud.Events].
func (s *Store) ReturnEvents(ctx context.Context, claim string, ids []string) error {
	return s.write(ctx, "give back claimed events", func(tx *tx) error {
		err := tx.execRows(returnEvents, []any{micros(s.now()), claim}, len(ids), func(args []any, i int) []any { return append(args, ids[i]) })
		if err == nil {
			err = tx.execRows(notBegun, nil, len(ids), func(args []any, i int) []any { return append(args, ids[i]) })
		}
		if err != nil {
			return err
		}
		return tx.notify(eventsNotice, "") // for the others: who gives back knows
	})
}
