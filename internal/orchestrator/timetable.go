package orchestrator

import (
	"context"
	"slices"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// fireBatch is how many schedules are fired in one transaction at most.
const fireBatch = 64

// timetable has schedules fire when they are due. It belongs to the loop of a
// dispatcher, and knows when the next one is, so that between two of them the
// store is not asked.
type timetable struct {
	o       *Orchestrator
	seen    *table          // what was live when it looked
	changed <-chan struct{} // closed when schedules have changed since
	due     time.Time       // of the next; zero for none
}

// fire enters the events of what is due.
func (tt *timetable) fire(ctx context.Context, t *table) error {
	if tt.stale(t) {
		// First, so that nothing falls between.
		tt.changed = tt.o.cfg.Store.Rescheduled()
		if err := tt.look(ctx); err != nil {
			return err
		}
		tt.seen = t
	}
	for !tt.due.IsZero() && !tt.due.After(tt.o.cfg.Now()) && ctx.Err() == nil {
		if _, err := tt.o.cfg.Store.FireSchedules(ctx, fireBatch); err != nil {
			return err
		}
		if err := tt.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stale reports whether schedules may have changed: by a deploy, or by somebody
// who paused or resumed one.
func (tt *timetable) stale(t *table) bool {
	if tt.seen != t || tt.changed == nil {
		return true
	}
	select {
	case <-tt.changed:
		return true
	default:
		return false
	}
}

// look asks when the next schedule is due.
func (tt *timetable) look(ctx context.Context) error {
	due, ok, err := tt.o.cfg.Store.NextSchedule(ctx)
	if err != nil {
		tt.seen = nil
		return err
	}
	if tt.due = due; !ok {
		tt.due = time.Time{}
	}
	return nil
}

// rewind plans anew what a clock had planned that has been set back.
func (tt *timetable) rewind(ctx context.Context) error {
	n, err := tt.o.cfg.Store.RewindSchedules(ctx)
	if err != nil {
		return err
	}
	tt.seen = nil
	if n > 0 {
		tt.o.cfg.Log.WarnContext(ctx, "the clock was set back: schedules are planned anew", "schedules", n)
	}
	return nil
}

// jump is by how much the clock has been set since it was read last; negative
// for back. It compares it with the one that nobody can set.
type jump struct {
	wall time.Time
	mono time.Time
}

// since reads the clocks anew.
func (j *jump) since(wall, mono time.Time) time.Duration {
	before := *j
	j.wall, j.mono = wall.Round(0), mono
	if before.mono.IsZero() {
		return 0
	}
	return j.wall.Sub(before.wall) - mono.Sub(before.mono)
}

// sooner is the earlier of two times, of which the zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// withdrawn ends the run of an event that is gone.
func (d *dispatcher) withdraw(eventID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if end := d.ends[eventID]; end != nil {
		(*end)(errWithdrawn)
	}
	for _, l := range d.lines {
		l.waiting = slices.DeleteFunc(l.waiting, func(e picloud.Event) bool { return e.ID == eventID })
	}
}

// errWithdrawn is why a run is ended whose event is gone.
var errWithdrawn = picloud.Errorf(picloud.CodeCanceled, "the event was withdrawn while it was run")

// recordLost records a run that was ended because its event is gone. One that
// another node has taken over is that one's to record.
func (o *Orchestrator) recordLost(ctx context.Context, t *target, e picloud.Event, started time.Time, out *picloud.Outcome) {
	if context.Cause(ctx) != error(errWithdrawn) {
		return
	}
	out.Response, out.Error = nil, &picloud.ScriptError{Code: errWithdrawn.Code, Message: errWithdrawn.Message}
	record := newEventRecord(t, e, o.cfg.IDs.New(), started, out)
	o.recorder.add(&record)
}
