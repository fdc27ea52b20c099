package orchestrator

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// serveLater accepts a request that is answered later.
func (o *Orchestrator) serveLater(ctx context.Context, a acceptance, by *knownCaller, id string) *picloud.Response {
	resp, _, err := o.acceptLater(ctx, a)
	if errors.Is(err, picloud.ErrDelivered) {
		return duplicate()
	}
	if err != nil {
		return refusal(err, id)
	}
	o.touch(ctx, by)
	return resp
}

// asyncRetry is after what time it is worth asking again for what has not ended.
const asyncRetry = time.Second

// serveAsync answers who asks what became of a request that is answered later:
//
//	GET    /_picloud/invocations/ID         its state
//	GET    /_picloud/invocations/ID/result  its response, once it has ended
//	DELETE /_picloud/invocations/ID         cancels it
//
// Nobody can guess an id, so who knows one was told; where the route asked for a
// key or a session, so does this.
func (o *Orchestrator) serveAsync(t *table, path string, r *http.Request, id string) *picloud.Response {
	a := t.app(r.Host)
	async, rest, _ := strings.Cut(strings.TrimPrefix(path, AsyncPath), "/")
	if a == nil || len(async) != 2*16 || rest != "" && rest != "result" {
		return refusal(errNoRoute(), id)
	}
	if resp := wrongMethod(r.Method, rest, id); resp != nil {
		return resp
	}
	v, result, err := o.AsyncResult(r.Context(), a.Name, async)
	if err == nil && v.Auth != picloud.AuthPublic {
		_, err = o.admit(t, a, v.Auth, r)
	}
	if err == nil && r.Method == http.MethodDelete {
		v, err = o.CancelAsync(r.Context(), a.Name, async)
	}
	if picloud.IsCode(err, picloud.CodeNotFound) {
		err = errNoRoute() // that says nothing of what there once was
	}
	if err != nil {
		return refusal(err, id)
	}
	if rest == "result" {
		return asyncResult(&v, result, id)
	}
	return statusResponse(http.StatusOK, &v)
}

// wrongMethod refuses a method that is not one of those above.
func wrongMethod(method, rest, id string) *picloud.Response {
	allow := "GET, HEAD, OPTIONS"
	if rest == "" {
		allow += ", DELETE"
	}
	var resp *picloud.Response
	switch {
	case method == http.MethodGet || method == http.MethodHead || method == http.MethodDelete && rest == "":
		return nil
	case method == http.MethodOptions:
		resp = &picloud.Response{Status: http.StatusNoContent, Header: http.Header{}}
	default:
		resp = refusal(picloud.Errorf(picloud.CodeMethodNotAllowed, "the method is not one of %s", allow), id)
	}
	resp.Header["Allow"] = []string{allow}
	return resp
}

// asyncResult is the response to a request that is answered later; while it has
// not ended, its state with 202.
func asyncResult(v *picloud.AsyncInvocation, result *picloud.Response, id string) *picloud.Response {
	switch {
	case !v.State.Ended():
		resp := statusResponse(http.StatusAccepted, v)
		setRetryAfter(resp, asyncRetry)
		return resp
	case result == nil:
		return refusal(picloud.Errorf(picloud.CodeConflict, "there is no result: the invocation is %s", v.State), id)
	}
	return result
}

// statusResponse shows the state of a request that is answered later.
func statusResponse(status int, v *picloud.AsyncInvocation) *picloud.Response {
	s := asyncStatus{
		ID: v.ID, State: v.State, Runs: v.Runs, HTTPStatus: v.HTTPStatus,
		EnteredAt: moment(v.EnteredAt), DueAt: moment(v.DueAt), EndedAt: moment(v.EndedAt), ExpiresAt: moment(v.ExpiresAt),
	}
	if v.State.Ended() && v.HTTPStatus != 0 {
		s.Result = AsyncPath + v.ID + "/result"
	}
	resp := jsonResponse(status, s)
	if !v.State.Ended() {
		setRetryAfter(resp, asyncRetry)
	}
	return resp
}

// moment is a time, nil for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
