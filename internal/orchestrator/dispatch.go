package orchestrator

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// maxDispatched is how many events of all scripts are run or settled at a
	// time.
	maxDispatched = 512
	// claimBatch and minClaim are how many are claimed at once, at most and at
	// least.
	claimBatch = 256
	minClaim   = 16
	// maxClaimedBytes is how much the events that wait for their turn may take
	// before no more are claimed.
	maxClaimedBytes = 32 << 20
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
//
// What it claims waits in a line for a slot of its script. What this node
// enters itself goes into the line on its way into the store, claimed already.
type dispatcher struct {
	o *Orchestrator
	// claim is what the events that this process runs are claimed with: the
	// node's id, so that the others can tell when it is gone.
	claim string

	work  sync.WaitGroup
	freed chan struct{} // holds one when there is room again since the last look

	// resting is the table that was looked at before going to sleep; nil while
	// awake. Tests wait for it.
	resting atomic.Pointer[table]

	times    timetable
	clock    jump
	unheed   func()        // stops listening for events that are withdrawn
	clockSet chan struct{} // holds one when the clock was set since the last look

	mu     sync.Mutex
	life   context.Context                     // of the runs: does not end; nil while nothing is to be begun
	ends   map[string]*context.CancelCauseFunc // of the runs, by event id
	lines  map[lineKey]*line
	total  int      // events being run or settled
	bytes  int      // of those that wait in lines
	hungry bool     // the store may hold more that is due
	limit  int      // how many to claim at once
	adrift []string // ids of events that may be claimed by nobody's knowledge
}

func newDispatcher(o *Orchestrator) *dispatcher {
	return &dispatcher{
		o: o, claim: o.member.id, freed: make(chan struct{}, 1), lines: map[lineKey]*line{}, limit: claimBatch, hungry: true,
		times: timetable{o: o}, ends: map[string]*context.CancelCauseFunc{}, clockSet: make(chan struct{}, 1), unheed: func() {},
	}
}

// start begins to dispatch until ctx ends.
func (d *dispatcher) start(ctx context.Context) {
	d.mu.Lock()
	d.life = context.WithoutCancel(ctx)
	d.mu.Unlock()
	d.unheed = d.o.cfg.Store.OnWithdrawn(d.withdraw)
	d.work.Go(func() {
		d.loop(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.life = nil
	})
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

// wait waits for the runs that have begun, and gives back what has not.
func (d *dispatcher) wait(ctx context.Context) error {
	defer d.unheed()
	done := make(chan struct{})
	go func() {
		d.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return d.giveBack(ctx, d.leaveLines())
}

// leaveLines empties the lines, and is what was in them.
func (d *dispatcher) leaveLines() (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		for i := range l.waiting {
			ids = append(ids, l.waiting[i].ID)
		}
		l.waiting = nil
	}
	d.bytes = 0
	return ids
}

// giveBack has events that were claimed and not begun be due again.
func (d *dispatcher) giveBack(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return d.o.cfg.Store.ReturnEvents(ctx, d.claim, ids)
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

// round claims what is due and has it run. more says that there may be more to
// be claimed at once; otherwise due is when the next event is, or zero.
func (d *dispatcher) round(ctx context.Context, t *table) (due time.Time, more bool, err error) {
	if d.withdrawn() {
		return d.o.cfg.Now().Add(retryDispatch), false, nil
	}
	if err := d.recover(ctx); err != nil {
		return time.Time{}, false, err
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
	limit, except, until := d.room(t)
	if limit == 0 {
		return d.times.due, false, nil // a run that ends wakes the loop, too
	}
	events, err := d.o.cfg.Store.ClaimEvents(ctx, d.claim, d.o.cfg.Now().Add(d.lease()), limit, except)
	if err != nil {
		return time.Time{}, false, err
	}
	back := d.accept(events, limit)
	if err := d.giveBack(ctx, back); err != nil {
		d.strand(back)
		return time.Time{}, false, err
	}
	switch {
	case len(events) > len(back):
		return time.Time{}, true, nil
	case len(events) > 0:
		return d.times.due, false, nil // all of them wait for a slot
	}
	due, ok, err := d.o.cfg.Store.NextEvent(ctx, except)
	if !ok || !until.IsZero() && until.Before(due) {
		due = until
	}
	return sooner(due, d.times.due), false, err
}

// withdrawn reports whether this node is to leave events to the others: it
// drains, or could not show for a while that it lives.
func (d *dispatcher) withdrawn() bool { return d.o.inflight.closed() || d.o.CutOff() }

// lease is how long a claim lasts.
func (d *dispatcher) lease() time.Duration { return picloud.MaxLimits().EventWallTime() + claimGrace }

// room is how many events may be claimed, and those that are left in the store:
// of lines that are full, of scripts that are switched off, and of apps that
// have used up their operations of the day, until there are new ones.
func (d *dispatcher) room(t *table) (limit int, except []picloud.EventLine, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hungry = true
	if d.total > maxDispatched*3/4 || d.bytes > maxClaimedBytes {
		return 0, nil, until
	}
	for _, target := range t.byID {
		midnight, over := target.meter.spent()
		if over {
			until = midnight
		}
		if over || !target.script.Enabled {
			except = append(except, picloud.EventLine{ScriptID: target.script.ID})
		}
	}
	for key, l := range d.lines {
		target := t.byID[key.scriptID]
		if target == nil {
			continue
		}
		if l.behind = !l.room(target.rule(key.source)); l.behind {
			except = append(except, picloud.EventLine{ScriptID: key.scriptID, Source: key.source})
		}
	}
	return d.limit, except, until
}

// accept has claimed events wait in their lines, and is those that cannot. So
// many had been asked for.
func (d *dispatcher) accept(events []picloud.Event, asked int) (back []string) {
	t := d.o.table.Load() // they may be of scripts that are newer than the table of before the claim
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range events {
		e := &events[i]
		target := t.byID[e.ScriptID]
		if target == nil {
			back = append(back, e.ID) // if it is there still
			continue
		}
		l, rule := d.lineOf(target, e.Trigger, e.Source)
		if !l.accepts(e, rule) {
			l.behind = true
			back = append(back, e.ID)
			continue
		}
		d.enqueue(l, *e)
		d.begin(l, rule)
	}
	d.hungry = len(events) == asked
	if d.limit = min(2*d.limit, claimBatch); len(back) > 0 {
		d.limit = min(max(2*(len(events)-len(back)), minClaim), claimBatch)
	}
	return back
}

// lineOf is the line for events of a script, with its rule.
func (d *dispatcher) lineOf(t *target, trigger picloud.Trigger, source string) (*line, lineRule) {
	key, rule := t.lineFor(trigger, source)
	l := d.lines[key]
	if l == nil {
		l = &line{key: key}
		d.lines[key] = l
	}
	return l, rule
}

func (d *dispatcher) enqueue(l *line, e picloud.Event) {
	l.waiting = append(l.waiting, e)
	d.bytes += len(e.Body)
}

// begin has as many events of a line run as there are slots.
func (d *dispatcher) begin(l *line, r lineRule) {
	for d.life != nil && l.runs < r.slots && len(l.waiting) > 0 && d.total < maxDispatched {
		ctx := d.life
		e := d.next(l)
		l.runs++
		d.work.Go(func() { d.serve(ctx, l, e) })
	}
}

// next takes the next event of a line to run it.
func (d *dispatcher) next(l *line) picloud.Event {
	e := l.take()
	d.bytes -= len(e.Body)
	d.total++
	return e
}

// serve runs events of a line, one after the other, while there are any. What
// becomes of one is written while the next one runs.
func (d *dispatcher) serve(ctx context.Context, l *line, e picloud.Event) {
	for {
		took := d.run(ctx, e)
		next, ok := d.more(l, took)
		if !ok {
			return
		}
		e = next
	}
}

// run runs an event; whoever withdraws the event ends the run.
func (d *dispatcher) run(ctx context.Context, e picloud.Event) time.Duration {
	ctx, end := context.WithCancelCause(ctx)
	d.mu.Lock()
	d.ends[e.ID] = &end
	d.mu.Unlock()
	took := d.o.runEvent(ctx, e, d.settled)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ends[e.ID] == &end { // else the event was taken over by this very process
		delete(d.ends, e.ID)
	}
	return took
}

// more is the next event for a slot of a line, or gives the slot up.
func (d *dispatcher) more(l *line, took time.Duration) (e picloud.Event, ok bool) {
	t := d.o.table.Load().byID[l.key.scriptID]
	d.mu.Lock()
	defer d.mu.Unlock()
	l.ran(took)
	if d.life != nil && t != nil && len(l.waiting) > 0 && d.total < maxDispatched && l.runs <= t.rule(l.key.source).slots {
		e, ok = d.next(l), true
	} else {
		l.runs--
	}
	if t == nil {
		l.waiting, l.behind = nil, false // they are gone with their script
	}
	if d.hungry || l.behind && (t == nil || len(l.waiting) <= l.window(t.rule(l.key.source))/2) {
		poke(d.freed)
	}
	if l.idle() && d.lines[l.key] == l {
		delete(d.lines, l.key)
	}
	return e, ok
}

// settled is called when it is written what became of an event.
func (d *dispatcher) settled() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.total--; d.total == maxDispatched-1 {
		t := d.o.table.Load()
		for _, l := range d.lines { // that may have waited for this alone
			if target := t.byID[l.key.scriptID]; target != nil {
				d.begin(l, target.rule(l.key.source))
			}
		}
	}
	if d.hungry {
		poke(d.freed)
	}
}

// busy is how many events are being run.
func (d *dispatcher) busy() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(d.total)
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
	case <-d.freed:
	case <-alarm:
	case <-rescheduled:
	case <-d.clockSet:
	case <-replaced:
	case <-ctx.Done():
	}
}
