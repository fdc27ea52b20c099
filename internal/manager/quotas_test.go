package manager

import (
	"net/http"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.deploy(api.DeployScript{Name: "hello", Source: "1"})
	f.recordRuns("hello", time.Now(), 4)
	limit := func(n int64) *int64 { return &n }
	put := func(set ...api.SetQuota) request {
		return request{method: http.MethodPut, path: "/api/v1/apps/default/quotas", body: api.SetQuotas{Quotas: set}}
	}
	var q api.Quotas
	f.want(put(api.SetQuota{Kind: picloud.QuotaOperations, Limit: limit(80)}, api.SetQuota{Kind: picloud.QuotaEvents, Unlimited: true}), http.StatusOK, &q)
	f.want(request{path: "/api/v1/apps/default/quotas"}, http.StatusOK, &q)
	byKind := map[picloud.QuotaKind]api.Quota{}
	for _, one := range q.Quotas {
		byKind[one.Kind] = one
	}
	ops := byKind[picloud.QuotaOperations]
	if len(q.Quotas) != 5 || ops.Used != 40 || ops.Limit == nil || *ops.Limit != 80 || *ops.Percent != 50 || ops.Default || ops.ResetsAt == nil || !ops.ResetsAt.After(time.Now()) {
		t.Errorf("the operations are %+v", ops)
	}
	if e := byKind[picloud.QuotaEvents]; e.Limit != nil || e.Percent != nil || e.Default || e.ResetsAt != nil {
		t.Errorf("the events are %+v", e)
	}
	if d := byKind[picloud.QuotaData]; d.Limit == nil || !d.Default {
		t.Errorf("the data is %+v", d)
	}
	q = api.Quotas{}
	f.want(put(api.SetQuota{Kind: picloud.QuotaOperations, Default: true}), http.StatusOK, &q)
	if q.Quotas[0].Limit != nil || !q.Quotas[0].Default {
		t.Errorf("back to the default: %+v", q.Quotas[0])
	}
	for _, bad := range []request{
		put(api.SetQuota{Kind: picloud.QuotaOperations}),
		put(api.SetQuota{Kind: picloud.QuotaOperations, Limit: limit(1), Unlimited: true}),
		put(api.SetQuota{Kind: picloud.QuotaOperations, Limit: limit(-1)}),
		put(api.SetQuota{Kind: "cups", Limit: limit(1)}),
		put(api.SetQuota{Kind: picloud.QuotaCalls, Limit: limit(1)}, api.SetQuota{Kind: picloud.QuotaCalls, Limit: limit(2)}),
		put(),
	} {
		f.fails(bad, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	}

	app, err := f.store.AppByName(t.Context(), picloud.DefaultApp)
	f.ok(err)
	_, err = f.store.RaiseAlarm(t.Context(), picloud.Alarm{AppID: app.ID, Kind: picloud.QuotaOperations, Percent: 80, Used: 64, Quota: 80, RaisedAt: time.Now()})
	f.ok(err)
	var alarms api.Alarms
	f.want(request{path: "/api/v1/apps/default/alarms"}, http.StatusOK, &alarms)
	if len(alarms.Alarms) != 1 || alarms.Alarms[0].Percent != 80 || alarms.Alarms[0].Limit != 80 || alarms.Alarms[0].ClearedAt != nil {
		t.Errorf("the alarms are %+v", alarms)
	}
}
