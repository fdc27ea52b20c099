package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/picloud/picloud/internal/cron"
	"github.com/picloud/picloud/internal/picloud"
)

// scheduleRow is a schedule with where it is. Times are as they are stored.
type scheduleRow struct {
	picloud.Schedule
	appID, scriptID       string
	pausedAt              int64
	pausedBy              string
	fired                 int64
	considered, last      int64
	next, due             int64
	scriptName, specText  string
	scriptEnabled, exists bool
}

const scheduleColumns = "c.app_id, c.script_id, c.name, c.spec, c.paused_at, c.paused_by, c.fired, c.considered_at, c.last_at, c.next_at, c.due_at, s.name, s.enabled"

const scheduleQuery = "SELECT " + scheduleColumns + " FROM schedules c JOIN scripts s ON s.id = c.script_id"

func scanSchedule(row scanner) (r scheduleRow, err error) {
	var name string
	if err := row.Scan(&r.appID, &r.scriptID, &name, &r.specText, &r.pausedAt, &r.pausedBy, &r.fired, &r.considered, &r.last,
		&r.next, &r.due, &r.scriptName, &r.scriptEnabled); err != nil {
		return r, err
	}
	r.exists = true
	if err := json.Unmarshal([]byte(r.specText), &r.Schedule); err != nil {
		return r, fmt.Errorf("schedule %s of script %s: %w", name, r.scriptID, err)
	}
	return r, nil
}

// state is the row as others see it.
func (r *scheduleRow) state() picloud.ScheduleState {
	s := picloud.ScheduleState{Schedule: r.Schedule, ScriptID: r.scriptID, Script: r.scriptName, Enabled: r.scriptEnabled, PausedBy: r.pausedBy}
	for _, f := range []struct {
		to *time.Time
		us int64
	}{{&s.PausedAt, r.pausedAt}, {&s.NextAt, r.next}, {&s.DueAt, r.due}} {
		if f.us > 0 {
			*f.to = fromMicros(f.us)
		}
	}
	return s
}

// plan has a schedule be due at the first of its times after another one, with
// a jitter of its own; while it is paused or its script is off, not at all.
func (r *scheduleRow) plan(times *cron.Schedule, after time.Time) {
	r.next, r.due = 0, 0
	if r.pausedAt > 0 || !r.scriptEnabled {
		return
	}
	next := times.Next(after)
	r.next = micros(next)
	r.due = r.next
	if most := r.Jitter(); most > 0 {
		r.due += rand.Int64N(most.Microseconds() + 1)
	}
}

// put writes a row anew, or changes it if nobody has since it was read; false
// tells that somebody has.
func (r *scheduleRow) put(tx *tx) (bool, error) {
	if !r.exists {
		_, err := tx.exec(`INSERT INTO schedules (app_id, script_id, name, spec, paused_at, paused_by, fired, considered_at, last_at, next_at, due_at)
			VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10)`,
			r.appID, r.scriptID, r.Name, r.specText, r.pausedAt, r.pausedBy, r.considered, r.last, r.next, r.due)
		return err == nil, err
	}
	n, err := tx.exec(`UPDATE schedules SET spec = $1, paused_at = $2, paused_by = $3, fired = fired + 1, considered_at = $4, last_at = $5, next_at = $6, due_at = $7
		WHERE script_id = $8 AND name = $9 AND fired = $10`,
		r.specText, r.pausedAt, r.pausedBy, r.considered, r.last, r.next, r.due, r.scriptID, r.Name, r.fired)
	return n == 1, err
}

// reconcile makes the schedules of a script be those of its live version. What
// has not changed keeps its place.
func (s *Store) reconcile(tx *tx, live picloud.LiveScript) error {
	wanted := live.Version.Settings.Schedules
	old, err := schedulesOf(tx, live.Script.ID)
	if err != nil || len(old)+len(wanted) == 0 {
		return err
	}
	if err := cron.Validate(wanted); err != nil {
		return err
	}
	// Whoever changes schedules takes the row of their app, and so its turn.
	if _, err := lockApp(tx, live.Script.AppID); err != nil {
		return err
	}
	if old, err = schedulesOf(tx, live.Script.ID); err != nil {
		return err
	}
	for _, want := range wanted {
		if err := s.reconcileOne(tx, live.Script, old[want.Name], want); err != nil {
			return err
		}
		delete(old, want.Name)
	}
	for _, row := range old {
		if err := dropSchedule(tx, row); err != nil {
			return err
		}
	}
	return nil
}

// schedulesOf is the schedules of a script by name.
func schedulesOf(tx *tx, scriptID string) (map[string]*scheduleRow, error) {
	rows, err := all(tx, scanSchedule, scheduleQuery+" WHERE c.script_id = $1", scriptID)
	byName := map[string]*scheduleRow{}
	for i := range rows {
		byName[rows[i].Name] = &rows[i]
	}
	return byName, err
}

func (s *Store) reconcileOne(tx *tx, sc picloud.Script, row *scheduleRow, want picloud.Schedule) error {
	if row == nil {
		row = &scheduleRow{appID: sc.AppID, scriptID: sc.ID}
	}
	spec, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("encode schedule %s: %w", want.Name, err)
	}
	sameTimes := row.exists && row.Cron == want.Cron && row.TimeZone == want.TimeZone && row.JitterMS == want.JitterMS
	runs := sc.Enabled && row.pausedAt == 0
	if sameTimes && row.specText == string(spec) && runs == (row.due > 0) {
		return nil
	}
	row.Schedule, row.specText, row.scriptEnabled = want, string(spec), sc.Enabled
	if !sameTimes || runs != (row.due > 0) {
		if err := row.planFrom(s.now()); err != nil {
			return err
		}
	}
	return row.mustPut(tx)
}

// errMoved is the error of a change to a schedule that has just fired.
var errMoved = &picloud.Error{Code: picloud.CodeUnavailable, Message: "the schedule fired just now, try again", RetryAfter: time.Second}

// planFrom plans a row as if nothing had been before a time.
func (r *scheduleRow) planFrom(now time.Time) error {
	times, err := cron.Of(r.Schedule)
	if err != nil {
		return err
	}
	r.considered = micros(now)
	r.plan(times, now)
	return nil
}

// dropSchedule removes a schedule, with those of its runs that have not begun.
func dropSchedule(tx *tx, row *scheduleRow) error {
	open, err := openRuns(tx, row.scriptID, row.Name)
	if err != nil {
		return err
	}
	for _, run := range open {
		if run.running {
			continue
		}
		e, err := scanEvent(tx.row("SELECT "+eventColumns+", e.body, s.name FROM events e JOIN scripts s ON s.id = e.script_id WHERE e.id = $1", run.id))
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err == nil {
			err = dropEvent(tx, e)
		}
		if err != nil {
			return err
		}
	}
	_, err = tx.exec("DELETE FROM schedules WHERE script_id = $1 AND name = $2", row.scriptID, row.Name)
	return err
}

// NextSchedule implements [picloud.Schedules].
func (s *Store) NextSchedule(ctx context.Context) (due time.Time, ok bool, err error) {
	err = s.read(ctx, "look for the next schedule", func(tx *tx) error {
		var us int64
		err := tx.row("SELECT due_at FROM schedules WHERE due_at > 0 ORDER BY due_at LIMIT 1").Scan(&us)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		due, ok = fromMicros(us), err == nil
		return err
	})
	return due, ok, err
}

// Rescheduled implements [picloud.Schedules].
func (s *Store) Rescheduled() <-chan struct{} { return s.rescheduled.wait() }

// ListSchedules implements [picloud.Schedules].
func (s *Store) ListSchedules(ctx context.Context, app, script string) (list []picloud.ScheduleState, err error) {
	err = s.read(ctx, "list schedules", func(tx *tx) error {
		f, err := newFilter(tx, picloud.RecordQuery{App: app, Script: script}, "c")
		if err != nil {
			return err
		}
		list, err = scheduleStates(tx, f)
		return err
	})
	return list, err
}

// scheduleStates reads the schedules c of a filter with their last runs.
func scheduleStates(tx *tx, f *filter) ([]picloud.ScheduleState, error) {
	where := " WHERE " + f.where()
	rows, err := all(tx, scanSchedule, scheduleQuery+where+" ORDER BY s.name, c.name", f.args...)
	if err != nil {
		return nil, err
	}
	last, err := all(tx, scanRun, "SELECT "+runColumns+" FROM schedules c JOIN scripts s ON s.id = c.script_id"+
		" JOIN schedule_runs r ON r.seq = (SELECT max(l.seq) FROM schedule_runs l WHERE l.script_id = c.script_id AND l.name = c.name)"+where, f.args...)
	if err != nil {
		return nil, err
	}
	runs := map[[2]string]*picloud.ScheduleRun{}
	for i := range last {
		runs[[2]string{last[i].ScriptID, last[i].Schedule}] = &last[i]
	}
	list := make([]picloud.ScheduleState, len(rows))
	for i := range rows {
		list[i] = rows[i].state()
		list[i].Last = runs[[2]string{rows[i].scriptID, rows[i].Name}]
	}
	return list, nil
}

// ScheduleByName implements [picloud.Schedules].
func (s *Store) ScheduleByName(ctx context.Context, app, script, name string) (state picloud.ScheduleState, err error) {
	err = s.read(ctx, "read a schedule", func(tx *tx) error {
		state, err = scheduleByName(tx, app, script, name)
		return err
	})
	return state, err
}

func scheduleByName(tx *tx, app, script, name string) (picloud.ScheduleState, error) {
	f, err := newFilter(tx, picloud.RecordQuery{App: app, Script: script}, "c")
	if err != nil {
		return picloud.ScheduleState{}, err
	}
	f.want("c.name = ", name)
	list, err := scheduleStates(tx, f)
	if err == nil && len(list) == 0 {
		err = picloud.Errorf(picloud.CodeNotFound, "script %q has no schedule %q", script, name)
	}
	if err != nil {
		return picloud.ScheduleState{}, err
	}
	return list[0], nil
}

// changeSchedule changes a schedule, in turn with the commits of its app, and
// reads it back. f may leave it as it is.
func (s *Store) changeSchedule(ctx context.Context, what, app, script, name string, f func(*tx, *scheduleRow) error) (state picloud.ScheduleState, err error) {
	err = s.write(ctx, what, func(tx *tx) error {
		row, err := lockSchedule(tx, app, script, name)
		if err != nil {
			return err
		}
		if err := f(tx, row); err != nil {
			return err
		}
		if state, err = scheduleByName(tx, app, script, name); err != nil {
			return err
		}
		return tx.notify(schedulesNotice, "")
	})
	if err == nil {
		s.rescheduled.wake()
	}
	return state, err
}

// lockSchedule reads a schedule once its app's commits and its other firings
// wait.
func lockSchedule(tx *tx, app, script, name string) (*scheduleRow, error) {
	state, err := scheduleByName(tx, app, script, name)
	if err != nil {
		return nil, err
	}
	a, err := appByName(tx, app)
	if err != nil {
		return nil, err
	}
	if _, err := lockApp(tx, a.ID); err != nil {
		return nil, err
	}
	row, err := scanSchedule(tx.row(scheduleQuery+" WHERE c.script_id = $1 AND c.name = $2", state.ScriptID, name))
	if errors.Is(err, sql.ErrNoRows) {
		err = errMoved
	}
	return &row, err
}

// PauseSchedule implements [picloud.Schedules].
func (s *Store) PauseSchedule(ctx context.Context, app, script, name, by string) (picloud.ScheduleState, error) {
	return s.changeSchedule(ctx, "pause a schedule", app, script, name, func(tx *tx, row *scheduleRow) error {
		if row.pausedAt > 0 {
			return nil
		}
		row.pausedAt, row.pausedBy = micros(s.now()), by
		row.next, row.due = 0, 0
		return row.mustPut(tx)
	})
}

// ResumeSchedule implements [picloud.Schedules].
func (s *Store) ResumeSchedule(ctx context.Context, app, script, name string) (picloud.ScheduleState, error) {
	return s.changeSchedule(ctx, "resume a schedule", app, script, name, func(tx *tx, row *scheduleRow) error {
		if row.pausedAt == 0 {
			return nil
		}
		row.pausedAt, row.pausedBy = 0, ""
		if err := row.planFrom(s.now()); err != nil {
			return err
		}
		return row.mustPut(tx)
	})
}

// mustPut is put for a row that is locked.
func (r *scheduleRow) mustPut(tx *tx) error {
	if ok, err := r.put(tx); err != nil || ok {
		return err
	}
	return errMoved
}
