package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// backlog is how much waits for a script to be answered later.
type backlog struct{ count, bytes int64 }

// asyncFits refuses a request that is to be answered later when too much waits
// for its script. What waits is counted once for a group of commits.
func (g *groupWriter) asyncFits(c *picloud.Commit) error {
	if c.Async == nil {
		return nil
	}
	b := g.backlogs[c.Async.ScriptID]
	if b == nil {
		b = &backlog{}
		err := g.tx.row("SELECT CAST(count(*) AS bigint), CAST(COALESCE(sum(size), 0) AS bigint) FROM async_invocations WHERE script_id = $1 AND state = 'waiting'",
			c.Async.ScriptID).Scan(&b.count, &b.bytes)
		if err != nil {
			return err
		}
		if g.backlogs == nil {
			g.backlogs = map[string]*backlog{}
		}
		g.backlogs[c.Async.ScriptID] = b
	}
	size := asyncSize(c)
	if b.count >= picloud.MaxAsyncWaiting || b.bytes+size > picloud.MaxAsyncBytes {
		return &picloud.Error{Code: picloud.CodeOverloaded, Message: "too many requests wait to be answered later", RetryAfter: 5 * time.Second}
	}
	b.count++
	b.bytes += size
	return nil
}

// asyncSize is how much the event takes of a request that is answered later.
func asyncSize(c *picloud.Commit) (n int64) {
	for i := range c.Events {
		if c.Events[i].ID == c.Async.ID {
			n += int64(len(c.Events[i].Body))
		}
	}
	return n
}

// async enters the request of a commit that is to be answered later, and
// writes down what became of one.
func (g *groupWriter) async(c *picloud.Commit) error {
	if a := c.Async; a != nil {
		due := g.now
		for i := range c.Events {
			if e := &c.Events[i]; e.ID == a.ID && !e.DueAt.IsZero() {
				due = micros(e.DueAt)
			}
		}
		_, err := g.tx.exec(`INSERT INTO async_invocations (id, app_id, script_id, script, auth, state, method, path, size, runs, invocation_id,
			http_status, error, response, entered_at, due_at, ended_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $8, 0, '', 0, '', $9, $10, $11, 0, 0)`,
			a.ID, c.AppID, a.ScriptID, a.Script, a.Auth.String(), storable(a.Method), storable(a.Path), asyncSize(c), []byte{}, g.now, due)
		if err != nil {
			return err
		}
	}
	if c.AsyncRun == nil {
		return nil
	}
	return g.asyncRun(c.AsyncRun)
}

func (g *groupWriter) asyncRun(r *picloud.AsyncRun) error {
	var ended, expires int64
	if r.State.Ended() {
		o, err := g.options()
		if err != nil {
			return err
		}
		ended, expires = g.now, g.now+o.ResultLife().Microseconds()
	}
	_, err := g.tx.exec(`UPDATE async_invocations SET state = $1, runs = $2, invocation_id = $3, http_status = $4, error = $5, response = $6,
		ended_at = $7, expires_at = $8 WHERE id = $9`,
		string(r.State), r.Runs, r.InvocationID, r.HTTPStatus, storable(r.Error), notNull(r.Response), ended, expires, r.ID)
	return err
}

// options reads the options once for a group of commits.
func (g *groupWriter) options() (picloud.Options, error) {
	if g.opts == nil {
		o, err := readOptions(g.tx)
		if err != nil {
			return o, err
		}
		g.opts = &o
	}
	return *g.opts, nil
}

const asyncQuery = `SELECT a.id, a.app_id, a.script, a.auth, a.state, a.method, a.path, a.runs, a.invocation_id, a.http_status, a.error,
	a.entered_at, a.due_at, a.ended_at, a.expires_at, e.state, e.claim, e.attempts, e.due_at
	FROM async_invocations a LEFT JOIN events e ON e.id = a.id`

func scanAsync(row scanner) (a picloud.AsyncInvocation, err error) {
	var entered, due, ended, expires int64
	var state, claim sql.NullString
	var attempts, eventDue sql.NullInt64
	err = row.Scan(&a.ID, &a.AppID, &a.Script, &a.Auth, &a.State, &a.Method, &a.Path, &a.Runs, &a.InvocationID, &a.HTTPStatus, &a.Error,
		&entered, &due, &ended, &expires, &state, &claim, &attempts, &eventDue)
	if a.Auth == publicAuth {
		a.Auth = picloud.AuthPublic
	}
	a.EnteredAt, a.DueAt = fromMicros(entered), fromMicros(due)
	if ended > 0 {
		a.EndedAt, a.ExpiresAt = fromMicros(ended), fromMicros(expires)
	}
	switch alive := state.Valid && state.String != string(picloud.EventDead); {
	case alive && claim.String != "":
		a.State, a.Runs = picloud.AsyncRunning, int(attempts.Int64)
	case alive:
		a.State, a.Runs, a.DueAt = picloud.AsyncWaiting, int(attempts.Int64), fromMicros(eventDue.Int64)
	case a.State == picloud.AsyncWaiting && !state.Valid:
		// Its event was removed, or went with its script.
		a.State, a.Error = picloud.AsyncCancelled, "it was removed before it was run"
	case a.State == picloud.AsyncWaiting:
		a.State = picloud.AsyncFailed
	}
	if alive := state.Valid && state.String != string(picloud.EventDead); alive {
		a.EndedAt, a.ExpiresAt, a.HTTPStatus = time.Time{}, time.Time{}, 0 // tried anew, if it had ended
	}
	return a, err
}

// asyncByID finds a request of an app that has not been forgotten.
func asyncByID(tx *tx, app, id string) (picloud.AsyncInvocation, error) {
	owner, err := appByName(tx, app)
	if err != nil {
		return picloud.AsyncInvocation{}, err
	}
	a, err := scanAsync(tx.row(asyncQuery+" WHERE a.id = $1 AND a.app_id = $2", id, owner.ID))
	if errors.Is(err, sql.ErrNoRows) || err == nil && !a.ExpiresAt.IsZero() && !a.ExpiresAt.After(tx.store.now()) {
		return a, picloud.NotFound("asynchronous invocation", id)
	}
	return a, err
}

// AsyncByID implements [picloud.AsyncInvocations].
func (s *Store) AsyncByID(ctx context.Context, app, id string) (a picloud.AsyncInvocation, response []byte, err error) {
	err = s.read(ctx, "read an asynchronous invocation", func(tx *tx) error {
		if a, err = asyncByID(tx, app, id); err != nil || !a.State.Ended() {
			return err
		}
		return tx.row("SELECT response FROM async_invocations WHERE id = $1", id).Scan(&response)
	})
	return a, response, err
}

// ListAsync implements [picloud.AsyncInvocations].
func (s *Store) ListAsync(ctx context.Context, q picloud.AsyncQuery) (list []picloud.AsyncInvocation, err error) {
	err = s.read(ctx, "list asynchronous invocations", func(tx *tx) error {
		owner, err := appByName(tx, q.App)
		if err != nil {
			return err
		}
		f := &filter{}
		f.want("a.app_id = ", owner.ID)
		f.wantText("a.script = ", q.Script)
		f.conditions = append(f.conditions, "(a.expires_at = 0 OR a.expires_at > "+f.bind(micros(s.now()))+")")
		if q.Before != "" {
			last, err := asyncByID(tx, q.App, q.Before)
			if err != nil {
				return err
			}
			at := micros(last.EnteredAt)
			f.conditions = append(f.conditions, "(a.entered_at < "+f.bind(at)+" OR a.entered_at = "+f.bind(at)+" AND a.id < "+f.bind(q.Before)+")")
		}
		list, err = all(tx, scanAsync, asyncQuery+" WHERE "+f.where()+" ORDER BY a.entered_at DESC, a.id DESC LIMIT "+f.bind(pageSize(q.Limit)), f.args...)
		return err
	})
	return list, err
}

// CancelAsync implements [picloud.AsyncInvocations].
func (s *Store) CancelAsync(ctx context.Context, app, id string) (a picloud.AsyncInvocation, err error) {
	err = s.onEvents(ctx, "cancel an asynchronous invocation", app, func(tx *tx) error {
		if a, err = asyncByID(tx, app, id); err != nil {
			return err
		}
		if a.State.Ended() {
			return picloud.Errorf(picloud.CodeConflict, "the invocation has ended: it is %s", a.State)
		}
		e, err := eventByID(tx, app, id)
		if err == nil {
			err = dropEvent(tx, e)
		}
		if err != nil {
			return err
		}
		o, err := readOptions(tx)
		if err != nil {
			return err
		}
		now := s.now()
		_, err = tx.exec("UPDATE async_invocations SET state = 'cancelled', runs = $1, ended_at = $2, expires_at = $3, response = $4 WHERE id = $5",
			a.Runs, micros(now), micros(now.Add(o.ResultLife())), []byte{}, id)
		a.State, a.EndedAt, a.ExpiresAt = picloud.AsyncCancelled, now, now.Add(o.ResultLife())
		return err
	})
	return a, err
}

// SweepAsync implements [picloud.AsyncInvocations].
func (s *Store) SweepAsync(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.write(ctx, "forget asynchronous invocations", func(tx *tx) error {
		o, err := readOptions(tx)
		if err != nil {
			return err
		}
		// Those whose events were removed have ended, too.
		_, err = tx.exec(`UPDATE async_invocations SET state = 'cancelled', error = 'it was removed before it was run', ended_at = $1, expires_at = $2
			WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = async_invocations.id)`, micros(now), micros(now.Add(o.ResultLife())))
		if err != nil {
			return err
		}
		n, err = tx.exec(`DELETE FROM async_invocations WHERE expires_at > 0 AND expires_at <= $1
			AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = async_invocations.id AND e.state <> 'dead')`, micros(now))
		return err
	})
	return n, err
}
