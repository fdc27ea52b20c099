package orchestrator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// AsyncPath is below where it is asked what became of a request that is
// answered later.
const AsyncPath = picloud.ReservedPrefix + "/invocations/"

// maxEventSource bounds what is shown of such a request among the events.
const maxEventSource = 200

// prefersAsync reports whether a client asks to be answered later (RFC 7240).
func prefersAsync(h http.Header) bool {
	for _, line := range h["Prefer"] {
		for preference := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(preference, ";")
			if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
				return true
			}
		}
	}
	return false
}

// newAsyncID is an id that nobody can guess.
func newAsyncID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// acceptance is a request that is to be answered later.
type acceptance struct {
	target   *target
	auth     picloud.RouteAuth // of the route, which is that of its status
	request  *picloud.Request
	delay    time.Duration
	delivery *picloud.Delivery // the webhook that it is, if it is one
	held     *hold             // if it is idempotent
}

// acceptLater enters a request to be answered later. When it returns without an
// error, it is on disk, and will end as done or failed.
func (o *Orchestrator) acceptLater(ctx context.Context, a acceptance) (*picloud.Response, string, error) {
	q := a.request
	if len(q.Body) > picloud.MaxAsyncRequest {
		return nil, "", picloud.Errorf(picloud.CodeTooLarge, "the body has more than the %d bytes that a request has which is answered later", picloud.MaxAsyncRequest)
	}
	if a.delay < 0 || a.delay > picloud.MaxDelay {
		return nil, "", picloud.Invalid("delay_seconds", "the delay is not between 0 and %d seconds", int64(picloud.MaxDelay.Seconds()))
	}
	id, sc := newAsyncID(), &a.target.script
	e := picloud.NewEvent{
		ID: id, ScriptID: sc.ID, Trigger: picloud.TriggerAsync, Source: clip(q.Method+" "+q.Path, maxEventSource),
		Kind: picloud.ValueBytes, Body: picloud.EncodeRequest(q),
	}
	due := o.cfg.Now()
	if a.delay > 0 {
		due = due.Add(a.delay)
		e.DueAt = due
	}
	resp := accepted(id)
	err := o.cfg.Store.Commit(ctx, picloud.Commit{
		AppID: sc.AppID, Events: []picloud.NewEvent{e}, Delivery: a.delivery, Answer: a.held.answer(resp),
		Async: &picloud.NewAsync{ID: id, ScriptID: sc.ID, Script: sc.Name, Auth: a.auth, Method: methodName(q.Method), Path: clip(q.Path, maxRecordedPath)},
	})
	if err != nil {
		return nil, "", err
	}
	a.held.kept()
	return resp, id, nil
}

// asyncStatus is what the public is told of a request that is answered later.
type asyncStatus struct {
	ID         string             `json:"id"`
	State      picloud.AsyncState `json:"state"`
	Runs       int                `json:"runs"`
	HTTPStatus int                `json:"http_status,omitempty"`
	EnteredAt  *time.Time         `json:"entered_at,omitempty"`
	DueAt      *time.Time         `json:"due_at,omitempty"`
	EndedAt    *time.Time         `json:"ended_at,omitempty"`
	ExpiresAt  *time.Time         `json:"expires_at,omitempty"`
	Result     string             `json:"result,omitempty"` // where the response is
}

// accepted is the answer to a request that is answered later.
func accepted(id string) *picloud.Response {
	r := jsonResponse(http.StatusAccepted, asyncStatus{ID: id, State: picloud.AsyncWaiting})
	r.Header["Location"] = []string{AsyncPath + id}
	r.Header["Preference-Applied"] = []string{"respond-async"}
	r.Header["Vary"] = []string{"Prefer"}
	return r
}

func jsonResponse(status int, v any) *picloud.Response {
	body, err := json.Marshal(v)
	if err != nil {
		panic("orchestrator: encode a status: " + err.Error()) // it is texts and numbers
	}
	return &picloud.Response{Status: status, Body: body, Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}}
}

// InvokeLater accepts a request to a script, as if it had come over the network
// and been led to it, and is the id under which to ask for it.
func (o *Orchestrator) InvokeLater(ctx context.Context, app, script string, r *http.Request, delay time.Duration) (string, error) {
	if !o.inflight.begin() {
		return "", errStopping()
	}
	defer o.inflight.end()
	t, request, release, err := o.madeUp(ctx, app, script, r)
	if err != nil {
		return "", err
	}
	defer release()
	_, id, err := o.acceptLater(ctx, acceptance{target: t, auth: picloud.AuthMember, request: request, delay: delay})
	return id, err
}

// AsyncResult is a request that is answered later, with its response when it
// has ended; nil when there is none.
func (o *Orchestrator) AsyncResult(ctx context.Context, app, id string) (picloud.AsyncInvocation, *picloud.Response, error) {
	a, data, err := o.cfg.Store.AsyncByID(ctx, app, id)
	if err != nil || len(data) == 0 {
		return a, nil, err
	}
	resp, err := picloud.DecodeResponse(data)
	return a, resp, err
}

// CancelAsync ends a request that is answered later. A run on it ends at once
// if it is on this node; in any case nothing of it is kept.
func (o *Orchestrator) CancelAsync(ctx context.Context, app, id string) (picloud.AsyncInvocation, error) {
	a, err := o.cfg.Store.CancelAsync(ctx, app, id)
	if err == nil {
		o.dispatch.withdraw(id)
	}
	return a, err
}

// asyncExecution asks for a run on a request that is answered later. There is
// none when somebody has put something else into its event.
func asyncExecution(e picloud.Event) picloud.Execution {
	request, err := picloud.DecodeRequest(e.Body)
	if err != nil {
		request = nil
	}
	return picloud.Execution{ID: e.ID, Trigger: e.Trigger, Request: request}
}

// runOn runs a script on an event.
func (o *Orchestrator) runOn(ctx context.Context, j *job) *picloud.Outcome {
	if j.Trigger != picloud.TriggerAsync {
		return o.execute(ctx, j)
	}
	if j.Request == nil {
		return &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeInvalid, Message: "the event's body is not a request"}}
	}
	out := o.execute(ctx, j)
	fitStored(out)
	return out
}

// asyncCommit is what a run on a request that is answered later wants to
// change, with its response or, if it failed, with when it is tried again. A
// status below 500 is an answer, also when it was thrown.
func (o *Orchestrator) asyncCommit(t *target, j *job, e picloud.Event, sub picloud.Subscription, started time.Time, out *picloud.Outcome) picloud.Commit {
	request := j.Request
	if request == nil {
		request = &picloud.Request{}
	}
	id, resp := o.cfg.IDs.New(), out.Response
	if out.Error != nil {
		resp = failure(out.Error, id)
	}
	record := newRecord(t, picloud.TriggerAsync, request, id, started, out, resp)
	if out.Journal != nil {
		o.keepJournal(record, &j.Execution, out)
	}
	run := &picloud.AsyncRun{
		ID: e.ID, State: picloud.AsyncDone, Runs: e.Attempts, InvocationID: id, HTTPStatus: resp.Status, Response: picloud.EncodeResponse(resp),
	}
	settled := picloud.Settlement{EventID: e.ID, Claim: e.Claim}
	if record.Invocation.Status != picloud.StatusOK {
		settled.Error = recordedError(out.Error).Message
		run.State, run.Error = picloud.AsyncFailed, settled.Error
		if settled.Dead = e.Attempts >= sub.Attempts(); !settled.Dead {
			settled.RetryAt = o.cfg.Now().Add(jitter(sub.RetryDelay(e.Attempts, out.Error.RetryAfter)))
			run.State, run.Response, run.HTTPStatus = picloud.AsyncWaiting, nil, 0
		}
	}
	c := picloud.Commit{AppID: t.script.AppID, Settle: []picloud.Settlement{settled}, Record: record, AsyncRun: run}
	if out.Effects != nil {
		c.Effects.Staged = out.Effects.Staged
		if !cutShort(out.Error) {
			c.Effects = *out.Effects
		}
	}
	if out.Error != nil {
		c.Effects.Drop()
	}
	c.Events, c.Streamed = o.fanOut(t.script.AppID, c.Effects.Messages), o.streamed(t.script.AppID, c.Effects.Messages)
	return c
}

// givenUp is what becomes of a request that is answered later whose runs never
// came to an end; nil for another event.
func (o *Orchestrator) givenUp(e picloud.Event, why string) *picloud.AsyncRun {
	if e.Trigger != picloud.TriggerAsync {
		return nil
	}
	resp := failure(&picloud.ScriptError{Code: picloud.CodeExecutorLost, Message: why}, e.ID)
	return &picloud.AsyncRun{
		ID: e.ID, State: picloud.AsyncFailed, Runs: e.Attempts - 1, HTTPStatus: resp.Status, Error: why, Response: picloud.EncodeResponse(resp),
	}
}
