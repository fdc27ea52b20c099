package manager

import (
	"context"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerRecords() {
	register(m, operation{
		id: "list-invocations", method: http.MethodGet, path: "/apps/{app}/invocations", tag: "records", capability: access.ReadRecords,
		summary: "List invocations, newest first",
	}, m.listInvocations)
	register(m, operation{
		id: "get-invocation", method: http.MethodGet, path: "/apps/{app}/invocations/{id}", tag: "records", capability: access.ReadRecords,
		summary: "Show an invocation",
	}, m.getInvocation)
	register(m, operation{
		id: "list-logs", method: http.MethodGet, path: "/apps/{app}/logs", tag: "records", capability: access.ReadRecords,
		summary: "List what scripts logged, newest first",
	}, m.listLogs)
	register(m, operation{
		id: "follow-logs", method: http.MethodGet, path: "/apps/{app}/logs/stream", tag: "records", capability: access.ReadRecords,
		summary: "Follow what scripts log as server-sent events", timeout: -1,
		stream: m.api.OpenAPI().Components.Schemas.Schema(logLineType, true, "LogLine"),
	}, m.followLogs)
}

// PageQuery is what both lists of records can be asked for.
type PageQuery struct {
	Script string    `query:"script" doc:"Only of this script"`
	Since  time.Time `query:"since" doc:"Only from this time on, as RFC 3339"`
	Before int64     `query:"before" minimum:"0" doc:"Only what was recorded before this seq"`
	After  int64     `query:"after" minimum:"0" doc:"Only what was recorded after this seq, with order=asc"`
	Order  string    `query:"order" enum:"asc,desc" doc:"desc if absent"`
	Limit  int       `query:"limit" minimum:"0" maximum:"1000" doc:"100 if absent"`
}

func (in PageQuery) query(app string) (picloud.RecordQuery, error) {
	q := picloud.RecordQuery{
		App: app, Script: in.Script, Since: in.Since, Ascending: in.Order == "asc",
		After: in.After, Before: in.Before, Limit: pageSize(in.Limit),
	}
	if in.After > 0 && !q.Ascending {
		return q, &picloud.Error{Code: picloud.CodeInvalid, Field: "query.after", Message: "it goes with order=asc only"}
	}
	if in.Before > 0 && q.Ascending {
		return q, &picloud.Error{Code: picloud.CodeInvalid, Field: "query.before", Message: "it goes with order=desc only"}
	}
	return q, nil
}

// flush sees to it that somebody who has just called a script finds the record
// of it. That it cannot be entered is no reason to show nothing.
func (m *Manager) flush(ctx context.Context) {
	if err := m.records.Flush(ctx); err != nil {
		m.log.WarnContext(ctx, "records are waiting", "err", err)
	}
}

// cursors are the page's ends: before is 0 on the last page towards the past.
func cursors(q picloud.RecordQuery, n int, seq func(int) int64) (before, after int64) {
	switch {
	case q.Ascending && n > 0:
		return 0, seq(n - 1)
	case q.Ascending:
		return 0, q.After
	case n > 0:
		after = seq(0)
	}
	if n == q.Limit {
		before = seq(n - 1)
	}
	return before, after
}

type invocationsInput struct {
	AppPath
	PageQuery
	Status string `query:"status" enum:"ok,error,limit,timeout,cancel" doc:"Only with this outcome"`
}

type invocationsOutput struct{ Body api.Invocations }

func (m *Manager) listInvocations(ctx context.Context, _ picloud.Principal, in *invocationsInput) (*invocationsOutput, error) {
	q, err := in.query(in.App)
	if err != nil {
		return nil, err
	}
	q.Status = picloud.Status(in.Status)
	m.flush(ctx)
	list, err := m.store.ListInvocations(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &invocationsOutput{Body: api.Invocations{Invocations: list}}
	out.Body.Before, out.Body.After = cursors(q, len(list), func(i int) int64 { return list[i].Seq })
	return out, nil
}

type invocationInput struct {
	App string `path:"app"`
	ID  string `path:"id"`
}

type invocationOutput struct{ Body picloud.Invocation }

func (m *Manager) getInvocation(ctx context.Context, _ picloud.Principal, in *invocationInput) (*invocationOutput, error) {
	m.flush(ctx)
	v, err := m.store.InvocationByID(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	return &invocationOutput{Body: v}, nil
}

type logsInput struct {
	AppPath
	PageQuery
	LogFilter
}

// LogFilter is what only lines can be asked for by.
type LogFilter struct {
	Invocation string `query:"invocation" doc:"Only of this invocation"`
	Level      string `query:"level" enum:"debug,info,warn,error" doc:"This level and heavier ones"`
}

type logsOutput struct{ Body api.Logs }

func (m *Manager) listLogs(ctx context.Context, _ picloud.Principal, in *logsInput) (*logsOutput, error) {
	q, err := in.query(in.App)
	if err != nil {
		return nil, err
	}
	q.Invocation, q.MinLevel = in.Invocation, picloud.Level(in.Level)
	m.flush(ctx)
	list, err := m.store.ListLogs(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &logsOutput{Body: api.Logs{Lines: list}}
	out.Body.Before, out.Body.After = cursors(q, len(list), func(i int) int64 { return list[i].Seq })
	return out, nil
}
