package orchestrator

import (
	"context"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

// commit commits what a run or a client wants to change. The events among it
// that this node has room for are claimed on their way into the store and go
// straight into their lines: no statement looks for them.
func (o *Orchestrator) commit(ctx context.Context, c picloud.Commit) error {
	if err := o.knowBlobs(ctx, &c); err != nil {
		return err
	}
	o.dispatch.offer(c.Events)
	err := o.cfg.Store.Commit(ctx, c)
	o.dispatch.entered(c.AppID, c.Events, err)
	o.unstage(ctx, c.AppID, &c.Effects, err)
	return err
}

// commitLater is commit for who does not wait: done is called when it is
// written, by whoever wrote it, and must not take long.
func (o *Orchestrator) commitLater(c picloud.Commit, done func(error)) {
	if err := o.knowBlobs(context.Background(), &c); err != nil {
		done(err)
		return
	}
	o.dispatch.offer(c.Events)
	o.cfg.Store.CommitLater(c, func(err error) {
		o.dispatch.entered(c.AppID, c.Events, err)
		if len(c.Effects.Staged)+len(c.Effects.FileWrites) > 0 {
			o.background(func(ctx context.Context) { o.unstage(ctx, c.AppID, &c.Effects, err) })
		}
		done(err)
	})
}

// offer has events be claimed by this node on entering, as far as their lines
// have room and nothing older waits in the store.
func (d *dispatcher) offer(events []picloud.NewEvent) {
	if len(events) == 0 || d.withdrawn() {
		return
	}
	t, until := d.o.table.Load(), d.o.cfg.Now().Add(d.lease())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.life == nil || d.hungry || d.bytes > maxClaimedBytes {
		return
	}
	for i := range events {
		e := &events[i]
		target := t.byID[e.ScriptID]
		if target == nil || !target.script.Enabled || !e.DueAt.IsZero() {
			continue
		}
		if _, over := target.meter.spent(); over {
			continue
		}
		if l, rule := d.lineOf(target, e.Trigger, e.Source); !l.behind && l.room(rule) {
			l.offered++
			e.Claim, e.Until = d.claim, until
		}
	}
}

// entered takes the events into their lines that were entered claimed. When it
// is not known whether they were, they are given back later: nobody would run
// them before their claim ends.
func (d *dispatcher) entered(appID string, events []picloud.NewEvent, err error) {
	if len(events) == 0 {
		return
	}
	t, now := d.o.table.Load(), d.o.cfg.Now()
	var unknown []string
	d.mu.Lock()
	for i := range events {
		e := &events[i]
		if e.Claim == "" {
			continue
		}
		target := t.byID[e.ScriptID]
		if target == nil {
			delete(d.lines, lineKey{e.ScriptID, e.Source}) // they are gone with their script
			delete(d.lines, lineKey{e.ScriptID, ""})
			continue
		}
		l, rule := d.lineOf(target, e.Trigger, e.Source)
		l.offered = max(l.offered-1, 0)
		switch {
		case err == nil && e.Held:
			d.enqueue(l, picloud.Event{
				ID: e.ID, Seq: e.Seq, AppID: appID, ScriptID: e.ScriptID, Script: target.script.Name, Trigger: e.Trigger, Source: e.Source, Key: e.Key,
				Kind: e.Kind, Body: e.Body, EnteredAt: now, PlannedAt: now, DueAt: e.Until, State: picloud.EventWaiting, Claim: e.Claim, Attempts: 1,
			})
			d.begin(l, rule)
		case err != nil && !refused(err):
			unknown = append(unknown, e.ID)
		}
	}
	d.mu.Unlock()
	d.strand(unknown)
}

// refused reports whether a commit certainly has not happened.
func refused(err error) bool {
	var mine *picloud.Error
	return errors.As(err, &mine) && mine.Code != picloud.CodeUnavailable
}

// strand remembers events that may be claimed by this node without its knowing.
func (d *dispatcher) strand(ids []string) {
	if len(ids) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.adrift = append(d.adrift, ids...)
	d.hungry = true
	poke(d.freed)
}

// recover gives back what was stranded.
func (d *dispatcher) recover(ctx context.Context) error {
	d.mu.Lock()
	ids := d.adrift
	d.adrift = nil
	d.mu.Unlock()
	err := d.giveBack(ctx, ids)
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.adrift = append(d.adrift, ids...)
	}
	return err
}
