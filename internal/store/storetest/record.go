package storetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var recordCases = []testCase{
	{"a record comes back as it was", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		r := f.record(sc, time.Now().UTC().Truncate(time.Microsecond), "a line", "日本\n\"x\"")
		v := &r.Invocation
		v.Status, v.HTTPStatus, v.Method, v.Path, v.LogsCut = picloud.StatusError, 500, "POST", "/hello/ü", true
		v.Duration, v.Operations, v.PeakBytes, v.RequestBytes, v.ResponseBytes = 1234567, 42, 1<<40, 3, 4
		v.Error = &picloud.InvocationError{Code: picloud.CodeScriptError, Message: "no such thing", Line: 3, Column: 7}
		f.ok(f.AddRecords(f.ctx, []picloud.Record{r}))
		got, err := f.InvocationByID(f.ctx, picloud.DefaultApp, v.ID)
		f.ok(err)
		same(f, "error", *got.Error, *v.Error)
		want := *v
		want.Seq, want.Error, got.Error = got.Seq, nil, nil
		same(f, "invocation", got, want)
		lines := f.logs(picloud.RecordQuery{Script: "hello", Ascending: true})
		same(f, "lines", len(lines), 2)
		l := lines[1]
		same(f, "message", l.Message, "日本\n\"x\"")
		same(f, "invocation of a line", l.InvocationID, v.ID)
		same(f, "script of a line", l.Script, "hello")
		same(f, "version of a line", l.Version, 1)
		same(f, "time of a line", l.At, r.Logs[1].At)
		same(f, "level of a line", l.Level, picloud.LevelInfo)
		same(f, "place of a line", l.Line, 2)
	}},
	{"a journal comes back with its invocation, and goes with it", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		kept, none := f.record(sc, time.Now().Add(-time.Hour)), f.record(sc, time.Now())
		kept.Invocation.Journal, kept.Journal = picloud.JournalKept, []byte{1, 0, 255}
		f.ok(f.AddRecords(f.ctx, []picloud.Record{kept, none}))
		f.ok(f.AddRecords(f.ctx, []picloud.Record{kept})) // tried again
		v, data, err := f.JournalOf(f.ctx, picloud.DefaultApp, kept.Invocation.ID)
		f.ok(err)
		same(f, "journal", string(data), "\x01\x00\xff")
		same(f, "its invocation", v.ID, kept.Invocation.ID)
		same(f, "its state", v.Journal, picloud.JournalKept)
		_, _, err = f.JournalOf(f.ctx, picloud.DefaultApp, none.Invocation.ID)
		f.code(err, picloud.CodeNotFound)
		_, _, err = f.JournalOf(f.ctx, picloud.DefaultApp, "nothing")
		f.code(err, picloud.CodeNotFound)
		_, err = f.Prune(f.ctx, picloud.Retention{MaxAge: time.Minute}, time.Now())
		f.ok(err)
		_, _, err = f.JournalOf(f.ctx, picloud.DefaultApp, kept.Invocation.ID)
		f.code(err, picloud.CodeNotFound)
		f.ok(f.AddRecords(f.ctx, []picloud.Record{kept})) // its number is another one: nothing of the old is in the way
		_, data, err = f.JournalOf(f.ctx, picloud.DefaultApp, kept.Invocation.ID)
		f.ok(err)
		same(f, "journal entered anew", len(data), 3)
	}},
	{"a success has no error, and an empty batch is fine", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.ok(f.AddRecords(f.ctx, nil))
		r := f.record(sc, time.Now())
		f.ok(f.AddRecords(f.ctx, []picloud.Record{r}))
		got, err := f.InvocationByID(f.ctx, picloud.DefaultApp, r.Invocation.ID)
		f.ok(err)
		same(f, "no error", got.Error == nil, true)
	}},
	{"a batch tried again changes nothing", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		batch := []picloud.Record{f.record(sc, time.Now(), "x"), f.record(sc, time.Now(), "y")}
		f.ok(f.AddRecords(f.ctx, batch[:1]))
		f.ok(f.AddRecords(f.ctx, batch))
		same(f, "invocations", len(f.invocations(picloud.RecordQuery{})), 2)
		same(f, "lines", len(f.logs(picloud.RecordQuery{})), 2)
	}},
	{"pages go back from the newest, and a follower forward", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		for i := range 5 {
			f.ok(f.AddRecords(f.ctx, []picloud.Record{f.record(sc, time.Now(), fmt.Sprint(2*i), fmt.Sprint(2*i+1))}))
		}
		newest := f.logs(picloud.RecordQuery{Script: "hello", Limit: 4})
		same(f, "newest", messages(newest), "9 8 7 6")
		older := f.logs(picloud.RecordQuery{Script: "hello", Limit: 100, Before: newest[3].Seq})
		same(f, "older", messages(older), "5 4 3 2 1 0")
		same(f, "first", messages(f.logs(picloud.RecordQuery{Ascending: true, Limit: 2})), "0 1")
		same(f, "after", messages(f.logs(picloud.RecordQuery{Ascending: true, After: newest[2].Seq})), "8 9")
		same(f, "nothing new", len(f.logs(picloud.RecordQuery{Ascending: true, After: newest[0].Seq})), 0)

		runs := f.invocations(picloud.RecordQuery{Script: "hello", Limit: 2})
		same(f, "page of invocations", len(runs), 2)
		same(f, "newest first", runs[0].Seq > runs[1].Seq, true)
		same(f, "older invocations", len(f.invocations(picloud.RecordQuery{Before: runs[1].Seq})), 3)
		same(f, "newer invocations", f.invocations(picloud.RecordQuery{Ascending: true, After: runs[1].Seq})[0].ID, runs[0].ID)
	}},
	{"a follower misses nothing of writers at once", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		const writers, batches = 4, 10
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range batches {
					if err := f.AddRecords(f.ctx, []picloud.Record{f.record(sc, time.Now(), "a", "b")}); err != nil {
						f.Error(err)
					}
				}
			})
		}
		seen, after := 0, int64(0)
		follow := func() {
			for _, l := range f.logs(picloud.RecordQuery{Ascending: true, After: after}) {
				if l.Seq <= after {
					f.Errorf("line %d comes after %d", l.Seq, after)
				}
				after = l.Seq
				seen++
			}
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		for running := true; running; {
			select {
			case <-done:
				running = false
			default:
			}
			follow()
		}
		same(f, "lines seen", seen, writers*batches*2)
	}},
	{"queries choose by script, status, level, time and invocation", func(f *fixture) {
		one, two := f.deploy("one", "1").Script, f.deploy("two", "1").Script
		_, err := f.CreateApp(f.ctx, "shop")
		f.ok(err)
		now := time.Now()
		a, b, c := f.record(one, now.Add(-time.Hour), "old"), f.record(one, now, "info", "bad"), f.record(two, now, "two")
		b.Invocation.Status = picloud.StatusTimeout
		b.Logs[1].Level = picloud.LevelError
		f.ok(f.AddRecords(f.ctx, []picloud.Record{a, b, c}))
		same(f, "of one", len(f.invocations(picloud.RecordQuery{Script: "one"})), 2)
		same(f, "of the app", len(f.invocations(picloud.RecordQuery{})), 3)
		same(f, "of another app", len(f.invocations(picloud.RecordQuery{App: "shop"})), 0)
		same(f, "timeouts", f.invocations(picloud.RecordQuery{Status: picloud.StatusTimeout})[0].ID, b.Invocation.ID)
		same(f, "since", len(f.invocations(picloud.RecordQuery{Script: "one", Since: now.Add(-time.Minute)})), 1)
		same(f, "lines since", messages(f.logs(picloud.RecordQuery{Script: "one", Since: now.Add(-time.Minute)})), "bad info")
		same(f, "warnings", messages(f.logs(picloud.RecordQuery{MinLevel: picloud.LevelWarn})), "bad")
		same(f, "lines of one run", messages(f.logs(picloud.RecordQuery{Invocation: a.Invocation.ID})), "old")
		_, err = f.ListLogs(f.ctx, picloud.RecordQuery{App: picloud.DefaultApp, Script: "three"})
		f.code(err, picloud.CodeNotFound)
		_, err = f.ListInvocations(f.ctx, picloud.RecordQuery{App: "nowhere"})
		f.code(err, picloud.CodeNotFound)
		_, err = f.InvocationByID(f.ctx, "shop", a.Invocation.ID)
		f.code(err, picloud.CodeNotFound)
	}},
	{"records of a deleted script are entered and stay", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "hello"))
		f.ok(f.AddRecords(f.ctx, []picloud.Record{f.record(sc, time.Now(), "late")}))
		same(f, "lines", messages(f.logs(picloud.RecordQuery{})), "late")
		f.deploy("hello", "2")
		same(f, "lines of its successor", len(f.logs(picloud.RecordQuery{Script: "hello"})), 0)
	}},
	{"pruning by age takes what is older, whatever its place", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		now := time.Now()
		f.ok(f.AddRecords(f.ctx, []picloud.Record{
			f.record(sc, now.Add(-2*time.Hour), "old", "old"),
			f.record(sc, now.Add(-time.Minute), "new"),
			f.record(sc, time.Unix(0, 0), "a clock that was wrong"),
		}))
		p, err := f.Prune(f.ctx, picloud.Retention{MaxAge: time.Hour}, now)
		f.ok(err)
		same(f, "pruned", p, picloud.Pruned{Invocations: 2, Logs: 3})
		same(f, "left", messages(f.logs(picloud.RecordQuery{})), "new")
		same(f, "invocations left", len(f.invocations(picloud.RecordQuery{})), 1)
	}},
	{"pruning by size keeps the newest that fit", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		big := strings.Repeat("x", 10_000)
		for range 20 {
			f.ok(f.AddRecords(f.ctx, []picloud.Record{f.record(sc, time.Now(), big)}))
		}
		newest := f.invocations(picloud.RecordQuery{Limit: 1})[0].ID
		p, err := f.Prune(f.ctx, picloud.Retention{MaxBytes: 60_000}, time.Now())
		f.ok(err)
		left := f.invocations(picloud.RecordQuery{})
		same(f, "left", len(left), 5)
		same(f, "the newest is there", left[0].ID, newest)
		same(f, "pruned", p, picloud.Pruned{Invocations: 15, Logs: 15})
		p, err = f.Prune(f.ctx, picloud.Retention{MaxBytes: 60_000}, time.Now())
		f.ok(err)
		same(f, "pruned again", p, picloud.Pruned{})
	}},
	{"pruning goes on until all is gone that must go", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		var batch []picloud.Record
		for range 1234 {
			batch = append(batch, f.record(sc, time.Now().Add(-time.Hour)))
		}
		f.ok(f.AddRecords(f.ctx, batch))
		p, err := f.Prune(f.ctx, picloud.Retention{MaxAge: time.Minute}, time.Now())
		f.ok(err)
		same(f, "pruned", p.Invocations, 1234)
		p, err = f.Prune(f.ctx, picloud.Retention{}, time.Now())
		f.ok(err)
		same(f, "without bounds", p, picloud.Pruned{})
	}},
}

// record makes a success of a script with info lines, the n-th on line n.
func (f *fixture) record(sc picloud.Script, at time.Time, lines ...string) picloud.Record {
	r := picloud.Record{Invocation: picloud.Invocation{
		ID: f.ids.New(), AppID: sc.AppID, App: sc.App, ScriptID: sc.ID, Script: sc.Name, Version: 1,
		Trigger: picloud.TriggerHTTP, Status: picloud.StatusOK, StartedAt: at,
	}}
	for i, text := range lines {
		r.Logs = append(r.Logs, picloud.LogLine{At: at, Level: picloud.LevelInfo, Message: text, Line: i + 1})
	}
	return r
}

func (f *fixture) logs(q picloud.RecordQuery) []picloud.LogLine {
	f.Helper()
	if q.App == "" {
		q.App = picloud.DefaultApp
	}
	list, err := f.ListLogs(f.ctx, q)
	f.ok(err)
	return list
}

func (f *fixture) invocations(q picloud.RecordQuery) []picloud.Invocation {
	f.Helper()
	if q.App == "" {
		q.App = picloud.DefaultApp
	}
	list, err := f.ListInvocations(f.ctx, q)
	f.ok(err)
	return list
}

func messages(lines []picloud.LogLine) string {
	var texts []string
	for _, l := range lines {
		texts = append(texts, l.Message)
	}
	return strings.Join(texts, " ")
}
