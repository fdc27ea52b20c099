package storetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var scheduleCases = []testCase{
	{"a schedule fires when it is due, once, and is due again", func(f *fixture) {
		f.at("2026-11-25T01:12:30Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "*/5 * * * *", Body: []byte(`{"a":1}`)})
		same(f, "next", f.next(), "2026-11-25T01:15:00Z")
		same(f, "too early", f.fire(), 0)
		f.at("2026-11-25T01:15:00.2Z")
		same(f, "fired", f.fire(), 1)
		same(f, "fired again", f.fire(), 0)
		same(f, "next", f.next(), "2026-11-25T01:20:00Z")
		e := f.claim("me", 10)[0]
		same(f, "trigger", e.Trigger, picloud.TriggerSchedule)
		same(f, "source", e.Source, "tick")
		same(f, "body", string(e.Body), `{"a":1}`)
		same(f, "planned", stamp(e.PlannedAt), "2026-11-25T01:15:00Z")
		same(f, "ledger", f.ledger(), "01:15:00 running")
	}},
	{"the ledger tells when a run was planned, began and ended, how it went, and its invocation", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		sc := f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		f.at("2026-11-25T02:00:00Z")
		f.fire()
		same(f, "entered", f.ledger(), "02:00:00 waiting")
		f.at("2026-11-25T02:00:01.5Z")
		e := f.claim("me", 1)[0]
		f.at("2026-11-25T02:00:03Z")
		f.ok(f.settleRun(sc, picloud.Settlement{EventID: e.ID, Claim: "me", RetryAt: f.clock.now(), Error: "upstream"}, "first"))
		r := f.runs()[0]
		same(f, "to be tried again", fmt.Sprint(r.State, r.Attempts, r.Error, r.InvocationID, r.FinishedAt.IsZero()), "waiting1upstreamfirsttrue")
		f.at("2026-11-25T02:00:04Z")
		f.claim("me", 1)
		f.at("2026-11-25T02:00:06Z")
		f.ok(f.settleRun(sc, picloud.Settlement{EventID: e.ID, Claim: "me"}, "second"))
		r = f.runs()[0]
		same(f, "state", r.State, picloud.RunOK)
		same(f, "cause", r.Cause, picloud.CauseTime)
		same(f, "script and schedule", r.Script+" "+r.Schedule, "hello tick")
		same(f, "planned", stamp(r.PlannedAt), "2026-11-25T02:00:00Z")
		same(f, "drift, by the run and not by the claim", r.Drift(), 2*time.Second)
		same(f, "finished", stamp(r.FinishedAt), "2026-11-25T02:00:06Z")
		same(f, "attempts", r.Attempts, 2)
		same(f, "error", r.Error, "")
		same(f, "invocation", r.InvocationID, "second")
		s, err := f.ScheduleByName(f.ctx, picloud.DefaultApp, "hello", "tick")
		f.ok(err)
		same(f, "the last one is with the schedule", s.Last.ID, r.ID)
	}},
	{"a run that is claimed and given back has not begun", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		f.at("2026-11-25T02:00:00Z")
		f.fire()
		e := f.claim("me", 1)[0]
		same(f, "claimed", f.ledger(), "02:00:00 running")
		f.ok(f.ReturnEvents(f.ctx, "me", []string{e.ID}))
		r := f.runs()[0]
		same(f, "given back", fmt.Sprint(r.State, r.Attempts, r.StartedAt.IsZero()), "waiting0 true")
	}},
	{"a run whose process is gone is begun again, which counts", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		sc := f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		f.at("2026-11-25T02:00:00Z")
		f.fire()
		f.claim("gone", 1)
		_, err := f.ReleaseEvents(f.ctx, "gone")
		f.ok(err)
		f.at("2026-11-25T02:00:30Z")
		e := f.claim("me", 1)[0]
		f.ok(f.settleRun(sc, picloud.Settlement{EventID: e.ID, Claim: "me"}, "i"))
		r := f.runs()[0]
		same(f, "attempts", r.Attempts, 2)
		same(f, "the first began", stamp(r.StartedAt), "2026-11-25T02:00:00Z")
	}},
	{"a run that is given up has failed, and waits anew when it is redriven", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		sc := f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		f.at("2026-11-25T02:00:00Z")
		f.fire()
		e := f.claim("me", 1)[0]
		f.ok(f.settleRun(sc, picloud.Settlement{EventID: e.ID, Claim: "me", Dead: true, Error: "poison"}, "i"))
		same(f, "given up", f.ledger(), "02:00:00 failed")
		f.ok(f.RedriveEvent(f.ctx, picloud.DefaultApp, e.ID, "", nil))
		same(f, "redriven", f.ledger(), "02:00:00 waiting")
		f.ok(f.DropEvent(f.ctx, picloud.DefaultApp, e.ID))
		same(f, "dropped", f.ledger(), "02:00:00 dropped")
	}},
	{"forbid: what is due while a run is not finished is skipped", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		sc := f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly", Overlap: picloud.OverlapForbid})
		for _, at := range []string{"2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z"} {
			f.at(at)
			same(f, "fired", f.fire(), 1)
		}
		same(f, "waiting", f.ledger(), "03:00:00 skipped, 02:00:00 waiting")
		e := f.claim("me", 10)
		same(f, "events", len(e), 1)
		f.at("2026-11-25T04:00:00Z")
		f.fire()
		same(f, "being run", f.ledger(), "04:00:00 skipped, 03:00:00 skipped, 02:00:00 running")
		f.ok(f.settle(sc, picloud.Settlement{EventID: e[0].ID, Claim: "me", RetryAt: f.clock.now().Add(2 * time.Hour)}))
		f.at("2026-11-25T05:00:00Z")
		f.fire()
		same(f, "to be tried again", strings.HasPrefix(f.ledger(), "05:00:00 skipped"), true)
		f.at("2026-11-25T06:00:00Z")
		f.fire()
		e = f.claim("me", 10)
		same(f, "the retry", len(e), 1)
		f.ok(f.settle(sc, picloud.Settlement{EventID: e[0].ID, Claim: "me"}))
		f.at("2026-11-25T07:00:00Z")
		f.fire()
		same(f, "finished", strings.HasPrefix(f.ledger(), "07:00:00 waiting"), true)
	}},
	{"forbid: a run that is redriven waits for the one that is on its way", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		sc := f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		f.at("2026-11-25T02:00:00Z")
		f.fire()
		first := f.claim("me", 1)[0]
		f.ok(f.settle(sc, picloud.Settlement{EventID: first.ID, Claim: "me", Dead: true, Error: "no"}))
		f.at("2026-11-25T03:00:00Z")
		f.fire()
		second := f.claim("me", 1)[0]
		f.ok(f.RedriveEvent(f.ctx, picloud.DefaultApp, first.ID, "", nil))
		same(f, "not beside the other", len(f.claim("me", 10)), 0)
		f.ok(f.settle(sc, picloud.Settlement{EventID: second.ID, Claim: "me"}))
		same(f, "after it", f.claim("me", 10)[0].ID, first.ID)
	}},
	{"allow: runs are beside each other, up to a bound", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@every 1s", Overlap: picloud.OverlapAllow})
		for range picloud.MaxUnfinishedRuns + 2 {
			f.clock.set(f.clock.now().Add(time.Second))
			f.fire()
		}
		same(f, "events", len(f.claim("me", 1000)), picloud.MaxUnfinishedRuns)
		same(f, "the rest is skipped", strings.HasPrefix(f.ledger(), "01:01:42 skipped, 01:01:41 skipped, 01:01:40 running"), true)
	}},
	{"replace: the run before is ended, and nothing of it is kept", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		sc := f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly", Overlap: picloud.OverlapReplace})
		var withdrawn []string
		defer f.OnWithdrawn(func(id string) { withdrawn = append(withdrawn, id) })()
		f.at("2026-11-25T02:00:00Z")
		f.fire()
		old := f.claim("me", 1)[0]
		f.at("2026-11-25T03:00:00Z")
		f.fire()
		same(f, "ledger", f.ledger(), "03:00:00 waiting, 02:00:00 replaced")
		same(f, "told", strings.Join(withdrawn, " "), old.ID)
		err := f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Settle: []picloud.Settlement{{EventID: old.ID, Claim: "me"}},
			Effects: picloud.Effects{Writes: []picloud.KeyWrite{{Key: "k", Kind: picloud.ValueJSON, Value: []byte("1")}}}})
		same(f, "the old one is lost", err, error(picloud.ErrLost))
		same(f, "no effect", f.version(sc.AppID, "k"), 0)
		same(f, "the new one is run at once", len(f.claim("me", 10)), 1)
	}},
	{"missed times are skipped, made up for once, or all up to a bound", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(
			picloud.Schedule{Name: "all", Cron: "@every 10m", Missed: picloud.MissedAll, MaxMissed: 3, Overlap: picloud.OverlapAllow},
			picloud.Schedule{Name: "once", Cron: "@every 10m"},
			picloud.Schedule{Name: "queued", Cron: "@every 10m", Missed: picloud.MissedAll},
			picloud.Schedule{Name: "skip", Cron: "@every 10m", Missed: picloud.MissedSkip},
		)
		f.at("2026-11-25T02:05:00Z") // 01:10 to 02:00
		same(f, "fired", f.fire(), 4)
		same(f, "all", f.ledgerOf("all"), "02:00:00 waiting, 01:50:00 waiting, 01:40:00 waiting, 01:10:00 missed ×3")
		same(f, "once", f.ledgerOf("once"), "02:00:00 waiting, 01:10:00 missed ×5")
		same(f, "skip", f.ledgerOf("skip"), "01:10:00 missed ×6")
		same(f, "queued", f.ledgerOf("queued"), "02:00:00 waiting, 01:50:00 waiting, 01:40:00 waiting, 01:30:00 waiting, 01:20:00 waiting, 01:10:00 waiting")
		same(f, "next", f.next(), "2026-11-25T02:10:00Z")
		sources := map[string]int{}
		for _, e := range f.claim("me", 100) {
			sources[e.Source]++
		}
		same(f, "those that may not overlap are run one after the other", fmt.Sprint(sources), "map[all:3 once:1 queued:1]")
	}},
	{"a run that is a little late has not been missed", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly", Missed: picloud.MissedSkip})
		f.clock.set(moment("2026-11-25T02:00:00Z").Add(picloud.ScheduleOnTime))
		f.fire()
		same(f, "in time", f.ledger(), "02:00:00 waiting")
		f.claim("me", 1)
		f.clock.set(moment("2026-11-25T03:00:00Z").Add(picloud.ScheduleOnTime + time.Millisecond))
		f.fire()
		same(f, "too late", strings.HasPrefix(f.ledger(), "03:00:00 missed"), true)
	}},
	{"years of missed seconds cost little, and are counted up to a bound", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "* * * * * *", Missed: picloud.MissedAll, MaxMissed: 2})
		f.at("2031-11-25T01:00:00Z")
		f.fire()
		same(f, "ledger", f.ledger(), "01:00:00 waiting, 00:59:59 waiting, 01:00:01 missed ×10000")
		same(f, "next", f.next(), "2031-11-25T01:00:01Z")
	}},
	{"jitter delays each run, by no more than it may, and is no drift", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly", JitterMS: 60_000})
		delays := map[time.Duration]bool{}
		for range 8 {
			s, err := f.ScheduleByName(f.ctx, picloud.DefaultApp, "hello", "tick")
			f.ok(err)
			delay := s.DueAt.Sub(s.NextAt)
			same(f, "within the minute", delay >= 0 && delay <= time.Minute, true)
			delays[delay] = true
			f.clock.set(s.DueAt.Add(-time.Microsecond))
			same(f, "not before", f.fire(), 0)
			f.clock.set(s.DueAt)
			same(f, "then", f.fire(), 1)
			if e := f.claim("me", 1); len(e) == 1 {
				same(f, "planned", e[0].PlannedAt, s.NextAt)
				f.ok(f.settle(picloud.Script{AppID: e[0].AppID}, picloud.Settlement{EventID: e[0].ID, Claim: "me"}))
			}
			same(f, "drift", f.runs()[0].Drift(), 0)
		}
		same(f, "they differ", len(delays) > 1, true)
	}},
	{"a gap and a fold of the clock go through the whole path", func(f *fixture) {
		f.at("2027-03-27T00:00:00Z")
		f.scheduled(
			picloud.Schedule{Name: "daily", Cron: "30 2 * * *", TimeZone: "Europe/Berlin", Overlap: picloud.OverlapAllow},
			picloud.Schedule{Name: "hourly", Cron: "30 * * * *", TimeZone: "Europe/Berlin", Overlap: picloud.OverlapAllow},
		)
		// 2027-03-28 02:00 is 03:00: 02:30 is at 03:30, an hour is not there.
		f.until("2027-03-28T03:00:00Z")
		same(f, "gap, daily", f.planned("daily"), "2027-03-27T01:30:00Z 2027-03-28T01:30:00Z")
		same(f, "gap, hourly", strings.HasSuffix(f.planned("hourly"), "2027-03-28T00:30:00Z 2027-03-28T01:30:00Z 2027-03-28T02:30:00Z"), true)
		// 2027-10-31 03:00 is 02:00: 02:30 comes twice, and fires the first time.
		f.at("2027-10-30T12:00:00Z")
		f.fire()
		f.until("2027-11-01T02:00:00Z")
		same(f, "fold, daily", strings.HasSuffix(f.planned("daily"), "2027-10-31T00:30:00Z 2027-11-01T01:30:00Z"), true)
		same(f, "fold, hourly", strings.Contains(f.planned("hourly"), "2027-10-31T00:30:00Z 2027-10-31T01:30:00Z 2027-10-31T02:30:00Z"), true)
	}},
	{"a clock that is set back an hour holds nothing up, and no time of day comes twice", func(f *fixture) {
		// Ahead of the database's own clock, which is asked too.
		base := time.Now().UTC().Truncate(time.Hour).Add(100 * time.Hour)
		f.clock.set(base)
		f.scheduled(
			picloud.Schedule{Name: "daily", Cron: fmt.Sprintf("%d %d * * *", 5, base.Hour()), Overlap: picloud.OverlapAllow},
			picloud.Schedule{Name: "hourly", Cron: "10 * * * *", Overlap: picloud.OverlapAllow},
			picloud.Schedule{Name: "tick", Cron: "@every 5m", Overlap: picloud.OverlapAllow},
		)
		f.until(stamp(base.Add(20 * time.Minute)))
		before := f.count("daily")
		f.clock.set(base.Add(-40 * time.Minute)) // 20 minutes past the hour before
		n, err := f.RewindSchedules(f.ctx)
		f.ok(err)
		same(f, "planned anew", n, 3)
		n, err = f.RewindSchedules(f.ctx)
		f.ok(err)
		same(f, "once is enough", n, 0)
		same(f, "next", f.next(), stamp(base.Add(-35*time.Minute)))
		f.until(stamp(base.Add(25 * time.Minute)))
		same(f, "daily", f.count("daily"), before)
		same(f, "hourly", f.count("hourly"), 2)
		same(f, "every five minutes", f.count("tick"), 4+13)
		n, err = f.RewindSchedules(f.ctx)
		f.ok(err)
		same(f, "nothing is ahead", n, 0)
		f.until(stamp(base.Add(24*time.Hour + 6*time.Minute)))
		same(f, "daily, the next day", f.count("daily"), before+1)
	}},
	{"a clock that was years ahead stops nothing when it is right again", func(f *fixture) {
		real := time.Now().UTC().Truncate(time.Hour).Add(100 * time.Hour)
		f.clock.set(real.AddDate(10, 0, 0))
		f.scheduled(picloud.Schedule{Name: "daily", Cron: "5 0 * * *"})
		f.clock.set(real)
		_, err := f.RewindSchedules(f.ctx)
		f.ok(err)
		due, ok, err := f.NextSchedule(f.ctx)
		f.ok(err)
		same(f, "within a day", ok && due.Sub(real) <= 24*time.Hour, true)
	}},
	{"an hour forward is an hour that was missed", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@every 10m"})
		f.until("2026-11-25T01:10:00Z")
		f.at("2026-11-25T02:15:00Z")
		f.fire()
		same(f, "ledger", f.ledger(), "02:10:00 skipped, 01:20:00 missed ×5, 01:10:00 waiting")
		same(f, "next", f.next(), "2026-11-25T02:20:00Z")
	}},
	{"a paused schedule does not fire, and makes up for nothing", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly", Missed: picloud.MissedAll})
		changed := f.Rescheduled()
		s, err := f.PauseSchedule(f.ctx, picloud.DefaultApp, "hello", "tick", "ada")
		f.ok(err)
		<-changed
		same(f, "by", s.PausedBy, "ada")
		same(f, "paused", stamp(s.PausedAt), "2026-11-25T01:00:00Z")
		same(f, "no next", s.NextAt.IsZero(), true)
		f.at("2026-11-25T05:30:00Z")
		same(f, "fired", f.fire(), 0)
		s, err = f.PauseSchedule(f.ctx, picloud.DefaultApp, "hello", "tick", "bob")
		f.ok(err)
		same(f, "still by", s.PausedBy, "ada")
		changed = f.Rescheduled()
		s, err = f.ResumeSchedule(f.ctx, picloud.DefaultApp, "hello", "tick")
		f.ok(err)
		<-changed
		same(f, "next", stamp(s.NextAt), "2026-11-25T06:00:00Z")
		same(f, "not paused", s.PausedAt.IsZero() && s.PausedBy == "", true)
		same(f, "fired", f.fire(), 0)
		_, err = f.PauseSchedule(f.ctx, picloud.DefaultApp, "hello", "none", "ada")
		f.code(err, picloud.CodeNotFound)
		_, err = f.ResumeSchedule(f.ctx, picloud.DefaultApp, "none", "tick")
		f.code(err, picloud.CodeNotFound)
	}},
	{"a schedule can be run now, also when it is paused, but not beside a run that it forbids", func(f *fixture) {
		f.at("2026-11-25T01:07:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		_, err := f.PauseSchedule(f.ctx, picloud.DefaultApp, "hello", "tick", "ada")
		f.ok(err)
		entered := f.Entered()
		run, err := f.RunSchedule(f.ctx, picloud.DefaultApp, "hello", "tick")
		f.ok(err)
		<-entered
		same(f, "cause", run.Cause, picloud.CauseManual)
		same(f, "ledger", f.ledger(), "01:07:00 waiting")
		same(f, "its id", f.claim("me", 1)[0].ID, run.ID)
		_, err = f.RunSchedule(f.ctx, picloud.DefaultApp, "hello", "tick")
		f.code(err, picloud.CodeConflict)
		same(f, "nothing is entered", len(f.runs()), 1)
		_, err = f.SetEnabled(f.ctx, picloud.DefaultApp, "hello", false)
		f.ok(err)
		_, err = f.RunSchedule(f.ctx, picloud.DefaultApp, "hello", "tick")
		f.code(err, picloud.CodeScriptDisabled)
	}},
	{"deploys keep what has not changed, and plan anew what has", func(f *fixture) {
		f.at("2026-11-25T01:00:30Z")
		f.scheduled(picloud.Schedule{Name: "a", Cron: "@every 1h"}, picloud.Schedule{Name: "b", Cron: "0 3 * * *"}, picloud.Schedule{Name: "c", Cron: "@daily"})
		_, err := f.PauseSchedule(f.ctx, picloud.DefaultApp, "hello", "c", "ada")
		f.ok(err)
		f.at("2026-11-25T02:30:00Z") // a's 02:00 has not fired yet
		f.scheduled(picloud.Schedule{Name: "a", Cron: "@every 1h", Overlap: picloud.OverlapAllow}, picloud.Schedule{Name: "b", Cron: "0 3 * * *", TimeZone: "Europe/Berlin"},
			picloud.Schedule{Name: "c", Cron: "@hourly"})
		list, err := f.ListSchedules(f.ctx, picloud.DefaultApp, "hello")
		f.ok(err)
		same(f, "kept", stamp(list[0].NextAt), "2026-11-25T02:00:00Z")
		same(f, "with the new policy", list[0].Overlap, picloud.OverlapAllow)
		same(f, "another zone", stamp(list[1].NextAt), "2026-11-26T02:00:00Z")
		same(f, "still paused", list[2].NextAt.IsZero() && list[2].PausedBy == "ada", true)
		_, err = f.Rollback(f.ctx, picloud.DefaultApp, "hello", 1)
		f.ok(err)
		list, err = f.ListSchedules(f.ctx, picloud.DefaultApp, "")
		f.ok(err)
		same(f, "rolled back", list[1].TimeZone+stamp(list[1].NextAt), "2026-11-25T03:00:00Z")
	}},
	{"a schedule that is gone fires no more, and takes along what has not begun", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "a", Cron: "@hourly"}, picloud.Schedule{Name: "b", Cron: "@hourly"})
		f.at("2026-11-25T02:00:00Z")
		same(f, "fired", f.fire(), 2)
		f.scheduled(picloud.Schedule{Name: "b", Cron: "@hourly"})
		same(f, "dropped", f.ledgerOf("a"), "02:00:00 dropped")
		list := f.claim("me", 10)
		same(f, "events", len(list), 1)
		same(f, "of the other", list[0].Source, "b")
		f.scheduled()
		same(f, "what has begun goes on", f.ledgerOf("b"), "02:00:00 running")
		_, ok, err := f.NextSchedule(f.ctx)
		f.ok(err)
		same(f, "none is due", ok, false)
	}},
	{"a script that is switched off does not fire, and makes up for nothing", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		_, err := f.SetEnabled(f.ctx, picloud.DefaultApp, "hello", false)
		f.ok(err)
		f.at("2026-11-25T03:30:00Z")
		same(f, "fired", f.fire(), 0)
		s, err := f.ScheduleByName(f.ctx, picloud.DefaultApp, "hello", "tick")
		f.ok(err)
		same(f, "off", !s.Enabled && s.NextAt.IsZero(), true)
		_, err = f.SetEnabled(f.ctx, picloud.DefaultApp, "hello", true)
		f.ok(err)
		same(f, "next", f.next(), "2026-11-25T04:00:00Z")
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "hello"))
		f.at("2026-11-25T05:00:00Z")
		same(f, "deleted", f.fire(), 0)
	}},
	{"a dry run and a deploy that is refused change no schedule", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		bad := picloud.Settings{Schedules: []picloud.Schedule{{Name: "bad", Cron: "never"}}}
		_, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: "hello", Source: "2", Settings: &bad}}})
		f.code(err, picloud.CodeInvalid)
		none := picloud.Settings{}
		_, err = f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp, DryRun: true, Scripts: []picloud.ScriptDeploy{{Name: "hello", Source: "2", Settings: &none}}})
		f.ok(err)
		same(f, "next", f.next(), "2026-11-25T02:00:00Z")
	}},
	{"of many who fire at once, one does", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		var list []picloud.Schedule
		for i := range 20 {
			list = append(list, picloud.Schedule{Name: fmt.Sprint("s", i), Cron: "@hourly", Overlap: []picloud.Overlap{"allow", "forbid", "replace"}[i%3]})
		}
		f.scheduled(list...)
		f.at("2026-11-25T02:00:00Z")
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for {
					n, err := f.FireSchedules(f.ctx, 7)
					if err != nil {
						f.Error(err)
					}
					if n == 0 {
						return
					}
				}
			})
		}
		wg.Wait()
		same(f, "runs", len(f.runs()), 20)
		same(f, "events", len(f.claim("me", 100)), 20)
	}},
	{"runs are listed in pages, by script, schedule and state", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "a", Cron: "@hourly"}, picloud.Schedule{Name: "b", Cron: "@hourly", Overlap: picloud.OverlapAllow})
		f.until("2026-11-25T04:00:00Z")
		page, err := f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp, Script: "hello", Schedule: "b", Limit: 2})
		f.ok(err)
		same(f, "first page", len(page), 2)
		page, err = f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp, Schedule: "b", Limit: 2, Before: page[1].Seq})
		f.ok(err)
		same(f, "second page", len(page), 1)
		same(f, "the oldest", stamp(page[0].PlannedAt), "2026-11-25T02:00:00Z")
		page, err = f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp, State: picloud.RunSkipped})
		f.ok(err)
		same(f, "skipped", len(page), 2)
		_, err = f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp, Script: "none"})
		f.code(err, picloud.CodeNotFound)
	}},
	{"the ledger is bounded by number and age, but for what is not finished", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		f.scheduled(picloud.Schedule{Name: "tick", Cron: "@every 1s"})
		for range picloud.MaxKeptRuns + 250 { // the first is never run: all others are skipped
			f.clock.set(f.clock.now().Add(time.Second))
			f.fire()
		}
		n := f.count("tick")
		same(f, fmt.Sprint("by number: ", n), n > picloud.MaxKeptRuns && n <= picloud.MaxKeptRuns+101, true)
		_, err := f.Prune(f.ctx, picloud.Retention{MaxAge: time.Hour}, f.clock.now().Add(2*time.Hour))
		f.ok(err)
		same(f, "by age", f.ledger(), "01:00:01 waiting")
	}},
	{"what a schedule has entered goes before all that waits", func(f *fixture) {
		f.at("2026-11-25T01:00:00Z")
		sc := f.scheduled(picloud.Schedule{Name: "tick", Cron: "@hourly"})
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}, picloud.NewEvent{ID: f.ids.New()}))
		f.at("2026-11-25T02:00:00Z")
		f.fire()
		e := f.claim("me", 1)[0]
		same(f, "first", e.Trigger, picloud.TriggerSchedule)
		list, err := f.ListEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp, Source: "tick"})
		f.ok(err)
		same(f, "entered", stamp(list[0].EnteredAt), "2026-11-25T02:00:00Z")
	}},
}

// scheduled deploys the script hello with schedules.
func (f *fixture) scheduled(list ...picloud.Schedule) picloud.Script {
	f.Helper()
	done, err := f.Deploy(f.ctx, picloud.Deployment{App: picloud.DefaultApp,
		Scripts: []picloud.ScriptDeploy{{Name: "hello", Source: "1", Settings: &picloud.Settings{Schedules: list}}}})
	f.ok(err)
	return done[0].Script
}

func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// at sets the clock.
func (f *fixture) at(s string) { f.clock.set(moment(s)) }

// fire fires what is due, and is how many schedules that were.
func (f *fixture) fire() int {
	f.Helper()
	n, err := f.FireSchedules(f.ctx, 100)
	f.ok(err)
	return n
}

// next is when the next schedule is due.
func (f *fixture) next() string {
	f.Helper()
	due, ok, err := f.NextSchedule(f.ctx)
	f.ok(err)
	same(f, "something is due", ok, true)
	return stamp(due)
}

// until goes from one due time to the next, and fires at each, until a time.
func (f *fixture) until(s string) {
	f.Helper()
	for {
		due, ok, err := f.NextSchedule(f.ctx)
		f.ok(err)
		if !ok || due.After(moment(s)) {
			f.at(s)
			return
		}
		f.clock.set(due)
		same(f, "something fires at "+stamp(due), f.fire() > 0, true)
	}
}

func (f *fixture) runs() []picloud.ScheduleRun {
	f.Helper()
	list, err := f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp})
	f.ok(err)
	return list
}

// ledger is the last runs as a text.
func (f *fixture) ledger() string {
	f.Helper()
	return f.ledgerOf("")
}

func (f *fixture) ledgerOf(name string) string {
	f.Helper()
	list, err := f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp, Schedule: name})
	f.ok(err)
	var lines []string
	for _, r := range list {
		line := r.PlannedAt.Format(time.TimeOnly) + " " + string(r.State)
		if r.Times > 1 {
			line += fmt.Sprint(" ×", r.Times)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

// planned is when the runs of a schedule were planned, the earliest first.
func (f *fixture) planned(name string) string {
	f.Helper()
	list, err := f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp, Schedule: name, Limit: picloud.MaxPage})
	f.ok(err)
	var times []string
	for i := len(list) - 1; i >= 0; i-- {
		times = append(times, stamp(list[i].PlannedAt))
	}
	return strings.Join(times, " ")
}

// count is how many lines the ledger has for a schedule.
func (f *fixture) count(name string) int {
	f.Helper()
	n := 0
	for before := int64(0); ; {
		list, err := f.ListRuns(f.ctx, picloud.RunQuery{App: picloud.DefaultApp, Schedule: name, Limit: picloud.MaxPage, Before: before})
		f.ok(err)
		if n += len(list); len(list) < picloud.MaxPage {
			return n
		}
		before = list[len(list)-1].Seq
	}
}

// settleRun is settle with a record of a run that has taken a second.
func (f *fixture) settleRun(sc picloud.Script, s picloud.Settlement, invocation string) error {
	return f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Settle: []picloud.Settlement{s}, Record: &picloud.Record{Invocation: picloud.Invocation{
		ID: invocation, AppID: sc.AppID, App: sc.App, ScriptID: sc.ID, Script: sc.Name, Trigger: picloud.TriggerSchedule, Status: picloud.StatusOK, StartedAt: f.clock.now().Add(-time.Second),
	}}})
}
