package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

const eventColumns = "e.seq, e.id, e.app_id, e.script_id, e.kind, e.source, e.order_key, e.state, e.due_at, e.claim, e.attempts, e.error, e.entered_at, e.planned_at, e.body_kind"

// urgent is when an event is due that goes before all others: what waits is
// claimed in the order of these times.
const urgent = 0

func scanEvent(row scanner) (e picloud.Event, err error) {
	var due, entered, planned int64
	err = row.Scan(&e.Seq, &e.ID, &e.AppID, &e.ScriptID, &e.Trigger, &e.Source, &e.Key, &e.State, &due, &e.Claim, &e.Attempts,
		&e.Error, &entered, &planned, &e.Kind, &e.Body, &e.Script)
	if due == urgent {
		due = entered
	}
	e.DueAt, e.EnteredAt, e.PlannedAt = fromMicros(due), fromMicros(entered), fromMicros(cmp.Or(planned, entered))
	return e, err
}

// Entered implements [picloud.Events].
func (s *Store) Entered() <-chan struct{} { return s.entered.wait() }

// newEventFilter restricts the events e to what q asks for, but for its page.
func newEventFilter(tx *tx, q picloud.EventQuery) (*filter, error) {
	f, err := newFilter(tx, picloud.RecordQuery{App: q.App}, "e")
	if err != nil {
		return nil, err
	}
	if q.Script != "" {
		l, err := liveScript(tx, q.App, q.Script)
		if err != nil {
			return nil, err
		}
		f.want("e.script_id = ", l.Script.ID)
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
	if err == nil {
		err = countEvents(tx, e.AppID, 1)
	}
	if err == nil && e.Trigger == picloud.TriggerSchedule {
		err = ledger{tx, micros(s.now())}.reopen(e.ID)
	}
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
	_, err := tx.exec("DELETE FROM events WHERE seq = $1", e.Seq)
	if err == nil && e.State != picloud.EventDead {
		err = countEvents(tx, e.AppID, -1)
	}
	if err == nil && e.Trigger == picloud.TriggerSchedule {
		err = ledger{tx, micros(tx.store.now())}.end(e.ID, picloud.RunDropped)
	}
	if err != nil || e.Key == "" {
		return err
	}
	return unblock(tx, e.ScriptID, e.Key)
}

// countEvents keeps the number of an app's events that are not dead, whose row
// the caller has locked.
func countEvents(tx *tx, appID string, n int) error {
	_, err := tx.exec("UPDATE app_data SET events = events + $1 WHERE app_id = $2", n, appID)
	return err
}

// recountEvents finds that number anew.
func recountEvents(tx *tx, appID string) error {
	if _, err := lockApp(tx, appID); err != nil {
		return err
	}
	_, err := tx.exec("UPDATE app_data SET events = ("+countAlive+") WHERE app_id = $1", appID)
	return err
}

// countAlive counts the events of an app that are not dead.
const countAlive = "SELECT CAST(count(*) AS bigint) FROM events WHERE app_id = $1 AND state <> 'dead'"
