package manager

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// auditor takes what a handler says of what it does, for the entry that is
// written when it ends. Only what is named here is ever written: fields are
// chosen one by one by the functions that make them.
type auditor struct{ e *picloud.AuditEntry }

// auditing is the auditor of a request.
func auditing(ctx context.Context) auditor { return auditor{&requestOf(ctx).entry} }

// by names the user who did it, where that is not who was signed in: signing
// in is done by somebody who was not.
func (a auditor) by(u picloud.User) auditor {
	a.e.Actor, a.e.UserID, a.e.Username = picloud.ActorUser, u.ID, u.Username
	return a
}

// app names the app that it was done to, where the path does not.
func (a auditor) app(name string) auditor {
	a.e.App = name
	return a
}

// target names what it was done to. It is never what somebody typed that was
// not found: people type passwords in the wrong field.
func (a auditor) target(name string) auditor {
	a.e.Target = name
	return a
}

// before is how things were.
func (a auditor) before(fields map[string]any) auditor {
	a.e.Before = fields
	return a
}

// after is how things are.
func (a auditor) after(fields map[string]any) auditor {
	a.e.After = fields
	return a
}

// action names what was done, where that is not the operation.
func (a auditor) action(name string) auditor {
	a.e.Action = name
	return a
}

// auditAttempt names whom a sign-in that failed was for, if there is such a
// user. The question costs the same whether there is or not.
func (m *Manager) auditAttempt(ctx context.Context, login string) {
	name, err := picloud.NormalizeUsername(login)
	if err != nil {
		name = "" // an address, or nothing that could be a name
	}
	if u, err := m.store.UserByName(ctx, name); err == nil {
		auditing(ctx).target(u.Username)
	}
}

// userFields is what the audit log shows of a user.
func userFields(u picloud.User) map[string]any {
	return map[string]any{"username": u.Username, "email": u.Email, "role": u.Role, "active": u.Active}
}

// audited reports whether an operation goes to the audit log: compiling is no
// change, and reading is only in the access log.
func (op operation) audited() bool {
	return op.method != http.MethodGet && op.capability != access.CheckScripts
}

// audit writes down who did what, whether it went well or not, to the audit
// log and to the server's. It is called before the answer is sent, so that what
// was acknowledged is in it.
func (m *Manager) audit(ctx context.Context, op operation, p picloud.Principal, app string, err error) {
	if !op.audited() {
		return
	}
	info := requestOf(ctx)
	e := info.entry.By(p)
	e.Outcome, e.Address, e.RequestID = outcomeOf(err), info.address, info.id
	if e.Action == "" {
		e.Action = op.id
	}
	if e.App == "" {
		e.App = app
	}
	m.writeAudit(ctx, e)
}

// outcomeOf is how an action ended, as the audit log has it.
func outcomeOf(err error) string {
	var ready *api.Problem
	switch {
	case err == nil:
		return picloud.OutcomeOK
	case errors.As(err, &ready):
		return string(ready.Code)
	}
	return string(picloud.ErrorCode(err))
}

// writeAudit enters an entry. What was done is done: that it cannot be entered
// is said in the server's log, which has the line in any case. The client that
// goes away does not keep it from being written.
func (m *Manager) writeAudit(ctx context.Context, e picloud.AuditEntry) {
	m.log.InfoContext(ctx, "audit", "action", e.Action, "user", e.Username, "outcome", e.Outcome,
		"key", e.KeyName, "app", e.App, "target", e.Target, "address", e.Address, "request_id", e.RequestID)
	if err := m.store.AddAudit(context.WithoutCancel(ctx), e); err != nil {
		m.log.ErrorContext(ctx, "audit log not written", "err", err, "action", e.Action, "request_id", e.RequestID)
	}
}

func (m *Manager) registerAudit() {
	register(m, operation{
		id: "list-audit", method: http.MethodGet, path: "/audit", tag: "audit", capability: access.ReadAudit,
		summary: "List who did what on the instance, newest first",
	}, m.listAudit)
	register(m, operation{
		id: "list-app-audit", method: http.MethodGet, path: "/apps/{app}/audit", tag: "audit", capability: access.ReadAppAudit,
		summary: "List who did what to an app, newest first",
	}, m.listAppAudit)
}

// AuditFilter is what the audit log can be asked for by.
type AuditFilter struct {
	User   string    `query:"user" doc:"Only what was done by the user of this name"`
	Action string    `query:"action" doc:"Only this operation, such as deploy"`
	Target string    `query:"target" doc:"Only what was done to this"`
	Failed bool      `query:"failed" doc:"Only what did not go well"`
	Since  time.Time `query:"since" doc:"Only from this time on, as RFC 3339"`
	Until  time.Time `query:"until" doc:"Only before this time, as RFC 3339"`
	Before int64     `query:"before" minimum:"0" doc:"Only entries with a lower seq"`
	Limit  int       `query:"limit" minimum:"0" maximum:"1000" doc:"100 if absent"`
}

func (in AuditFilter) query(app string) picloud.AuditQuery {
	return picloud.AuditQuery{
		Username: in.User, Action: in.Action, App: app, Target: in.Target, Failed: in.Failed,
		Since: in.Since, Until: in.Until, Before: in.Before, Limit: pageSize(in.Limit),
	}
}

type auditInput struct {
	AuditFilter
	App string `query:"app" doc:"Only what was done to this app"`
}

type appAuditInput struct {
	AppPath
	AuditFilter
}

type auditOutput struct{ Body api.Audit }

func (m *Manager) listAudit(ctx context.Context, _ picloud.Principal, in *auditInput) (*auditOutput, error) {
	return m.auditPage(ctx, in.query(in.App))
}

func (m *Manager) listAppAudit(ctx context.Context, _ picloud.Principal, in *appAuditInput) (*auditOutput, error) {
	return m.auditPage(ctx, in.query(in.App))
}

func (m *Manager) auditPage(ctx context.Context, q picloud.AuditQuery) (*auditOutput, error) {
	list, err := m.store.ListAudit(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &auditOutput{Body: api.Audit{Entries: list}}
	if n := len(list); n == q.Limit {
		out.Body.Before = list[n-1].Seq
	}
	return out, nil
}
