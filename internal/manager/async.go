package manager

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const asyncPath = "/apps/{app}/async"

func (m *Manager) registerAsync() {
	register(m, operation{
		id: "invoke-script-later", method: http.MethodPost, path: scriptPath + "/async", tag: "scripts", capability: access.Invoke,
		summary: "Run a script on a made-up request, later; the answer means that it is on disk", maxBody: maxInvokeBody,
	}, m.invokeLater)
	register(m, operation{
		id: "list-async", method: http.MethodGet, path: asyncPath, tag: "records", capability: access.ReadRecords,
		summary: "List requests that are answered later, the newest first",
	}, m.listAsync)
	register(m, operation{
		id: "get-async", method: http.MethodGet, path: asyncPath + "/{id}", tag: "records", capability: access.Invoke,
		summary: "Show what became of a request that is answered later",
	}, m.getAsync)
	register(m, operation{
		id: "get-async-result", method: http.MethodGet, path: asyncPath + "/{id}/result", tag: "records", capability: access.Invoke,
		summary: "Show the response to a request that is answered later",
	}, m.getAsyncResult)
	register(m, operation{
		id: "cancel-async", method: http.MethodPost, path: asyncPath + "/{id}/cancel", tag: "scripts", capability: access.Invoke,
		summary: "Cancel a request that is answered later; nothing of a run that has begun is kept",
	}, m.cancelAsync)
}

type invokeLaterInput struct {
	ScriptPath
	Body api.InvokeLater
}

type asyncOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     api.Async
}

func (m *Manager) invokeLater(ctx context.Context, _ picloud.Principal, in *invokeLaterInput) (*asyncOutput, error) {
	auditing(ctx).target(in.Script)
	r, err := invokeRequest(ctx, &invokeInput{ScriptPath: in.ScriptPath, Body: in.Body.Invoke})
	if err != nil {
		return nil, err
	}
	r.Host = AppHost(m.public, in.App)
	r.RemoteAddr = net.JoinHostPort(requestOf(ctx).address, "0")
	delay := time.Duration(min(in.Body.DelaySeconds, 2*picloud.MaxDelay.Seconds()) * float64(time.Second))
	id, err := m.invoker.InvokeLater(ctx, in.App, in.Script, r, delay)
	if err != nil {
		return nil, err
	}
	a, _, err := m.invoker.AsyncResult(ctx, in.App, id)
	if err != nil {
		return nil, err
	}
	return &asyncOutput{Status: http.StatusAccepted, Location: "/api/v1/apps/" + in.App + "/async/" + id, Body: asyncOf(&a)}, nil
}

func asyncOf(a *picloud.AsyncInvocation) api.Async {
	return api.Async{
		ID: a.ID, Script: a.Script, State: a.State, Method: a.Method, Path: a.Path, Runs: a.Runs, InvocationID: a.InvocationID,
		HTTPStatus: a.HTTPStatus, Error: a.Error, EnteredAt: a.EnteredAt, DueAt: a.DueAt, EndedAt: a.EndedAt, ExpiresAt: a.ExpiresAt,
	}
}

type listAsyncInput struct {
	AppPath
	Script string `query:"script" doc:"Only of this script"`
	Before string `query:"before" doc:"The cursor of a page before"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 100 when absent"`
}

type asyncListOutput struct{ Body api.AsyncList }

func (m *Manager) listAsync(ctx context.Context, _ picloud.Principal, in *listAsyncInput) (*asyncListOutput, error) {
	q := picloud.AsyncQuery{App: in.App, Script: in.Script, Before: in.Before, Limit: pageSize(in.Limit)}
	list, err := m.store.ListAsync(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &asyncListOutput{Body: api.AsyncList{Invocations: make([]api.Async, len(list))}}
	for i := range list {
		out.Body.Invocations[i] = asyncOf(&list[i])
	}
	if len(list) == q.Limit {
		out.Body.Before = list[len(list)-1].ID
	}
	return out, nil
}

type asyncInput struct {
	App string `path:"app"`
	ID  string `path:"id"`
}

func (m *Manager) getAsync(ctx context.Context, _ picloud.Principal, in *asyncInput) (*asyncOutput, error) {
	a, _, err := m.invoker.AsyncResult(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	return &asyncOutput{Status: http.StatusOK, Body: asyncOf(&a)}, nil
}

func (m *Manager) getAsyncResult(ctx context.Context, _ picloud.Principal, in *asyncInput) (*invokeOutput, error) {
	a, resp, err := m.invoker.AsyncResult(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	if resp == nil {
		return nil, picloud.Errorf(picloud.CodeConflict, "there is no result: the invocation is %s", a.State)
	}
	out := &invokeOutput{Body: api.Invoked{InvocationID: a.InvocationID, Status: resp.Status, Headers: headerList(resp.Header)}}
	if utf8.Valid(resp.Body) {
		out.Body.Body = string(resp.Body)
	} else {
		out.Body.BodyBase64 = base64.StdEncoding.EncodeToString(resp.Body)
	}
	return out, nil
}

func (m *Manager) cancelAsync(ctx context.Context, _ picloud.Principal, in *asyncInput) (*asyncOutput, error) {
	auditing(ctx).target(in.ID)
	a, err := m.invoker.CancelAsync(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	return &asyncOutput{Status: http.StatusOK, Body: asyncOf(&a)}, nil
}
