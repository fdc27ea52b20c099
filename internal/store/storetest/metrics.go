package storetest

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var metricsCases = []testCase{
	{"runs are summed up by minute and script, in all ways of recording", func(f *fixture) {
		a, b := f.deploy("a", "1").Script, f.deploy("b", "1").Script
		at := today(10, 30)
		one, failed := f.record(a, at), f.record(a, at.Add(59*time.Second), "said something")
		one.Invocation.Duration, one.Invocation.Operations, one.Invocation.PeakBytes = 3*time.Millisecond, 10, 500
		one.Invocation.RequestBytes, one.Invocation.ResponseBytes = 7, 8
		failed.Invocation.Status, failed.Invocation.Operations, failed.Invocation.PeakBytes = picloud.StatusLimit, 5, 400
		gone := f.record(a, at.Add(time.Minute))
		gone.Invocation.Status = picloud.StatusCancel
		f.ok(f.AddRecords(f.ctx, []picloud.Record{one, failed, gone, f.record(b, at)}))
		committed := f.record(a, at.Add(time.Second))
		f.ok(f.Commit(f.ctx, picloud.Commit{AppID: a.AppID, Record: &committed}))

		list := f.metrics(picloud.MetricsQuery{AppID: a.AppID, ScriptID: a.ID, From: at.Add(-time.Hour), To: at.Add(time.Hour), Step: time.Minute})
		same(f, "steps", len(list), 2)
		m := list[0]
		same(f, "at", m.At, at)
		same(f, "runs", m.Runs, 3)
		same(f, "errors", m.Errors, 1)
		same(f, "operations", m.Operations, 15)
		same(f, "peak", m.PeakBytes, 500)
		same(f, "duration", m.Duration, 3*time.Millisecond)
		same(f, "bytes in", m.RequestBytes, 7)
		same(f, "bytes out", m.ResponseBytes, 8)
		same(f, "slowest is about", m.Durations.Quantile(1), 5*time.Millisecond)
		same(f, "a run that its client gave up is no error", list[1].Errors, 0)

		list = f.metrics(picloud.MetricsQuery{From: at.Add(-90 * time.Minute), To: at.Add(90 * time.Minute), Step: time.Hour})
		same(f, "hours of the instance", len(list), 1)
		same(f, "begins", list[0].At, today(10, 0))
		same(f, "runs in it", list[0].Runs, 5)

		scripts, err := f.ScriptMetrics(f.ctx, picloud.MetricsQuery{AppID: a.AppID, From: today(0, 0), To: today(24, 0), Step: time.Hour})
		f.ok(err)
		same(f, "scripts", len(scripts), 2)
		same(f, "first", scripts[0].Script, "a")
		same(f, "its runs", scripts[0].Runs, 4)
		same(f, "second", scripts[1].Script, "b")

		total, err := f.TotalMetrics(f.ctx)
		f.ok(err)
		same(f, "apps", len(total), 1)
		same(f, "name", total[0].App, picloud.DefaultApp)
		same(f, "runs ever", total[0].Runs, 5)
	}},
	{"packed records count, and a batch tried again counts once", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		var batch []picloud.Record
		for range 50 {
			batch = append(batch, f.record(sc, time.Now()))
		}
		batch = append(batch, f.record(sc, time.Now(), "a line"))
		f.ok(f.AddRecords(f.ctx, batch))
		f.ok(f.AddRecords(f.ctx, batch))
		total, err := f.TotalMetrics(f.ctx)
		f.ok(err)
		same(f, "runs", total[0].Runs, 51)
		counted := int64(0)
		for _, n := range total[0].Durations {
			counted += n
		}
		same(f, "runs in the histogram", counted, 51)
	}},
	{"old minutes go, old hours become days, old days go", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		begin := today(0, 0).AddDate(0, 0, -40)
		for hour := range 48 {
			r := f.record(sc, begin.Add(time.Duration(hour)*time.Hour))
			r.Invocation.PeakBytes = int64(hour)
			f.ok(f.AddRecords(f.ctx, []picloud.Record{r}))
		}
		now := time.Now()
		f.ok(f.AddRecords(f.ctx, []picloud.Record{f.record(sc, now)}))
		for range 2 { // sweeping again changes nothing
			_, err := f.SweepMetrics(f.ctx, now)
			f.ok(err)
			days := f.metrics(picloud.MetricsQuery{From: begin, To: begin.AddDate(0, 0, 40), Step: 24 * time.Hour})
			same(f, "days", len(days), 2)
			same(f, "runs of a day", days[1].Runs, 24)
			same(f, "peak of a day", days[1].PeakBytes, 47)
			same(f, "old minutes", len(f.metrics(picloud.MetricsQuery{From: begin, To: begin.AddDate(0, 0, 2), Step: time.Minute})), 0)
			same(f, "new minutes", len(f.metrics(picloud.MetricsQuery{From: now.Add(-time.Hour), To: now.Add(time.Hour), Step: time.Minute})), 1)
		}
		_, err := f.SweepMetrics(f.ctx, now.Add(picloud.DayMetrics))
		f.ok(err)
		same(f, "days after more than a year", len(f.metrics(picloud.MetricsQuery{From: begin, To: begin.AddDate(0, 0, 2), Step: 24 * time.Hour})), 0)
		total, err := f.TotalMetrics(f.ctx)
		f.ok(err)
		same(f, "for ever", total[0].Runs, 49)
	}},
	{"what waits and is kept is told, now and before", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		before := time.Now().Add(-time.Hour)
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}, picloud.NewEvent{ID: f.ids.New()}))
		f.ok(f.set(sc.AppID, "key", `"value"`))
		g, err := f.CurrentGauge(f.ctx, sc.AppID)
		f.ok(err)
		same(f, "now", g, picloud.Gauge{Events: 2, Bytes: 10})
		q := picloud.MetricsQuery{AppID: sc.AppID, From: before.Truncate(time.Minute), To: time.Now().Add(time.Minute), Step: time.Minute}
		list, err := f.ReadGauges(f.ctx, q)
		f.ok(err)
		same(f, "points", len(list), 1)
		same(f, "the most events", list[0].MostEvents, 2)
		q.From, q.To = q.To.Add(time.Hour), q.To.Add(2*time.Hour)
		list, err = f.ReadGauges(f.ctx, q)
		f.ok(err)
		same(f, "the point before", len(list), 1)
		same(f, "events then", list[0].Events, 2)
	}},
	{"events are counted while they wait, whatever becomes of them", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		count := func(what string, want int64) {
			f.Helper()
			g, err := f.CurrentGauge(f.ctx, sc.AppID)
			f.ok(err)
			same(f, what, g.Events, want)
		}
		ids := []string{f.ids.New(), f.ids.New(), f.ids.New(), f.ids.New()}
		for _, id := range ids {
			f.ok(f.publish(sc, picloud.NewEvent{ID: id, Source: "t"}))
		}
		f.ok(f.publish(sc, picloud.NewEvent{ID: ids[0], Source: "t"}))
		count("entered, one of them twice", 4)
		same(f, "claimed", len(f.claim("n", 4)), 4)
		f.ok(f.settle(sc, picloud.Settlement{EventID: ids[0], Claim: "n"}))
		count("one done", 3)
		f.ok(f.settle(sc, picloud.Settlement{EventID: ids[1], Claim: "n", RetryAt: time.Now().Add(time.Hour)}))
		count("one to be tried again", 3)
		f.ok(f.settle(sc, picloud.Settlement{EventID: ids[2], Claim: "n", Dead: true}))
		count("one given up", 2)
		f.ok(f.RedriveEvent(f.ctx, picloud.DefaultApp, ids[2], "", nil))
		count("that one tried anew", 3)
		f.ok(f.DropEvent(f.ctx, picloud.DefaultApp, ids[2]))
		count("and dropped", 2)
		f.dead(sc, "t", "")
		_, err := f.DropEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp, State: picloud.EventDead})
		f.ok(err)
		count("a dead one dropped", 2)
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "hello"))
		count("their script deleted", 0)
	}},
}

// today is a time of the day of the test, in UTC.
func today(hour, minute int) time.Time {
	return time.Now().UTC().Truncate(24 * time.Hour).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

func (f *fixture) metrics(q picloud.MetricsQuery) []picloud.MetricsPoint {
	f.Helper()
	list, err := f.ReadMetrics(f.ctx, q)
	f.ok(err)
	return list
}
