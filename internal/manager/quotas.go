package manager

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerQuotas() {
	register(m, operation{
		id: "get-quotas", method: http.MethodGet, path: "/apps/{app}/quotas", tag: "quotas", capability: access.ReadApp,
		summary: "Tell what an app may use, and uses",
	}, m.getQuotas)
	register(m, operation{
		id: "set-quotas", method: http.MethodPut, path: "/apps/{app}/quotas", tag: "quotas", capability: access.ManageQuotas,
		summary: "Change what an app may use",
	}, m.setQuotas)
	register(m, operation{
		id: "list-alarms", method: http.MethodGet, path: "/apps/{app}/alarms", tag: "quotas", capability: access.ReadApp,
		summary: "List when an app came near the end of a quota",
	}, m.listAlarms)
}

type quotasOutput struct{ Body api.Quotas }

func (m *Manager) getQuotas(ctx context.Context, _ picloud.Principal, _ *AppPath) (*quotasOutput, error) {
	app := accessOf(ctx).App.ID
	m.flush(ctx)
	quotas, set, err := m.store.QuotasOf(ctx, app)
	if err != nil {
		return nil, err
	}
	now := m.now()
	usage, err := m.store.UsageOf(ctx, app, now)
	if err != nil {
		return nil, err
	}
	out := &quotasOutput{}
	used := picloud.Quotas(usage)
	for _, kind := range picloud.QuotaKinds() {
		q := api.Quota{Kind: kind, Used: *used.Of(kind), Default: !slices.Contains(set, kind)}
		if limit := *quotas.Of(kind); limit >= 0 {
			percent := 100 * float64(q.Used) / float64(max(limit, 1))
			q.Limit, q.Percent = &limit, &percent
		}
		if kind.Daily() {
			end := picloud.QuotaDay(now).AddDate(0, 0, 1)
			q.ResetsAt = &end
		}
		out.Body.Quotas = append(out.Body.Quotas, q)
	}
	return out, nil
}

type setQuotasInput struct {
	AppPath
	Body api.SetQuotas
}

func (m *Manager) setQuotas(ctx context.Context, p picloud.Principal, in *setQuotasInput) (*quotasOutput, error) {
	amounts := map[picloud.QuotaKind]*int64{}
	for i, q := range in.Body.Quotas {
		field := fmt.Sprintf("body.quotas[%d]", i)
		if _, twice := amounts[q.Kind]; twice {
			return nil, picloud.Invalid(field, "the quota %q is there twice", q.Kind)
		}
		given := 0
		for _, one := range [...]bool{q.Limit != nil, q.Unlimited, q.Default} {
			if one {
				given++
			}
		}
		if given != 1 {
			return nil, picloud.Invalid(field, "one of limit, unlimited and default is needed")
		}
		amounts[q.Kind] = q.Limit
		if q.Unlimited {
			amount := int64(picloud.NoQuota)
			amounts[q.Kind] = &amount
		}
	}
	if err := m.store.SetQuotas(ctx, in.App, amounts); err != nil {
		return nil, err
	}
	return m.getQuotas(ctx, p, &in.AppPath)
}

type alarmsOutput struct{ Body api.Alarms }

func (m *Manager) listAlarms(ctx context.Context, _ picloud.Principal, _ *AppPath) (*alarmsOutput, error) {
	list, err := m.store.ListAlarms(ctx, accessOf(ctx).App.ID, picloud.DefaultPage)
	if err != nil {
		return nil, err
	}
	out := &alarmsOutput{Body: api.Alarms{Alarms: make([]api.Alarm, len(list))}}
	for i, a := range list {
		shown := api.Alarm{ID: a.ID, Kind: a.Kind, Percent: a.Percent, Used: a.Used, Limit: a.Quota, RaisedAt: a.RaisedAt}
		if passed := a.Passed(m.now()); !passed.IsZero() {
			shown.ClearedAt = &passed
		}
		out.Body.Alarms[i] = shown
	}
	return out, nil
}
