package storetest

import (
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var auditCases = []testCase{
	{"an entry is kept whole", func(f *fixture) {
		at := time.Now().UTC().Truncate(time.Microsecond)
		want := picloud.AuditEntry{
			At: at, Actor: picloud.ActorKey, UserID: "u", Username: "ada", KeyID: "k", KeyName: "ci", Address: "192.0.2.1",
			Action: "change-user", Outcome: picloud.OutcomeOK, App: "shop", Target: "bob", RequestID: "r",
			Before: map[string]any{"role": "admin"}, After: map[string]any{"role": "member", "list": []any{"a"}},
		}
		f.ok(f.AddAudit(f.ctx, want))
		list, err := f.ListAudit(f.ctx, picloud.AuditQuery{})
		f.ok(err)
		same(f, "entries", len(list), 1)
		got := list[0]
		same(f, "after", got.After["role"], any("member"))
		same(f, "before", got.Before["role"], any("admin"))
		same(f, "seq", got.Seq, 1)
		same(f, "time", got.At, at)
		same(f, "who", got.Username+got.KeyName+got.UserID+got.KeyID+string(got.Actor)+got.Address, "adaciukkey192.0.2.1")
		same(f, "what", got.Action+got.Outcome+got.App+got.Target+got.RequestID, "change-userokshopbobr")
	}},
	{"entries are chosen by every filter and paged, newest first", func(f *fixture) {
		now := time.Now()
		add := func(user, action, app, target, outcome string, ago time.Duration) {
			f.ok(f.AddAudit(f.ctx, picloud.AuditEntry{At: now.Add(-ago), Username: user, Action: action, App: app, Target: target, Outcome: outcome}))
		}
		add("ada", "deploy", "shop", "a", "ok", 3*time.Hour)
		add("bob", "deploy", "shop", "b", "forbidden", 2*time.Hour)
		add("ada", "login", "", "ada", "ok", time.Hour)
		for _, c := range []struct {
			q    picloud.AuditQuery
			want string
		}{
			{picloud.AuditQuery{}, "3 2 1"},
			{picloud.AuditQuery{Username: "ada"}, "3 1"},
			{picloud.AuditQuery{Action: "deploy"}, "2 1"},
			{picloud.AuditQuery{App: "shop", Username: "bob"}, "2"},
			{picloud.AuditQuery{Target: "a"}, "1"},
			{picloud.AuditQuery{Failed: true}, "2"},
			{picloud.AuditQuery{Since: now.Add(-150 * time.Minute)}, "3 2"},
			{picloud.AuditQuery{Until: now.Add(-150 * time.Minute)}, "1"},
			{picloud.AuditQuery{Limit: 1}, "3"},
			{picloud.AuditQuery{Before: 3, Limit: 1}, "2"},
		} {
			list, err := f.ListAudit(f.ctx, c.q)
			f.ok(err)
			var got []string
			for _, e := range list {
				got = append(got, string(rune('0'+e.Seq)))
			}
			same(f, "entries", strings.Join(got, " "), c.want)
		}
		n, err := f.PruneAudit(f.ctx, now.Add(-90*time.Minute))
		f.ok(err)
		same(f, "pruned", n, 2)
	}},
	{"what does not fit is cut, and said to be", func(f *fixture) {
		f.ok(f.AddAudit(f.ctx, picloud.AuditEntry{
			Action: "x", Target: strings.Repeat("ä", 1000) + "\x00\xff", After: map[string]any{"a": strings.Repeat("x", 1<<20)},
		}))
		list, err := f.ListAudit(f.ctx, picloud.AuditQuery{})
		f.ok(err)
		same(f, "target's bytes", len(list[0].Target) <= 512, true)
		_, cut := list[0].After["left_out_bytes"]
		same(f, "fields left out", cut, true)
	}},
	{"options are the default until they are set", func(f *fixture) {
		o, err := f.ReadOptions(f.ctx)
		f.ok(err)
		same(f, "options", o, picloud.DefaultOptions())
		before, err := f.PutOptions(f.ctx, picloud.Options{AuditDays: 30})
		f.ok(err)
		same(f, "before", before, picloud.DefaultOptions())
		o, err = f.ReadOptions(f.ctx)
		f.ok(err)
		same(f, "after", o.AuditDays, 30)
	}},
}
