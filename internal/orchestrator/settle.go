package orchestrator

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// maxAttempts is how often an invocation is run at most before its client is
// told that the data keeps changing.
const maxAttempts = 16

// invoke runs a script, makes what it wants to change happen, and makes its
// response. When others have changed meanwhile what it read, it is run again.
// The record is nil when it was entered together with the changes. An error
// means that the script has not run. The delivery, which may be nil, is
// remembered together with the changes if the answer says that it was taken; so
// is the answer to an idempotent request, which is held.
func (o *Orchestrator) invoke(ctx context.Context, t *target, trigger picloud.Trigger, request *picloud.Request, id string, delivery *picloud.Delivery, held *hold) (*picloud.Response, *picloud.Record, error) {
	started := o.cfg.Now()
	trace := traceParent(request.Header, id)
	leave := func() {}
	defer func() { leave() }()
	j := o.prepare(t, picloud.Execution{ID: id, Trigger: trigger, Request: request})
	defer j.host.end()
	for attempt := 1; ; attempt++ {
		outcome, err := o.run(ctx, t, j)
		if err != nil {
			return nil, nil, err
		}
		o.streamable(t.script.AppID, outcome)
		held.fit(outcome)
		resp, record := o.conclude(t, j, started, trace, outcome)
		answer := held.answer(resp)
		taken := delivery
		if resp.Status/100 != 2 {
			taken = nil // its sender is to try again
		}
		if outcome.Effects == nil && taken == nil && answer == nil {
			return resp, record, nil
		}
		switch err := o.settle(ctx, t, outcome, record, taken, answer); {
		case err == nil && (outcome.Effects.Changes() || taken != nil || answer != nil):
			if answer != nil {
				held.kept()
			}
			o.recorder.wrote([]picloud.Record{*record})
			return resp, nil, nil
		case err == nil:
			return resp, record, nil
		case errors.Is(err, picloud.ErrDelivered):
			return duplicate(), record, nil
		case errors.Is(err, picloud.ErrStale) && attempt < maxAttempts && ctx.Err() == nil:
			if attempt == 1 {
				leave = o.lanes.enter(ctx, t.script.AppID)
			}
		default:
			outcome.Response, outcome.Error, outcome.Journal = nil, o.unsettled(ctx, id, err), nil
			resp, record = o.conclude(t, j, started, trace, outcome)
			return resp, record, nil
		}
	}
}

// conclude makes the response and the record of a run.
func (o *Orchestrator) conclude(t *target, j *job, started time.Time, trace string, out *picloud.Outcome) (*picloud.Response, *picloud.Record) {
	resp := out.Response
	if out.Error != nil {
		resp = failure(out.Error, j.ID)
	}
	if trace != "" {
		resp.Header["Traceparent"] = []string{trace}
	}
	record := newRecord(t, j.Trigger, j.Request, j.ID, started, out, resp)
	if out.Journal != nil {
		o.keepJournal(record, &j.Execution, out)
	}
	return resp, record
}

// settle makes what a run wants to change happen, or makes sure that what it
// saw was so all at one moment. A single look at the data is so by itself.
func (o *Orchestrator) settle(ctx context.Context, t *target, out *picloud.Outcome, record *picloud.Record, taken *picloud.Delivery, answer *picloud.Answer) (err error) {
	switch {
	case out.Effects == nil:
		return o.commit(ctx, picloud.Commit{AppID: t.script.AppID, Record: record, Delivery: taken, Answer: answer})
	case out.Effects.Changes() || taken != nil || answer != nil:
		return o.commit(ctx, picloud.Commit{AppID: t.script.AppID, Effects: *out.Effects, Events: o.fanOut(t.script.AppID, out.Effects.Messages), Streamed: o.streamed(t.script.AppID, out.Effects.Messages), Record: record, Delivery: taken, Answer: answer})
	case out.Effects.Observations() > 1 && !cutShort(out.Error):
		err = o.cfg.Store.Unchanged(ctx, t.script.AppID, out.Effects)
	}
	o.unstage(ctx, t.script.AppID, out.Effects, nil) // nothing has a name
	return err
}

// cutShort reports whether a run was ended from outside, whatever it saw.
func cutShort(e *picloud.ScriptError) bool {
	if e == nil {
		return false
	}
	switch e.Code {
	case picloud.CodeScriptError, picloud.CodeThrown, picloud.CodeBadResponse:
		return false
	}
	return true
}

// unsettled is why the changes of a run could not be made.
func (o *Orchestrator) unsettled(ctx context.Context, id string, err error) *picloud.ScriptError {
	var mine *picloud.Error
	if errors.As(err, &mine) {
		return &picloud.ScriptError{Code: mine.Code, Message: mine.Message}
	}
	o.cfg.Log.ErrorContext(ctx, "what a script wants to change cannot be written", "request_id", id, "err", err)
	return &picloud.ScriptError{Code: picloud.CodeUnavailable, Message: "the changes could not be written"}
}

// lanes let invocations that lost to others run one after the other, for each
// app: otherwise all of them would lose again but one. The zero value is ready.
type lanes struct {
	mu    sync.Mutex
	byApp map[string]*lane
}

// lane is a lock that can be waited for with a context.
type lane struct {
	turn  chan struct{} // holds one while somebody is in
	users int           // who are in or wait
}

// enter waits for the app's lane; the caller leaves it by the function that it
// returns. When ctx ends first, it goes on without.
func (ls *lanes) enter(ctx context.Context, appID string) (leave func()) {
	ls.mu.Lock()
	if ls.byApp == nil {
		ls.byApp = map[string]*lane{}
	}
	l := ls.byApp[appID]
	if l == nil {
		l = &lane{turn: make(chan struct{}, 1)}
		ls.byApp[appID] = l
	}
	l.users++
	ls.mu.Unlock()
	entered := false
	select {
	case l.turn <- struct{}{}:
		entered = true
	case <-ctx.Done():
	}
	return func() {
		if entered {
			<-l.turn
		}
		ls.mu.Lock()
		defer ls.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(ls.byApp, appID)
		}
	}
}
