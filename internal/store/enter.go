package store

import (
	"cmp"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

// orderKey is what events of a script share that are run one after the other.
type orderKey struct{ scriptID, key string }

// heldEvent is an event that a commit of the group settles.
type heldEvent struct {
	seq     int64
	claim   string
	order   orderKey
	trigger picloud.Trigger
}

var (
	lookEvents   = rowsKind{head: "SELECT id, seq, claim, script_id, order_key, kind FROM events WHERE id IN (", tail: ")"}
	deleteEvents = rowsKind{head: "DELETE FROM events WHERE seq IN (", tail: ")"}
	insertEvents = rowsKind{head: `INSERT INTO events (seq, id, app_id, script_id, kind, source, order_key, state, due_at, claim, attempts, error,
		entered_at, planned_at, body_kind, body) VALUES `, columns: 16, tail: " ON CONFLICT (id) DO NOTHING"}
	// That a key is not empty is said again, so that SQLite finds the index
	// that has only those.
	lookOrder = rowsKind{head: "SELECT DISTINCT order_key FROM events WHERE state <> 'dead' AND order_key <> '' AND script_id = ? AND order_key IN (", tail: ")"}
)

// lookEvents reads the events that the group's commits settle.
func (g *groupWriter) lookEvents(group []*pendingCommit) error {
	var ids []string
	for _, p := range group {
		for i := range p.Settle {
			ids = append(ids, p.Settle[i].EventID)
		}
	}
	return g.tx.queryRows(lookEvents, nil, len(ids), func(args []any, i int) []any { return append(args, ids[i]) }, func(row scanner) error {
		var id string
		var h heldEvent
		err := row.Scan(&id, &h.seq, &h.claim, &h.order.scriptID, &h.order.key, &h.trigger)
		g.events[id] = h
		return err
	})
}

// holds reports whether an event is the one's who settles it.
func (g *groupWriter) holds(s *picloud.Settlement) bool {
	h, ok := g.events[s.EventID]
	return ok && h.claim == s.Claim
}

// settle takes down what becomes of an event after a run, and tells whether
// that lets an event go on, or at another time.
func (g *groupWriter) settle(s *picloud.Settlement, record *picloud.Record) (wake bool, err error) {
	h := g.events[s.EventID]
	delete(g.events, s.EventID)
	if h.trigger == picloud.TriggerSchedule {
		if err := (ledger{g.tx, g.now}).settled(s, record); err != nil {
			return false, err
		}
	}
	switch {
	case !s.RetryAt.IsZero():
		_, err := g.tx.exec("UPDATE events SET due_at = $1, claim = '', error = $2 WHERE seq = $3", micros(s.RetryAt), s.Error, h.seq)
		return true, err
	case s.Dead:
		_, err = g.tx.exec("UPDATE events SET state = 'dead', claim = '', error = $1 WHERE seq = $2", s.Error, h.seq)
	default:
		g.gone = append(g.gone, h.seq)
	}
	if h.order.key == "" {
		return false, err
	}
	g.free[h.order] = true
	return true, err
}

// writeEvents removes the events that are done with, and lets those go on that
// waited for them.
func (g *groupWriter) writeEvents() error {
	err := g.tx.execRows(deleteEvents, nil, len(g.gone), func(args []any, i int) []any { return append(args, g.gone[i]) })
	if err != nil {
		return err
	}
	order := slices.SortedFunc(maps.Keys(g.free), func(a, b orderKey) int {
		return cmp.Or(cmp.Compare(a.scriptID, b.scriptID), cmp.Compare(a.key, b.key))
	})
	for _, o := range order {
		if err := unblock(g.tx, o.scriptID, o.key); err != nil {
			return err
		}
	}
	return nil
}

// unblock lets the next event with a key go on.
func unblock(tx *tx, scriptID, key string) error {
	_, err := tx.exec(`UPDATE events SET state = 'waiting' WHERE seq = (SELECT min(seq) FROM events WHERE script_id = $1 AND order_key = $2 AND order_key <> '' AND state = 'blocked')
		AND NOT EXISTS (SELECT 1 FROM events h WHERE h.script_id = $1 AND h.order_key = $2 AND h.order_key <> '' AND h.state = 'waiting')`, scriptID, key)
	return err
}

// enteredEvent is an event with the app that it belongs to.
type enteredEvent struct {
	appID string
	*picloud.NewEvent
}

// enter enters the events of a group. One with a key waits behind those of its
// script that have the same; that the app's row is locked makes the look and
// the entering one step. One that is to be run at once by whoever enters it is
// claimed on the way.
func (g *groupWriter) enter(events []enteredEvent) error {
	if len(events) == 0 {
		return nil
	}
	last, err := advance(g.tx, "events", int64(len(events)))
	if err != nil {
		return err
	}
	there, err := g.scriptsOf(events)
	if err != nil {
		return err
	}
	ahead, err := g.ahead(events)
	if err != nil {
		return err
	}
	entered, open := make([]newEvent, 0, len(events)), false
	for i := range events {
		e := &events[i]
		e.Seq, e.Held = 0, false
		// A script that has been deleted meanwhile gets nothing.
		if !there[e.ScriptID] {
			continue
		}
		n := g.newEvent(e, last-int64(len(events))+int64(i)+1, ahead)
		open = open || !e.Held
		entered = append(entered, n)
	}
	added, err := g.tx.countRows(insertEvents, nil, len(entered), func(args []any, i int) []any { return entered[i].append(args) })
	if err == nil {
		err = g.countEntered(entered, added)
	}
	if err != nil {
		return err
	}
	if !open {
		return nil // nobody has to be told
	}
	return g.tx.notify(eventsNotice, "")
}

// countEntered keeps the numbers of the apps' events. When some were there
// already, it is not known whose: they are counted anew.
func (g *groupWriter) countEntered(entered []newEvent, added int64) error {
	for _, a := range g.apps {
		a.entering = 0
	}
	if added == int64(len(entered)) {
		for i := range entered {
			g.apps[entered[i].appID].events++
		}
		return nil
	}
	for id, a := range g.apps {
		if err := g.tx.row(countAlive, id).Scan(&a.events); err != nil {
			return err
		}
	}
	return nil
}

// newEvent is an event as it is entered.
type newEvent struct {
	enteredEvent
	state        picloud.EventState
	due, planned int64
	now          int64
	claim        string
	attempts     int
}

// newEvent says how an event is entered. ahead are the keys that have events on
// their way.
func (g *groupWriter) newEvent(e *enteredEvent, seq int64, ahead map[orderKey]bool) newEvent {
	n := newEvent{enteredEvent: *e, state: picloud.EventWaiting, planned: g.now, now: g.now}
	if !e.DueAt.IsZero() {
		n.planned = micros(e.DueAt)
	}
	n.due = n.planned
	if !e.Planned.IsZero() {
		n.planned = micros(e.Planned)
	}
	if e.Urgent {
		n.due = urgent
	}
	if e.Key != "" {
		o := orderKey{e.ScriptID, e.Key}
		if ahead[o] {
			n.state = picloud.EventBlocked
		}
		ahead[o] = true
	}
	if e.Claim != "" && n.state == picloud.EventWaiting && n.due <= g.now {
		n.claim, n.due, n.attempts = e.Claim, micros(e.Until), 1
		e.Held = true
	}
	e.Seq = seq
	return n
}

func (n *newEvent) append(args []any) []any {
	return append(args, n.Seq, n.ID, n.appID, n.ScriptID, string(n.Trigger), n.Source, n.Key, string(n.state), n.due, n.claim, n.attempts, "",
		n.now, n.planned, string(n.Kind), notNull(n.Body))
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
		err := g.tx.rowOften("SELECT 1 FROM scripts WHERE id = $1"+g.tx.keepRow(), id).Scan(&one)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		there[id] = err == nil
	}
	return there, nil
}

// ahead tells which of the events' keys have events on their way.
func (g *groupWriter) ahead(events []enteredEvent) (map[orderKey]bool, error) {
	ahead, keys := map[orderKey]bool{}, map[string][]string{}
	for i := range events {
		o := orderKey{events[i].ScriptID, events[i].Key}
		if _, known := ahead[o]; o.key != "" && !known {
			ahead[o] = false
			keys[o.scriptID] = append(keys[o.scriptID], o.key)
		}
	}
	for scriptID, list := range keys {
		err := g.tx.queryRows(lookOrder, []any{scriptID}, len(list), func(args []any, i int) []any { return append(args, list[i]) }, func(row scanner) error {
			o := orderKey{scriptID: scriptID}
			err := row.Scan(&o.key)
			ahead[o] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return ahead, nil
}
