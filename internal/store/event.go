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

const eventColumns = "e.seq, e.id, e.app_id, e.script_id, e.kind, e.source, e.order_key, e.state, e.due_at, e.claim, e.attempts, e.error, e.entered_at, e.body_kind"

func scanEvent(row scanner) (e picloud.Event, err error) {
	var due, entered int64
	err = row.Scan(&e.Seq, &e.ID, &e.AppID, &e.ScriptID, &e.Trigger, &e.Source, &e.Key, &e.State, &due, &e.Claim, &e.Attempts,
		&e.Error, &entered, &e.Kind, &e.Body, &e.Script)
	e.DueAt, e.EnteredAt = fromMicros(due), fromMicros(entered)
	return e, err
}

// Entered implements [picloud.Events].
func (s *Store) Entered() <-chan struct{} { return s.entered.wait() }

// enter enters the events of a group. One with a key waits behind those of its
// script that have the same; that the app's row is locked makes the look and
// the entering one step.
func (g *groupWriter) enter(events []enteredEvent) error {
	if len(events) == 0 {
		return nil
	}
	last, err := advance(g.tx, "events", int64(len(events)))
	if err != nil {
		return err
	}
	insert, err := g.tx.PrepareContext(g.tx.ctx, `INSERT INTO events (seq, id, app_id, script_id, kind, source, order_key, state, due_at, claim, attempts, error, entered_at, body_kind, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', 0, '', $10, $11, $12)
		ON CONFLICT (id) DO NOTHING`)
	if err != nil {
		return err
	}
	defer insert.Close()
	there, err := g.scriptsOf(events)
	if err != nil {
		return err
	}
	seq := last - int64(len(events))
	for i := range events {
		seq++
		// A script that has been deleted meanwhile gets nothing.
		if !there[events[i].ScriptID] {
			continue
		}
		if err := g.enterOne(insert, seq, &events[i]); err != nil {
			return err
		}
	}
	return g.tx.notify(eventsNotice, "")
}

// enteredEvent is an event with the app that it belongs to.
type enteredEvent struct {
	appID string
	*picloud.NewEvent
}

// scriptsOf tells which of the events' scripts there are, and keeps them from
// being deleted until the events are entered.
func (g *groupWriter) scriptsOf(events []enteredEvent) (map[string]bool, error) {
	there := map[string]bool{}
	for i := range events {
		id := events[i].ScriptID
		if _, known := there[id]; known {
			continue
		}
		var one int64
		err := g.tx.row("SELECT 1 FROM scripts WHERE id = $1"+g.tx.keepRow(), id).Scan(&one)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		there[id] = err == nil
	}
	return there, nil
}

func (g *groupWriter) enterOne(insert *sql.Stmt, seq int64, e *enteredEvent) error {
	state := picloud.EventWaiting
	if e.Key != "" {
		var ahead int64
		err := g.tx.row("SELECT CAST(count(*) AS bigint) FROM events WHERE script_id = $1 AND order_key = $2 AND state <> 'dead'", e.ScriptID, e.Key).Scan(&ahead)
		if err != nil {
			return err
		}
		if ahead > 0 {
			state = picloud.EventBlocked
		}
	}
	due := g.now
	if !e.DueAt.IsZero() {
		due = micros(e.DueAt)
	}
	g.tx.store.statements.Add(1)
	_, err := insert.ExecContext(g.tx.ctx, seq, e.ID, e.appID, e.ScriptID, string(e.Trigger), e.Source, e.Key, string(state), due, g.now, string(e.Kind), notNull(e.Body))
	return err
}

// claimed fails with ErrLost unless the event is the one's who claimed it.
func (g *groupWriter) claimed(s *picloud.Settlement) error {
	var one int64
	err := g.tx.row("SELECT seq FROM events WHERE id = $1 AND claim = $2", s.EventID, s.Claim).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return picloud.ErrLost
	}
	return err
}

// settle writes down what becomes of an event after a run, and tells whether
// that lets an event go on, or at another time.
func (g *groupWriter) settle(s *picloud.Settlement) (wake bool, err error) {
	if !s.RetryAt.IsZero() {
		_, err := g.tx.exec("UPDATE events SET due_at = $1, claim = '', error = $2 WHERE id = $3", micros(s.RetryAt), s.Error, s.EventID)
		return true, err
	}
	var script, key string
	if s.Dead {
		err = g.tx.row("UPDATE events SET state = 'dead', claim = '', error = $1 WHERE id = $2 RETURNING script_id, order_key", s.Error, s.EventID).Scan(&script, &key)
	} else {
		err = g.tx.row("DELETE FROM events WHERE id = $1 RETURNING script_id, order_key", s.EventID).Scan(&script, &key)
	}
	if err != nil || key == "" {
		return false, err
	}
	return true, unblock(g.tx, script, key)
}

// unblock lets the next event with a key go on.
func unblock(tx *tx, scriptID, key string) error {
	_, err := tx.exec(`UPDATE events SET state = 'waiting' WHERE seq = (SELECT min(seq) FROM events WHERE script_id = $1 AND order_key = $2 AND state = 'blocked')
		AND NOT EXISTS (SELECT 1 FROM events h WHERE h.script_id = $1 AND h.order_key = $2 AND h.state = 'waiting')`, scriptID, key)
	return err
}

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
		f := &filter{}
		set := "UPDATE events SET claim = " + f.bind(claim) + ", due_at = " + f.bind(micros(until)) + ", attempts = attempts + 1 WHERE seq IN ("
		f.want("due_at <= ", micros(s.now()))
		f.exceptScripts(except)
		query := set + "SELECT seq FROM events WHERE state = 'waiting' AND " + strings.Join(f.conditions, " AND ") +
			" ORDER BY due_at, seq LIMIT " + f.bind(limit) + tx.skipLocked() + ") RETURNING seq"
		seqs, err := all(tx, func(row scanner) (seq int64, err error) { return seq, row.Scan(&seq) }, query, f.args...)
		if err != nil || len(seqs) == 0 {
			list = nil
			return err
		}
		list, err = eventsBySeq(tx, seqs)
		return err
	})
	return list, err
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

func eventsBySeq(tx *tx, seqs []int64) ([]picloud.Event, error) {
	f := &filter{}
	marks := make([]string, len(seqs))
	for i, seq := range seqs {
		marks[i] = f.bind(seq)
	}
	return all(tx, scanEvent, "SELECT "+eventColumns+", e.body, s.name FROM events e JOIN scripts s ON s.id = e.script_id WHERE e.seq IN ("+
		strings.Join(marks, ", ")+") ORDER BY e.seq", f.args...)
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
		n, err = tx.exec("UPDATE events SET due_at = $1, claim = '' WHERE claim <> '' AND (claim = $2 OR $2 = '')", micros(s.now()), claim)
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

// newEventFilter restricts the events e to what q asks for, but for its page.
func newEventFilter(tx *tx, q picloud.EventQuery) (*filter, error) {
	f, err := newFilter(tx, picloud.RecordQuery{App: q.App, Script: q.Script}, "e")
	if err != nil {
		return nil, err
	}
	f.wantText("e.source = ", q.Source)
	f.wantText("e.state = ", string(q.State))
	return f, nil
}

// ListEvents implements [picloud.Events].
func (s *Store) ListEvents(ctx context.Context, q picloud.EventQuery) (list []picloud.Event, err error) {
	err = s.read(ctx, "list events", func(tx *tx) error {
		f, err := newEventFilter(tx, q)
		if err != nil {
			return err
		}
		tail := f.page(picloud.RecordQuery{Before: q.Before, Limit: q.Limit}, "e.seq")
		list, err = all(tx, scanEvent, "SELECT "+eventColumns+", NULL, s.name FROM events e JOIN scripts s ON s.id = e.script_id"+tail, f.args...)
		return err
	})
	return list, err
}

// CountEvents implements [picloud.Events].
func (s *Store) CountEvents(ctx context.Context, app string) (counts []picloud.EventCount, err error) {
	err = s.read(ctx, "count events", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		counts, err = all(tx, func(row scanner) (c picloud.EventCount, err error) {
			var oldest int64
			err = row.Scan(&c.Script, &c.Source, &c.State, &c.Count, &oldest)
			c.Oldest = fromMicros(oldest)
			return c, err
		}, `SELECT s.name, e.source, e.state, CAST(count(*) AS bigint), min(e.entered_at) FROM events e JOIN scripts s ON s.id = e.script_id
			WHERE e.app_id = $1 GROUP BY s.name, e.source, e.state ORDER BY s.name, e.source, e.state`, a.ID)
		return err
	})
	return counts, err
}

// EventByID implements [picloud.Events].
func (s *Store) EventByID(ctx context.Context, app, id string) (e picloud.Event, err error) {
	err = s.read(ctx, "read an event", func(tx *tx) error {
		e, err = eventByID(tx, app, id)
		return err
	})
	return e, err
}

func eventByID(tx *tx, app, id string) (picloud.Event, error) {
	a, err := appByName(tx, app)
	if err != nil {
		return picloud.Event{}, err
	}
	e, err := scanEvent(tx.row("SELECT "+eventColumns+", e.body, s.name FROM events e JOIN scripts s ON s.id = e.script_id WHERE e.id = $1 AND e.app_id = $2", id, a.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return e, picloud.NotFound("event", id)
	}
	return e, err
}

// onEvents changes the events of an app: it takes its turn with the app's
// commits, and wakes the dispatchers.
func (s *Store) onEvents(ctx context.Context, what, app string, f func(*tx) error) error {
	err := s.write(ctx, what, func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		if _, err := lockApp(tx, a.ID); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		return tx.notify(eventsNotice, "")
	})
	if err == nil {
		s.entered.wake()
	}
	return err
}

// RedriveEvent implements [picloud.Events].
func (s *Store) RedriveEvent(ctx context.Context, app, id string, kind picloud.ValueKind, body []byte) error {
	return s.onEvents(ctx, "redrive an event", app, func(tx *tx) error {
		e, err := eventByID(tx, app, id)
		if err != nil {
			return err
		}
		if e.State != picloud.EventDead {
			return picloud.Errorf(picloud.CodeConflict, "the event is not dead, but %s", e.State)
		}
		if body != nil {
			e.Kind, e.Body = kind, body
		}
		return s.revive(tx, e)
	})
}

// revive has a dead event tried anew. With a key, it goes to its old place, and
// waits if one is on its way.
func (s *Store) revive(tx *tx, e picloud.Event) error {
	state := picloud.EventWaiting
	if e.Key != "" {
		state = picloud.EventBlocked
	}
	_, err := tx.exec("UPDATE events SET state = $1, due_at = $2, attempts = 0, error = '', body_kind = $3, body = $4 WHERE seq = $5",
		string(state), micros(s.now()), string(e.Kind), notNull(e.Body), e.Seq)
	if err != nil || e.Key == "" {
		return err
	}
	return unblock(tx, e.ScriptID, e.Key)
}

// redriveBatch is how many events one transaction redrives or drops at most.
const redriveBatch = 1000

// RedriveEvents implements [picloud.Events].
func (s *Store) RedriveEvents(ctx context.Context, q picloud.EventQuery) (int64, error) {
	q.State = picloud.EventDead
	return s.eachEvent(ctx, "redrive events", q, s.revive)
}

// DropEvents implements [picloud.Events].
func (s *Store) DropEvents(ctx context.Context, q picloud.EventQuery) (int64, error) {
	return s.eachEvent(ctx, "drop events", q, dropEvent)
}

// eachEvent does something to all events that match q and are not being run, a
// batch at a time.
func (s *Store) eachEvent(ctx context.Context, what string, q picloud.EventQuery, do func(*tx, picloud.Event) error) (total int64, err error) {
	for before := int64(0); ; {
		n := 0
		err := s.onEvents(ctx, what, q.App, func(tx *tx) error {
			f, err := newEventFilter(tx, q)
			if err != nil {
				return err
			}
			f.want("e.claim = ", "")
			if before > 0 {
				f.want("e.seq < ", before)
			}
			list, err := all(tx, scanEvent, "SELECT "+eventColumns+", e.body, s.name FROM events e JOIN scripts s ON s.id = e.script_id WHERE "+
				strings.Join(f.conditions, " AND ")+" ORDER BY e.seq DESC LIMIT "+f.bind(redriveBatch), f.args...)
			if err != nil {
				return err
			}
			n = len(list)
			if n > 0 {
				before = list[n-1].Seq
			}
			// Oldest first: of those with a key, the first is the one to go on.
			slices.Reverse(list)
			for _, e := range list {
				if err := do(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		total += int64(n)
		if err != nil || n < redriveBatch {
			return total, err
		}
	}
}

// DropEvent implements [picloud.Events].
func (s *Store) DropEvent(ctx context.Context, app, id string) error {
	return s.onEvents(ctx, "drop an event", app, func(tx *tx) error {
		e, err := eventByID(tx, app, id)
		if err != nil {
			return err
		}
		if e.Claim != "" {
			return picloud.Errorf(picloud.CodeConflict, "the event is being run")
		}
		return dropEvent(tx, e)
	})
}

func dropEvent(tx *tx, e picloud.Event) error {
	if _, err := tx.exec("DELETE FROM events WHERE seq = $1", e.Seq); err != nil || e.Key == "" {
		return err
	}
	return unblock(tx, e.ScriptID, e.Key)
}
