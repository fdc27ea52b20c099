package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/picloud/picloud/internal/cron"
	"github.com/picloud/picloud/internal/picloud"
)

const (
	// maxCounted is how many missed times are counted. More are so many.
	maxCounted = 10_000
	// tidyEvery is after how many firings a schedule's part of the ledger is cut.
	tidyEvery = 100
)

// FireSchedules implements [picloud.Schedules].
func (s *Store) FireSchedules(ctx context.Context, limit int) (fired int, err error) {
	var f *firing
	err = s.write(ctx, "fire schedules", func(tx *tx) error {
		now := s.now()
		due, err := all(tx, scanSchedule, scheduleQuery+" WHERE c.due_at > 0 AND c.due_at <= $1 ORDER BY c.due_at LIMIT $2", micros(now), limit)
		fired = len(due)
		if err != nil || fired == 0 {
			return err
		}
		f = newFiring(tx, s, now)
		return f.fire(due)
	})
	if err != nil || fired == 0 {
		return 0, err
	}
	f.announce()
	return fired, nil
}

// firing enters the runs of some schedules. It takes what others may hold in the
// order in which commits do: the rows of apps and scripts before all else, and
// the numbers of events last.
type firing struct {
	ledger
	store     *Store
	now       time.Time
	group     *groupWriter
	events    []enteredEvent
	withdrawn []string // events that were being run, or about to be
}

func newFiring(tx *tx, s *Store, now time.Time) *firing {
	return &firing{ledger: ledger{tx, micros(now)}, store: s, now: now, group: newGroupWriter(tx, s)}
}

func (f *firing) fire(due []scheduleRow) error {
	if err := f.lock(due); err != nil {
		return err
	}
	for i := range due {
		if err := f.fireOne(&due[i]); err != nil {
			return err
		}
	}
	return f.enterEvents()
}

// lock takes the rows of the schedules' apps, and keeps their scripts from being
// deleted.
func (f *firing) lock(due []scheduleRow) error {
	apps, scripts := map[string]bool{}, map[string]bool{}
	for i := range due {
		apps[due[i].appID], scripts[due[i].scriptID] = true, true
	}
	for _, id := range slices.Sorted(maps.Keys(apps)) {
		a, err := lockApp(f.tx, id)
		if err != nil {
			return err
		}
		f.group.apps[id] = a
	}
	for _, id := range slices.Sorted(maps.Keys(scripts)) {
		var one int64
		err := f.tx.row("SELECT 1 FROM scripts WHERE id = $1"+f.tx.keepRow(), id).Scan(&one)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

// fireOne decides on the times of a schedule that have come, unless somebody
// else has just done it.
func (f *firing) fireOne(row *scheduleRow) error {
	times, err := cron.Of(row.Schedule)
	if err != nil {
		// It was well when it was deployed: perhaps its time zone is no more.
		f.store.log.Error("a schedule cannot be read: it does not fire", "script", row.scriptName, "schedule", row.Name, "err", err)
		row.next, row.due = 0, 0
		_, err := row.put(f.tx)
		return err
	}
	p := due(row, times, f.now)
	row.considered, row.last = micros(f.now), micros(p.latest)
	row.plan(times, p.latest)
	if mine, err := row.put(f.tx); err != nil || !mine {
		return err
	}
	if (row.fired+1)%tidyEvery == 0 {
		if err := f.keepLast(row.scriptID, row.Name); err != nil {
			return err
		}
	}
	return f.decide(row, p)
}

// plan is what is to become of the times of a schedule that have come.
type plan struct {
	runs   []time.Time   // to be run, the earliest first
	jitter time.Duration // of each of them
	missed time.Time     // the first of those that are not; zero: there is none
	times  int           // how many those are
	latest time.Time     // of all of them
	late   bool          // the latest was missed, too
}

// due is the plan for a schedule at a time.
func due(row *scheduleRow, times *cron.Schedule, now time.Time) plan {
	first := fromMicros(row.next)
	p := plan{jitter: time.Duration(row.due-row.next) * time.Microsecond}
	until := now.Add(-p.jitter)
	p.runs = times.Latest(first, until, row.MissedRuns())
	if len(p.runs) == 0 {
		p.runs = []time.Time{first} // by rules for the time zone that are no longer so
	}
	p.latest = p.runs[len(p.runs)-1]
	p.late = until.Sub(p.latest) > picloud.ScheduleOnTime
	if p.late && row.Missed == picloud.MissedSkip {
		p.runs = nil
	}
	end := p.latest // of those that are not run
	if len(p.runs) > 0 {
		end = p.runs[0].Add(-1)
	}
	if p.times = times.Count(first, end, maxCounted); p.times > 0 {
		p.missed = first
	}
	return p
}

// decide enters the runs of a plan, as far as earlier ones let them.
func (f *firing) decide(row *scheduleRow, p plan) error {
	if p.times > 0 {
		gone := f.run(row, picloud.CauseTime, p.missed, p.missed, picloud.RunMissed)
		gone.Times = p.times
		if err := f.enter(row.appID, &gone); err != nil {
			return err
		}
	}
	// What is made up for waits for its turn; only a time that is now can be too
	// much.
	queues := row.Missed == picloud.MissedAll && (p.late || len(p.runs) > 1)
	for _, at := range p.runs {
		r := f.run(row, picloud.CauseTime, at, at.Add(p.jitter), picloud.RunWaiting)
		if err := f.admit(row, &r, queues); err != nil {
			return err
		}
	}
	return nil
}

func (f *firing) run(row *scheduleRow, cause picloud.RunCause, planned, due time.Time, state picloud.RunState) picloud.ScheduleRun {
	return picloud.ScheduleRun{
		ID: f.store.ids.New(), ScriptID: row.scriptID, Script: row.scriptName, Schedule: row.Name, Cause: cause, State: state,
		PlannedAt: planned, DueAt: due, Times: 1,
	}
}

// admit enters a run with its event, unless it is too much beside earlier runs.
func (f *firing) admit(row *scheduleRow, r *picloud.ScheduleRun, queues bool) error {
	open, err := openRuns(f.tx, row.scriptID, row.Name)
	if err != nil {
		return err
	}
	switch {
	case len(open) == 0 || queues:
	case row.Overlap == picloud.OverlapReplace:
		for _, before := range open {
			if err := f.replace(row.appID, before.id); err != nil {
				return err
			}
		}
	case row.Overlap != picloud.OverlapAllow:
		r.State, r.Error = picloud.RunSkipped, "the run before is not finished"
	case len(open) >= picloud.MaxUnfinishedRuns:
		r.State, r.Error = picloud.RunSkipped, fmt.Sprintf("%d runs before are not finished", len(open))
	}
	if err := f.enter(row.appID, r); err != nil || r.State != picloud.RunWaiting {
		return err
	}
	e := &picloud.NewEvent{
		ID: r.ID, ScriptID: row.scriptID, Trigger: picloud.TriggerSchedule, Source: row.Name, Key: row.OrderKey(),
		Kind: picloud.ValueJSON, Body: row.Body, Planned: r.PlannedAt, Urgent: true,
	}
	f.events = append(f.events, enteredEvent{row.appID, e})
	return nil
}

// replace ends a run: its event is gone, so that nothing of it can be kept.
func (f *firing) replace(appID, id string) error {
	n, err := f.tx.exec("DELETE FROM events WHERE id = $1", id)
	if err != nil {
		return err
	}
	f.group.apps[appID].events -= n
	f.withdrawn = append(f.withdrawn, id)
	return f.end(id, picloud.RunReplaced)
}

// enterEvents enters the events of the runs, and tells the other nodes.
func (f *firing) enterEvents() error {
	if err := f.group.enter(f.events); err != nil {
		return err
	}
	if err := f.group.unlock(); err != nil {
		return err
	}
	for _, id := range f.withdrawn {
		if err := f.tx.notify(withdrawnNotice, id); err != nil {
			return err
		}
	}
	return nil
}

// announce tells this process of what was committed.
func (f *firing) announce() {
	for _, id := range f.withdrawn {
		f.store.withdrawn.announce(context.Background(), id)
	}
	if len(f.events) > 0 {
		f.store.entered.wake()
	}
}

// RunSchedule implements [picloud.Schedules].
func (s *Store) RunSchedule(ctx context.Context, app, script, name string) (run picloud.ScheduleRun, err error) {
	var f *firing
	err = s.write(ctx, "run a schedule", func(tx *tx) error {
		row, err := lockSchedule(tx, app, script, name)
		if err != nil {
			return err
		}
		if !row.scriptEnabled {
			return picloud.Errorf(picloud.CodeScriptDisabled, "the script is switched off")
		}
		now := s.now()
		f = newFiring(tx, s, now)
		if err := f.lock([]scheduleRow{*row}); err != nil {
			return err
		}
		run = f.run(row, picloud.CauseManual, now, now, picloud.RunWaiting)
		if err := f.admit(row, &run, false); err != nil {
			return err
		}
		if run.State != picloud.RunWaiting {
			return picloud.Errorf(picloud.CodeConflict, "%s", run.Error)
		}
		return f.enterEvents()
	})
	if err == nil {
		f.announce()
	}
	return run, err
}

// RewindSchedules implements [picloud.Schedules].
func (s *Store) RewindSchedules(ctx context.Context) (rewound int64, err error) {
	err = s.write(ctx, "plan schedules anew", func(tx *tx) error {
		rewound = 0
		now, err := s.earliest(tx)
		if err != nil {
			return err
		}
		ahead, err := all(tx, scanSchedule, scheduleQuery+" WHERE c.due_at > 0 AND c.considered_at > $1", micros(now.Add(picloud.ScheduleClockSlack)))
		if err != nil || len(ahead) == 0 {
			return err
		}
		f := newFiring(tx, s, now)
		if err := f.lock(ahead); err != nil {
			return err
		}
		for i := range ahead {
			if err := f.rewind(&ahead[i]); err != nil {
				return err
			}
		}
		rewound = int64(len(ahead))
		if err := hasten(tx, micros(now)); err != nil {
			return err
		}
		return tx.notify(schedulesNotice, "")
	})
	if rewound > 0 && err == nil {
		s.rescheduled.wake()
		s.entered.wake()
	}
	return rewound, err
}

// earliest is the later of this process's clock and the database's: only when
// neither has come to a time yet, a clock has been set back.
func (s *Store) earliest(tx *tx) (time.Time, error) {
	theirs, err := tx.clock()
	return fromMicros(max(theirs, micros(s.now()))), err
}

// rewind plans a schedule from now on. A time of day that has come today, by
// the clock before, does not come again.
func (f *firing) rewind(row *scheduleRow) error {
	times, err := cron.Of(row.Schedule)
	if err != nil {
		return nil // the next firing tells
	}
	after := f.now
	last := fromMicros(row.last)
	if times.OfDay() && last.After(f.now) && last.Sub(f.now) <= picloud.ScheduleClockMemory {
		after = last
	}
	row.considered = micros(f.now)
	row.plan(times, after)
	_, err = row.put(f.tx)
	return err
}

// hasten has the events that wait to be tried again be due at once: when that
// was to be was said by a clock that is no longer right.
func hasten(tx *tx, now int64) error {
	n, err := tx.exec("UPDATE events SET due_at = $1 WHERE state = 'waiting' AND claim = '' AND attempts > 0 AND due_at > $1", now)
	if err != nil || n == 0 {
		return err
	}
	return tx.notify(eventsNotice, "")
}
