package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerOptions() {
	register(m, operation{
		id: "get-settings", method: http.MethodGet, path: "/settings", tag: "instance", capability: access.ReadSettings,
		summary: "Show the settings of the instance",
	}, m.getOptions)
	register(m, operation{
		id: "change-settings", method: http.MethodPatch, path: "/settings", tag: "instance", capability: access.ManageSettings,
		summary: "Change settings of the instance",
	}, m.changeOptions)
}

type optionsOutput struct{ Body picloud.Options }

func (m *Manager) getOptions(ctx context.Context, _ picloud.Principal, _ *nothing) (*optionsOutput, error) {
	o, err := m.store.ReadOptions(ctx)
	if err != nil {
		return nil, err
	}
	return &optionsOutput{Body: o}, nil
}

type changeOptionsInput struct{ Body api.ChangeOptions }

func (m *Manager) changeOptions(ctx context.Context, _ picloud.Principal, in *changeOptionsInput) (*optionsOutput, error) {
	o, err := m.store.ReadOptions(ctx)
	if err != nil {
		return nil, err
	}
	for _, change := range []struct{ to, from *int }{
		{&o.AuditDays, in.Body.AuditDays}, {&o.ResultHours, in.Body.ResultHours}, {&o.IdempotencyHours, in.Body.IdempotencyHours},
	} {
		if change.from != nil {
			*change.to = *change.from
		}
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	before, err := m.store.PutOptions(ctx, o)
	if err != nil {
		return nil, err
	}
	auditing(ctx).before(optionFields(before)).after(optionFields(o))
	return &optionsOutput{Body: o}, nil
}

// optionFields is what the audit log shows of the settings.
func optionFields(o picloud.Options) map[string]any {
	return map[string]any{"audit_days": o.AuditDays, "result_hours": o.ResultHours, "idempotency_hours": o.IdempotencyHours}
}
