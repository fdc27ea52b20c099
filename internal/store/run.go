package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const runColumns = "r.seq, r.id, r.script_id, s.name, r.name, r.cause, r.state, r.planned_at, r.due_at, r.started_at, r.finished_at, r.attempts, r.invocation_id, r.error, r.times"

func scanRun(row scanner) (r picloud.ScheduleRun, err error) {
	var planned, due, started, finished int64
	err = row.Scan(&r.Seq, &r.ID, &r.ScriptID, &r.Script, &r.Schedule, &r.Cause, &r.State, &planned, &due, &started, &finished,
		&r.Attempts, &r.InvocationID, &r.Error, &r.Times)
	r.PlannedAt, r.DueAt = fromMicros(planned), fromMicros(due)
	if started > 0 {
		r.StartedAt = fromMicros(started)
	}
	if finished > 0 {
		r.FinishedAt = fromMicros(finished)
	}
	return r, err
}

// ListRuns implements [picloud.Schedules].
func (s *Store) ListRuns(ctx context.Context, q picloud.RunQuery) (list []picloud.ScheduleRun, err error) {
	err = s.read(ctx, "list runs of schedules", func(tx *tx) error {
		f, err := newFilter(tx, picloud.RecordQuery{App: q.App, Script: q.Script}, "r")
		if err != nil {
			return err
		}
		f.wantText("r.name = ", q.Schedule)
		f.wantText("r.state = ", string(q.State))
		tail := f.page(picloud.RecordQuery{Before: q.Before, Limit: q.Limit}, "r.seq")
		list, err = all(tx, scanRun, "SELECT "+runColumns+" FROM schedule_runs r JOIN scripts s ON s.id = r.script_id"+tail, f.args...)
		return err
	})
	return list, err
}

// ledger enters runs, in a transaction.
type ledger struct {
	tx  *tx
	now int64
}

// enter enters a run, which is its first state, and gives it its place.
func (l ledger) enter(appID string, r *picloud.ScheduleRun) (err error) {
	if r.Seq, err = advance(l.tx, "runs", 1); err != nil {
		return err
	}
	finished := int64(0)
	if r.State != picloud.RunWaiting {
		finished = l.now
	}
	_, err = l.tx.exec(`INSERT INTO schedule_runs (seq, id, app_id, script_id, name, cause, state, planned_at, due_at, started_at, finished_at, attempts, invocation_id, error, times)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, 0, '', $11, $12)`,
		r.Seq, r.ID, appID, r.ScriptID, r.Schedule, string(r.Cause), string(r.State), micros(r.PlannedAt), micros(r.DueAt), finished, r.Error, r.Times)
	return err
}

// openRun is one that is not finished.
type openRun struct {
	id      string
	running bool
}

// openRuns lists the runs of a schedule that are not finished, the oldest first.
func openRuns(tx *tx, scriptID, name string) ([]openRun, error) {
	return all(tx, func(row scanner) (r openRun, err error) {
		var claim sql.NullString
		err = row.Scan(&r.id, &claim)
		r.running = claim.String != ""
		return r, err
	}, `SELECT r.id, e.claim FROM schedule_runs r LEFT JOIN events e ON e.id = r.id
		WHERE r.script_id = $1 AND r.name = $2 AND r.finished_at = 0 ORDER BY r.seq`, scriptID, name)
}

// began writes down that the runs of claimed events have begun, each for the
// first time or another.
func (l ledger) began(events []picloud.Event) error {
	for i := range events {
		if events[i].Trigger != picloud.TriggerSchedule {
			continue
		}
		_, err := l.tx.exec(`UPDATE schedule_runs SET state = 'running', attempts = attempts + 1,
			started_at = CASE WHEN started_at = 0 THEN $1 ELSE started_at END WHERE id = $2`, l.now, events[i].ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// notBegun takes back, for those that wait for a schedule among events, that they
// have begun: they were claimed and given back.
var notBegun = rowsKind{
	head: `UPDATE schedule_runs SET state = 'waiting', attempts = attempts - 1, started_at = CASE WHEN attempts <= 1 THEN 0 ELSE started_at END
		WHERE state = 'running' AND id IN (`,
	tail: ")",
}

// settled writes down what became of a run's attempt. Of the first one its record
// tells when it began; the claim was a little earlier.
func (l ledger) settled(s *picloud.Settlement, invocation *picloud.Record) error {
	state, finished := picloud.RunOK, l.now
	switch {
	case !s.RetryAt.IsZero():
		state, finished = picloud.RunWaiting, 0
	case s.Dead:
		state = picloud.RunFailed
	}
	id, began := "", int64(0)
	if invocation != nil {
		id, began = invocation.Invocation.ID, micros(invocation.Invocation.StartedAt)
	}
	_, err := l.tx.exec(`UPDATE schedule_runs SET state = $1, finished_at = $2, error = $3, invocation_id = $4,
		started_at = CASE WHEN attempts = 1 AND $5 > started_at THEN $5 ELSE started_at END WHERE id = $6`,
		string(state), finished, storable(s.Error), id, began, s.EventID)
	return err
}

// end gives a run that is not finished its last state.
func (l ledger) end(id string, state picloud.RunState) error {
	_, err := l.tx.exec("UPDATE schedule_runs SET state = $1, finished_at = $2 WHERE id = $3 AND finished_at = 0", string(state), l.now, id)
	return err
}

// reopen has a run that had failed wait anew.
func (l ledger) reopen(id string) error {
	_, err := l.tx.exec("UPDATE schedule_runs SET state = 'waiting', finished_at = 0, attempts = 0 WHERE id = $1", id)
	return err
}

// keepLast removes all but the last runs of a schedule.
func (l ledger) keepLast(scriptID, name string) error {
	var last int64
	err := l.tx.row("SELECT seq FROM schedule_runs WHERE script_id = $1 AND name = $2 ORDER BY seq DESC LIMIT 1 OFFSET $3",
		scriptID, name, picloud.MaxKeptRuns).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		_, err = l.tx.exec("DELETE FROM schedule_runs WHERE script_id = $1 AND name = $2 AND seq <= $3 AND finished_at > 0", scriptID, name, last)
	}
	return err
}

// pruneRuns removes the runs that had finished before a time.
func (s *Store) pruneRuns(ctx context.Context, before time.Time) error {
	for {
		var n int64
		err := s.write(ctx, "prune runs of schedules", func(tx *tx) (err error) {
			n, err = tx.exec(`DELETE FROM schedule_runs WHERE seq IN (SELECT seq FROM schedule_runs
				WHERE finished_at > 0 AND finished_at < $1 ORDER BY finished_at LIMIT $2)`, micros(before), pruneChunk)
			return err
		})
		if err != nil || n < pruneChunk {
			return err
		}
	}
}
