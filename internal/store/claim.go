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

// exceptScripts is the condition that leaves out scripts.
func (f *filter) exceptScripts(except []string) {
	if len(except) == 0 {
		return
	}
	marks := make([]string, len(except))
	for i, id := range except {
		marks[i] = f.bind(id)
	}
	f.conditions = append(f.conditions, "script_id NOT IN ("+strings.Join(marks, ", ")+")")
}

// ClaimEvents implements [picloud.Events].
func (s *Store) ClaimEvents(ctx context.Context, claim string, until time.Time, limit int, except []string) (list []picloud.Event, err error) {
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
func dueEvents(tx *tx, limit int, except []string) (seqs []int64, err error) {
	type due struct{ seq, bytes int64 }
	f := &filter{}
	f.want("due_at <= ", micros(tx.store.now()))
	f.exceptScripts(except)
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
func (s *Store) NextEvent(ctx context.Context, except []string) (due time.Time, ok bool, err error) {
	err = s.read(ctx, "look for the next event", func(tx *tx) error {
		f := &filter{}
		f.exceptScripts(except)
		where := " WHERE state = 'waiting'"
		if len(f.conditions) > 0 {
			where += " AND " + f.conditions[0]
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

// ReleaseEvents implements [picloud.Events].
func (s *Store) ReleaseEvents(ctx context.Context, claim string) (n int64, err error) {
	err = s.write(ctx, "release claimed events", func(tx *tx) error {
		n, err = tx.exec("UPDATE events SET due_at = $1, claim = '' WHERE state = 'waiting' AND due_at > $1 AND claim <> '' AND (claim = $2 OR $2 = '')", micros(s.now()), claim)
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

// ReturnEvents implements [picloud.Events].
func (s *Store) ReturnEvents(ctx context.Context, claim string, seqs []int64) error {
	back := rowsKind{head: "UPDATE events SET due_at = ?, claim = '', attempts = attempts - 1 WHERE state = 'waiting' AND claim = ? AND seq IN (", tail: ")"}
	err := s.write(ctx, "give back claimed events", func(tx *tx) error {
		err := tx.execRows(back, []any{micros(s.now()), claim}, len(seqs), func(args []any, i int) []any { return append(args, seqs[i]) })
		if err != nil {
			return err
		}
		return tx.notify(eventsNotice, "")
	})
	if err == nil {
		s.entered.wake()
	}
	return err
}
