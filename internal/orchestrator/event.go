package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// eventRun is a run of a script on an event.
type eventRun struct {
	o       *Orchestrator
	t       *target
	e       picloud.Event
	sub     picloud.Subscription
	started time.Time
	job     *job
	outcome *picloud.Outcome
	record  *picloud.Record
}

// runEvent runs a script on an event, has what becomes of it written, and tells
// how long the script took. It does not wait for the writing; settled is called
// after it.
func (o *Orchestrator) runEvent(ctx context.Context, e picloud.Event, settled func()) time.Duration {
	t := o.table.Load().byID[e.ScriptID]
	if t == nil {
		o.dispatch.strand([]string{e.ID}) // it was deleted just now, and its events with it
		settled()
		return 0
	}
	r := &eventRun{o: o, t: t, e: e, sub: t.subscription(e)}
	now := o.cfg.Now()
	_, spent := t.meter.spent()
	switch {
	case spent:
		o.dispatch.strand([]string{e.ID}) // it waits for new operations
		settled()
		return 0
	case e.Attempts > r.sub.Attempts():
		// Runs that began and of which nobody heard again: they may have
		// taken their process down.
		r.giveUp(ctx, fmt.Sprintf("the event was run %d times and never came to an end", e.Attempts-1))
		settled()
		return 0
	case e.DueAt.Sub(now) < t.limits.EventWallTime()+claimGrace/2:
		// It has waited so long that its claim may end while it runs.
		o.dispatch.strand([]string{e.ID})
		settled()
		return 0
	}
	r.job = o.prepare(t, r.execution())
	r.run(ctx)
	o.dispatch.work.Add(1)
	o.commitLater(r.commit(), func(err error) {
		defer o.dispatch.work.Done()
		if err == nil {
			r.job.host.end()
			r.recorded()
			settled()
			return
		}
		o.dispatch.work.Go(func() {
			defer settled()
			defer r.job.host.end()
			r.again(ctx, err)
		})
	})
	return r.outcome.Duration
}

// run runs the script.
func (r *eventRun) run(ctx context.Context) {
	r.started = r.o.cfg.Now()
	r.outcome = r.o.runOn(ctx, r.job)
}

// again goes on after a commit that failed: it runs the script again when the
// data was changed by others meanwhile, and otherwise has it fail.
func (r *eventRun) again(ctx context.Context, err error) {
	leave := func() {}
	defer func() { leave() }()
	for attempt := 1; err != nil; attempt++ {
		switch {
		case errors.Is(err, picloud.ErrStale) && attempt < maxAttempts:
			if attempt == 1 {
				leave = r.o.lanes.enter(ctx, r.t.script.AppID)
			}
			r.run(ctx)
			err = r.o.commit(ctx, r.commit())
		case errors.Is(err, picloud.ErrLost):
			r.o.cfg.Log.InfoContext(ctx, "an event was taken over while it was run: nothing of the run is kept", "event", r.e.ID, "script", r.t.script.Name)
			r.o.recordLost(ctx, r.t, r.e, r.started, r.outcome)
			return
		default:
			r.outcome.Response, r.outcome.Error, r.outcome.Effects, r.outcome.Journal = nil, r.o.unsettled(ctx, r.e.ID, err), nil, nil
			if err := r.o.commit(ctx, r.commit()); err != nil {
				// Its claim runs out, and it is tried again.
				r.o.cfg.Log.WarnContext(ctx, "what became of an event cannot be written", "event", r.e.ID, "script", r.t.script.Name, "err", err)
				return
			}
			err = nil
		}
	}
	r.recorded()
}

// execution asks for the run.
func (r *eventRun) execution() picloud.Execution {
	e := &r.e
	if e.Trigger == picloud.TriggerAsync {
		return asyncExecution(*e)
	}
	return picloud.Execution{
		ID: e.ID, Trigger: e.Trigger,
		Event: &picloud.EventInput{
			ID: e.ID, Source: e.Source, Key: userKey(e), Kind: e.Kind, Body: e.Body, At: e.EnteredAt, Due: e.PlannedAt, Attempt: e.Attempts,
		},
	}
}

// userKey is the key of an event as whoever published it has given it.
func userKey(e *picloud.Event) string {
	if e.Trigger == picloud.TriggerSchedule {
		return "" // see Schedule.OrderKey
	}
	return e.Key
}

// commit is what the run wants to change, and what becomes of the event: done,
// to be tried again, or given up.
func (r *eventRun) commit() picloud.Commit {
	if r.e.Trigger == picloud.TriggerAsync {
		c := r.o.asyncCommit(r.t, r.job, r.e, r.sub, r.started, r.outcome)
		r.record = c.Record
		return c
	}
	out := r.outcome
	c := picloud.Commit{AppID: r.t.script.AppID, Settle: []picloud.Settlement{{EventID: r.e.ID, Claim: r.e.Claim}}}
	if out.Effects != nil {
		c.Effects.Staged = out.Effects.Staged
		if !cutShort(out.Error) {
			c.Effects = *out.Effects
		}
	}
	if out.Error != nil {
		c.Effects.Drop()
		r.fail(&c.Settle[0])
	}
	c.Events, c.Streamed = r.o.fanOut(r.t.script.AppID, c.Effects.Messages), r.o.streamed(r.t.script.AppID, c.Effects.Messages)
	record := newEventRecord(r.t, r.e, r.o.cfg.IDs.New(), r.started, out)
	if out.Journal != nil {
		r.o.keepJournal(&record, &r.job.Execution, out)
	}
	r.record, c.Record = &record, &record
	return c
}

// fail has the event be tried again later, or given up.
func (r *eventRun) fail(s *picloud.Settlement) {
	s.Error = recordedError(r.outcome.Error).Message
	if r.e.Attempts >= r.sub.Attempts() {
		s.Dead = true
		return
	}
	s.RetryAt = r.o.cfg.Now().Add(jitter(r.sub.RetryDelay(r.e.Attempts, r.outcome.Error.RetryAfter)))
}

// recorded is called when the run's record has been entered.
func (r *eventRun) recorded() { r.o.recorder.wrote([]picloud.Record{*r.record}) }

// giveUp has an event be dead without another run.
func (r *eventRun) giveUp(ctx context.Context, why string) {
	err := r.o.cfg.Store.Commit(ctx, picloud.Commit{AppID: r.t.script.AppID, Settle: []picloud.Settlement{{EventID: r.e.ID, Claim: r.e.Claim, Dead: true, Error: why}}, AsyncRun: r.o.givenUp(r.e, why)})
	if err != nil && !errors.Is(err, picloud.ErrLost) {
		r.o.cfg.Log.WarnContext(ctx, "an event cannot be given up", "event", r.e.ID, "script", r.t.script.Name, "err", err)
	}
}

// jitter spreads retries, so that what failed together does not come back
// together: up to a fifth later.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/5+1))
}
