package storetest

import (
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var quotaCases = []testCase{
	{"quotas are set, told in the snapshot, and taken back", func(f *fixture) {
		app := f.defaultApp()
		q, set, err := f.QuotasOf(f.ctx, app)
		f.ok(err)
		same(f, "set at first", len(set), 0)
		same(f, "operations", q.Operations, picloud.NoQuota)
		same(f, "events", q.Events, picloud.DefaultQuotaEvents)
		f.quota(picloud.QuotaOperations, 1000)
		f.quota(picloud.QuotaData, picloud.NoQuota)
		q, set, err = f.QuotasOf(f.ctx, app)
		f.ok(err)
		same(f, "set", len(set), 2)
		same(f, "operations then", q.Operations, 1000)
		same(f, "data then", q.Data, picloud.NoQuota)
		snap, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "in the snapshot", snap.Quotas[app], q)
		f.ok(f.SetQuotas(f.ctx, picloud.DefaultApp, map[picloud.QuotaKind]*int64{picloud.QuotaOperations: nil, picloud.QuotaData: nil}))
		snap, err = f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "taken back", len(snap.Quotas), 0)
		f.code(f.SetQuotas(f.ctx, "nobody", nil), picloud.CodeNotFound)
	}},
	{"the store holds commits to the quotas that are set", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.quota(picloud.QuotaData, 10)
		f.ok(f.set(sc.AppID, "key", "1234567"))
		f.code(f.set(sc.AppID, "more", "1"), picloud.CodeQuota)
		f.quota(picloud.QuotaData, 20)
		f.ok(f.set(sc.AppID, "more", "1"))

		f.quota(picloud.QuotaEvents, 3)
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}, picloud.NewEvent{ID: f.ids.New()}))
		f.code(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}, picloud.NewEvent{ID: f.ids.New()}), picloud.CodeQuotaEvents)
		last := f.ids.New()
		f.ok(f.publish(sc, picloud.NewEvent{ID: last}))
		f.ok(f.set(sc.AppID, "k", "1")) // what enters nothing is not concerned
		f.claim("n", 3)
		f.ok(f.settle(sc, picloud.Settlement{EventID: last, Claim: "n"}))
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}))
	}},
	{"usage is what is kept now and was used on a day", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		old, r := f.record(sc, time.Now().AddDate(0, 0, -1)), f.record(sc, time.Now())
		old.Invocation.Operations, r.Invocation.Operations = 5, 7
		f.ok(f.AddRecords(f.ctx, []picloud.Record{old, r}))
		f.ok(f.set(sc.AppID, "key", "12345"))
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}))
		u, err := f.UsageOf(f.ctx, sc.AppID, time.Now())
		f.ok(err)
		same(f, "usage", u, picloud.Usage{Operations: 7, Data: 8, Events: 1})
	}},
	{"an alarm is raised once for a crossing, and again after it has passed", func(f *fixture) {
		app := f.defaultApp()
		f.quota(picloud.QuotaData, 100)
		steps := []struct {
			bytes   int // that the value has
			alarms  int
			percent int // of the newest
			passed  bool
		}{
			{70, 0, 0, false}, {85, 1, 80, false}, {86, 1, 80, false}, {75, 1, 80, false}, {85, 1, 80, false},
			{50, 1, 80, true}, {90, 2, 80, false}, {200, 3, 100, false},
		}
		for i, s := range steps {
			err := f.set(app, "k", strings.Repeat("1", s.bytes-1))
			if s.bytes > 100 {
				f.code(err, picloud.CodeQuota)
			} else {
				f.ok(err)
			}
			list, err := f.ListAlarms(f.ctx, app, 0)
			f.ok(err)
			if len(list) != s.alarms {
				f.Fatalf("step %d: %d alarms, want %d: %+v", i, len(list), s.alarms, list)
			}
			if s.alarms > 0 {
				same(f, "percent", list[0].Percent, s.percent)
				same(f, "passed", !list[0].Passed(time.Now()).IsZero(), s.passed)
				same(f, "quota", list[0].Quota, 100)
			}
		}
	}},
	{"an alarm of a day is raised once a day", func(f *fixture) {
		app := f.defaultApp()
		a := picloud.Alarm{AppID: app, Kind: picloud.QuotaOperations, Percent: 80, Used: 80, Quota: 100, RaisedAt: today(0, 0).Add(-time.Hour)}
		raise := func(want bool) {
			f.Helper()
			raised, err := f.RaiseAlarm(f.ctx, a)
			f.ok(err)
			same(f, "raised", raised, want)
		}
		raise(true)
		raise(false)
		a.RaisedAt = today(0, 1)
		raise(true)
		raise(false)
		list, err := f.ListAlarms(f.ctx, app, 0)
		f.ok(err)
		same(f, "alarms", len(list), 2)
		same(f, "that of today holds", list[0].Passed(today(1, 0)).IsZero(), true)
		same(f, "that of yesterday passed at midnight", list[1].Passed(today(1, 0)), today(0, 0))
	}},
}

// quota sets a quota of the default app.
func (f *fixture) quota(kind picloud.QuotaKind, amount int64) {
	f.Helper()
	f.ok(f.SetQuotas(f.ctx, picloud.DefaultApp, map[picloud.QuotaKind]*int64{kind: &amount}))
}
