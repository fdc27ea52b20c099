package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// maxDispatched is how many events of all scripts are run at a time.
	maxDispatched = 256
	// claimBatch is how many are claimed at once.
	claimBatch = 128
	// claimGrace is how much longer than the wall time of its run a claim
	// lasts, so that nobody takes over an event that is still being run.
	claimGrace = time.Minute
	// A store that fails is asked again after retryDispatch, doubled each time
	// up to maxRetryDispatch.
	retryDispatch    = time.Second
	maxRetryDispatch = 30 * time.Second
)

// dispatcher runs the events that are due. It sleeps until something is
// entered, something that it runs ends, or the next event is due: nothing
// polls.
type dispatcher struct {
	o *Orchestrator
	// claim is what the events that this process runs are claimed with: the
	// node's id, so that the others can tell when it is gone.
	claim string

	work  sync.WaitGroup
	freed chan struct{} // holds one when a run has ended since the last look

	// resting is the table that was looked at before going to sleep; nil while
	// awake. Tests wait for it.
	resting atomic.Pointer[table]

	times    timetable
	clock    jump
	clockSet chan struct{} // holds one when the clock was set since the last look
	unheed   func()        // stops listening for events that are withdrawn

	mu      sync.Mutex
	running map[string]int // runs by script id
	total   int
	ends    map[string]*context.CancelCauseFunc // of the runs, by event id
}

func newDispatcher(o *Orchestrator) *dispatcher {
	return &dispatcher{
		o: o, claim: o.member.id, freed: make(chan struct{}, 1), running: map[string]int{},
		times: timetable{o: o}, ends: map[string]*context.CancelCauseFunc{}, clockSet: make(chan struct{}, 1), unheed: func() {},
	}
}

// start begins to dispatch until ctx ends.
func (d *dispatcher) start(ctx context.Context) {
	d.unheed = d.o.cfg.Store.OnWithdrawn(d.withdraw)
	d.work.Go(func() { d.loop(ctx) })
	d.work.Go(func() {
		if err := watchClock(ctx, func() { poke(d.clockSet) }); err != nil {
			d.o.cfg.Log.WarnContext(ctx, "nobody tells when the clock is set: schedules may be late then", "err", err)
		}
	})
}

// poke leaves one in a channel that holds one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait waits for the runs that have begun.
func (d *dispatcher) wait(ctx context.Context) error {
	defer d.unheed()
	done := make(chan struct{})
	go func() {
		d.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (d *dispatcher) loop(ctx context.Context) {
	backoff := time.Duration(0)
	for ctx.Err() == nil {
		// Both before looking, so that nothing falls between.
		entered, t := d.o.cfg.Store.Entered(), d.o.table.Load()
		rescheduled := d.o.cfg.Store.Rescheduled()
		due, more, err := d.round(ctx, t)
		switch {
		case err != nil && ctx.Err() == nil:
			backoff = min(max(retryDispatch, 2*backoff), maxRetryDispatch)
			d.o.cfg.Log.WarnContext(ctx, "look for events: they wait", "err", err, "again_in", backoff)
			due = d.o.cfg.Now().Add(backoff)
		case err == nil:
			backoff = 0
		}
		if !more {
			d.resting.Store(t)
			d.sleep(ctx, due, entered, rescheduled, t.replaced)
			d.resting.Store(nil)
		}
	}
}

// round claims what is due and begins to run it. more says that there may be
// more to be claimed at once; otherwise due is when the next event is, or zero.
func (d *dispatcher) round(ctx context.Context, t *table) (due time.Time, more bool, err error) {
	if d.o.inflight.closed() || d.o.CutOff() {
		// A node that drains leaves events to the others, and so does one that
		// could not show for a while that it lives.
		return d.o.cfg.Now().Add(retryDispatch), false, nil
	}
	if d.clock.since(d.o.cfg.Now(), time.Now()) < -picloud.ScheduleClockSlack || d.times.seen == nil {
		// At the start nobody knows what the clock did since the last run.
		if err := d.times.rewind(ctx); err != nil {
			return time.Time{}, false, err
		}
	}
	if err := d.times.fire(ctx, t); err != nil {
		return time.Time{}, false, err
	}
	free, except, until := d.room(t)
	if free < maxDispatched/4 {
		return d.times.due, false, nil // a run that ends wakes the loop, too
	}
	limit := min(free, claimBatch)
	events, err := d.o.cfg.Store.ClaimEvents(ctx, d.claim, d.o.cfg.Now().Add(d.lease()), limit, except)
	if err != nil {
		return time.Time{}, false, err
	}
	for _, e := range events {
		d.begin(ctx, e)
	}
	if len(events) > 0 {
		return time.Time{}, true, nil
	}
	due, ok, err := d.o.cfg.Store.NextEvent(ctx, except)
	if !ok || !until.IsZero() && until.Before(due) {
		due = until
	}
	return sooner(due, d.times.due), false, err
}

// lease is how long a claim lasts.
func (d *dispatcher) lease() time.Duration { return picloud.MaxLimits().EventWallTime() + claimGrace }

// room is how many more runs there is room for, and the scripts that have none,
// are switched off or whose app has used up its operations of the day: their
// events wait, those of the latter until.
func (d *dispatcher) room(t *table) (free int, except []string, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, target := range t.subscribed {
		if midnight, over := target.meter.spent(); over {
			until = midnight
			except = append(except, target.script.ID)
			continue
		}
		if !target.script.Enabled || d.running[target.script.ID] >= target.eventSlots {
			except = append(except, target.script.ID)
		}
	}
	return maxDispatched - d.total, except, until
}

// begin runs an event in the background.
func (d *dispatcher) begin(ctx context.Context, e picloud.Event) {
	d.mu.Lock()
	d.running[e.ScriptID]++
	d.total++
	// What has begun is finished, also when no more is to be begun.
	ctx, end := context.WithCancelCause(context.WithoutCancel(ctx))
	d.ends[e.ID] = &end
	d.mu.Unlock()
	d.work.Go(func() {
		defer d.end(e, &end)
		d.o.runEvent(ctx, e)
	})
}

// busy is how many events are being run.
func (d *dispatcher) busy() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(d.total)
}

func (d *dispatcher) end(e picloud.Event, end *context.CancelCauseFunc) {
	(*end)(nil)
	d.mu.Lock()
	if d.running[e.ScriptID]--; d.running[e.ScriptID] == 0 {
		delete(d.running, e.ScriptID)
	}
	d.total--
	if d.ends[e.ID] == end { // else the event was taken over by this very process
		delete(d.ends, e.ID)
	}
	d.mu.Unlock()
	poke(d.freed)
}

// sleep waits for a reason to look again.
func (d *dispatcher) sleep(ctx context.Context, due time.Time, entered, rescheduled, replaced <-chan struct{}) {
	var alarm <-chan time.Time
	if !due.IsZero() {
		timer := time.NewTimer(max(due.Sub(d.o.cfg.Now()), 0))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-entered:
	case <-rescheduled:
	case <-d.clockSet:
	case <-d.freed:
	case <-alarm:
	case <-replaced:
	case <-ctx.Done():
	}
}

// runEvent runs a script on an event and settles it.
func (o *Orchestrator) runEvent(ctx context.Context, e picloud.Event) {
	t := o.table.Load().byID[e.ScriptID]
	if t == nil {
		return // it was deleted just now, and its events with it
	}
	sub := t.subscription(e)
	if e.Attempts > sub.Attempts() {
		// Runs that began and of which nobody heard again: they may have
		// taken their process down.
		o.giveUp(ctx, t, e, fmt.Sprintf("the event was run %d times and never came to an end", e.Attempts-1))
		return
	}
	leave := func() {}
	defer func() { leave() }()
	j := o.prepare(t, eventExecution(e))
	defer j.host.end()
	for attempt := 1; ; attempt++ {
		started := o.cfg.Now()
		outcome := o.runOn(ctx, j)
		err := o.settleEvent(ctx, t, j, e, sub, started, outcome)
		switch {
		case err == nil:
			return
		case errors.Is(err, picloud.ErrStale) && attempt < maxAttempts:
			if attempt == 1 {
				leave = o.lanes.enter(ctx, t.script.AppID)
			}
		case errors.Is(err, picloud.ErrLost):
			o.cfg.Log.InfoContext(ctx, "an event was taken over while it was run: nothing of the run is kept", "event", e.ID, "script", t.script.Name)
			o.recordLost(ctx, t, e, started, outcome)
			return
		default:
			outcome.Response, outcome.Error, outcome.Effects, outcome.Journal = nil, o.unsettled(ctx, e.ID, err), nil, nil
			if err := o.settleEvent(ctx, t, j, e, sub, started, outcome); err != nil {
				// Its claim runs out, and it is tried again.
				o.cfg.Log.WarnContext(ctx, "what became of an event cannot be written", "event", e.ID, "script", t.script.Name, "err", err)
			}
			return
		}
	}
}

// eventExecution asks for a run on an event.
func eventExecution(e picloud.Event) picloud.Execution {
	if e.Trigger == picloud.TriggerAsync {
		return asyncExecution(e)
	}
	return picloud.Execution{
		ID: e.ID, Trigger: e.Trigger,
		Event: &picloud.EventInput{
			ID: e.ID, Source: e.Source, Key: userKey(e), Kind: e.Kind, Body: e.Body, At: e.EnteredAt, Due: e.PlannedAt, Attempt: e.Attempts,
		},
	}
}

// userKey is the key of an event as whoever published it has given it.
func userKey(e picloud.Event) string {
	if e.Trigger == picloud.TriggerSchedule {
		return "" // see Schedule.OrderKey
	}
	return e.Key
}

// settleEvent commits what a run on an event wants to change, and what becomes
// of the event: done, to be tried again, or given up.
func (o *Orchestrator) settleEvent(ctx context.Context, t *target, j *job, e picloud.Event, sub picloud.Subscription, started time.Time, out *picloud.Outcome) error {
	if e.Trigger == picloud.TriggerAsync {
		return o.settleAsync(ctx, t, j, e, sub, started, out)
	}
	c := picloud.Commit{AppID: t.script.AppID, Settle: []picloud.Settlement{{EventID: e.ID, Claim: e.Claim}}}
	settled := &c.Settle[0]
	if out.Effects != nil && !cutShort(out.Error) {
		c.Effects = *out.Effects
	}
	if out.Error != nil {
		c.Effects.Drop()
		settled.Error = recordedError(out.Error).Message
		if e.Attempts >= sub.Attempts() {
			settled.Dead = true
		} else {
			settled.RetryAt = o.cfg.Now().Add(jitter(sub.RetryDelay(e.Attempts, out.Error.RetryAfter)))
		}
	}
	c.Events, c.Streamed = o.fanOut(t.script.AppID, c.Effects.Messages), o.streamed(t.script.AppID, c.Effects.Messages)
	record := newEventRecord(t, e, o.cfg.IDs.New(), started, out)
	if out.Journal != nil {
		o.keepJournal(&record, &j.Execution, out)
	}
	c.Record = &record
	err := o.cfg.Store.Commit(ctx, c)
	if err == nil {
		o.recorder.wrote([]picloud.Record{record})
	}
	return err
}

// giveUp has an event be dead without another run.
func (o *Orchestrator) giveUp(ctx context.Context, t *target, e picloud.Event, why string) {
	err := o.cfg.Store.Commit(ctx, picloud.Commit{AppID: t.script.AppID, Settle: []picloud.Settlement{{EventID: e.ID, Claim: e.Claim, Dead: true, Error: why}}, AsyncRun: o.givenUp(e, why)})
	if err != nil && !errors.Is(err, picloud.ErrLost) {
		o.cfg.Log.WarnContext(ctx, "an event cannot be given up", "event", e.ID, "script", t.script.Name, "err", err)
	}
}

// jitter spreads retries, so that what failed together does not come back
// together: up to a fifth later.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/5+1))
}

// fanOut is the messages as events, one for each script that subscribes to
// their topic.
func (o *Orchestrator) fanOut(appID string, messages []picloud.Message) []picloud.NewEvent {
	if len(messages) == 0 {
		return nil
	}
	t := o.table.Load()
	now := o.cfg.Now()
	var events []picloud.NewEvent
	for i := range messages {
		m := &messages[i]
		for _, target := range t.subscribers[topicKey{appID, m.Topic}] {
			e := picloud.NewEvent{
				ID: o.cfg.IDs.New(), ScriptID: target.script.ID, Trigger: picloud.TriggerMessage,
				Source: m.Topic, Key: m.Key, Kind: m.Kind, Body: m.Body,
			}
			if m.Delay > 0 {
				e.DueAt = now.Add(m.Delay)
			}
			events = append(events, e)
		}
	}
	return events
}

// Publish publishes messages on topics of an app, and tells how many events
// they have become. When it returns, they are on disk.
func (o *Orchestrator) Publish(ctx context.Context, app string, messages []picloud.Message) (int, error) {
	if !o.inflight.begin() {
		return 0, errStopping()
	}
	defer o.inflight.end()
	t := o.table.Load()
	if t == nil {
		return 0, &picloud.Error{Code: picloud.CodeUnavailable, Message: "the server is starting", RetryAfter: retryAfter}
	}
	a := t.byName[app]
	if a == nil {
		return 0, picloud.NotFound("app", app)
	}
	for i := range messages {
		if err := messages[i].Validate(); err != nil {
			return 0, err
		}
	}
	events := o.fanOut(a.ID, messages)
	shown := o.streamed(a.ID, messages)
	if len(events)+len(shown) == 0 {
		return 0, nil
	}
	return len(events), o.cfg.Store.Commit(ctx, picloud.Commit{AppID: a.ID, Events: events, Streamed: shown})
}
