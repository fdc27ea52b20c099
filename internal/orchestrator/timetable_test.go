package orchestrator

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// scheduled is the settings of a script with schedules.
func scheduled(list ...picloud.Schedule) picloud.Settings {
	for i := range list {
		list[i].RetryDelayMS = 1
	}
	return picloud.Settings{Schedules: list}
}

// settable is a clock that a test sets. It goes on by itself.
type settable struct{ ahead atomic.Int64 }

func (m *settable) now() time.Time          { return time.Now().Add(time.Duration(m.ahead.Load())) }
func (m *settable) move(d time.Duration)    { m.ahead.Add(int64(d)) }
func (n *node) told()                       { poke(n.dispatch.clockSet) }
func (n *node) runs() []picloud.ScheduleRun { return n.runsOf("") }

func (n *node) runsOf(name string) []picloud.ScheduleRun {
	n.t.Helper()
	list, err := n.store.ListRuns(n.t.Context(), picloud.RunQuery{App: picloud.DefaultApp, Schedule: name, Limit: picloud.MaxPage})
	if err != nil {
		n.t.Fatal(err)
	}
	return list
}

// states counts runs by state.
func states(runs []picloud.ScheduleRun) map[picloud.RunState]int {
	counts := map[picloud.RunState]int{}
	for _, r := range runs {
		counts[r.State]++
	}
	return counts
}

func TestASchedulesScriptRuns(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "tick", `
		fn on_schedule(ev) {
			if ev.attempt == 1 { throw "again" }
			kv::set("ev", [ev.name, ev.body, ev.key, ev.attempt, ev.scheduled_at == ev.at || ev.scheduled_at + 1 == ev.at, ev.id.len()]);
		}`, scheduled(picloud.Schedule{Name: "now", Cron: "@every 1s", Body: []byte(`{"a":1}`)}))
	n.deploy("done", `kv::get("ev") == ["now", #{a: 1}, "", 2, true, 36]`)
	n.await("the schedule", "done")
	for _, r := range n.runs() {
		if r.State != picloud.RunOK {
			continue
		}
		if r.Attempts < 2 || r.InvocationID == "" || r.StartedAt.Before(r.DueAt) || r.FinishedAt.Before(r.StartedAt) {
			t.Errorf("ledger %+v", r)
		}
		v, err := n.store.InvocationByID(t.Context(), "default", r.InvocationID)
		if err != nil || v.Trigger != picloud.TriggerSchedule || v.Path != "now" {
			t.Errorf("invocation %+v %v", v, err)
		}
		return
	}
	t.Errorf("no run went well: %+v", n.runs())
}

// A schedule that is far off, paused, or of a script that is switched off costs
// no statement while nothing happens.
func TestSchedulesAreIdle(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	var scripts []picloud.ScriptDeploy
	for i := range 50 {
		settings := picloud.Settings{Subscriptions: []picloud.Subscription{{Topic: "a"}, {Topic: "b"}}}
		for j := range 20 {
			settings.Schedules = append(settings.Schedules, picloud.Schedule{Name: fmt.Sprint("s", j), Cron: "0 0 29 2 *"})
		}
		scripts = append(scripts, picloud.ScriptDeploy{Name: fmt.Sprint("script", i), Source: "fn on_schedule(e) {} fn on_message(m) {}", Settings: &settings})
	}
	if _, err := n.store.Deploy(t.Context(), picloud.Deployment{App: "default", Scripts: scripts}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := n.store.PauseSchedule(t.Context(), "default", "script1", fmt.Sprint("s", i), "ada"); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := n.store.ListSchedules(t.Context(), "default", ""); err != nil || len(list) != 1000 {
		t.Fatal(len(list), err)
	}
	n.wantIdle()
}

// wantIdle waits until no statement is run for half a second.
func (n *node) wantIdle() {
	n.t.Helper()
	still, last := 0, n.store.Statements()
	for range 500 { // of ten milliseconds
		<-time.After(10 * time.Millisecond)
		if now := n.store.Statements(); now != last {
			still, last = 0, now
		} else if still++; still == 50 {
			return
		}
	}
	n.t.Error("statements are run while nothing happens")
}

// holding is an executor whose schedule runs wait until they may go on, or are
// ended. It watches that none overlaps.
type holding struct {
	mu      sync.Mutex
	running int
	most    int
	begun   chan string   // the ids of runs that began
	goOn    chan struct{} // one for each that may end
	ended   atomic.Int64  // by their context
}

func newHolding() *holding {
	return &holding{begun: make(chan string, 1000), goOn: make(chan struct{}, 1000)}
}

func (h *holding) run(ctx context.Context, x *picloud.Execution) *picloud.Outcome {
	h.mu.Lock()
	h.running++
	h.most = max(h.most, h.running)
	h.mu.Unlock()
	h.begun <- x.ID
	out := &picloud.Outcome{Response: &picloud.Response{Status: http.StatusNoContent},
		Effects: &picloud.Effects{Writes: []picloud.KeyWrite{{Key: "run/" + x.ID, Kind: picloud.ValueJSON, Value: []byte("1")}}}}
	select {
	case <-h.goOn:
	case <-ctx.Done():
		h.ended.Add(1)
		out = &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeCanceled, Message: "ended"}}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running--
	return out
}

func TestReplaceEndsTheRunBefore(t *testing.T) {
	t.Parallel()
	h := newHolding()
	n := startNode(t, h.run)
	n.deployAs("default", "tick", "1", scheduled(picloud.Schedule{Name: "now", Cron: "@yearly", Overlap: picloud.OverlapReplace}))
	for range 3 {
		if _, err := n.store.RunSchedule(t.Context(), "default", "tick", "now"); err != nil {
			t.Fatal(err)
		}
		<-h.begun
	}
	h.goOn <- struct{}{} // there is one left to take it
	testenv.Eventually(t, "the last one ends", func() bool { return states(n.runs())[picloud.RunOK] == 1 })
	if got := states(n.runs()); got[picloud.RunReplaced] != 2 || h.ended.Load() != 2 {
		t.Errorf("runs %v, ended %d", got, h.ended.Load())
	}
	app, err := n.store.AppByName(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	page, err := n.store.ListEntries(t.Context(), app.ID, picloud.EntryQuery{})
	if err != nil || len(page.Entries) != 1 {
		t.Errorf("kept %+v %v", page, err)
	}
	testenv.Eventually(t, "the ended runs are recorded", func() bool {
		canceled := 0
		for _, v := range n.records() {
			if v.Status == picloud.StatusCancel && strings.Contains(v.Error.Message, "withdrawn") {
				canceled++
			}
		}
		return canceled == 2
	})
}

// While a run of a schedule that forbids it goes on, no other begins: its times
// are skipped.
func TestForbidSkips(t *testing.T) {
	t.Parallel()
	h := newHolding()
	n := startNode(t, h.run)
	n.deployAs("default", "tick", "1", scheduled(picloud.Schedule{Name: "now", Cron: "@every 1s"}))
	<-h.begun
	testenv.Eventually(t, "two times are skipped", func() bool { return states(n.runs())[picloud.RunSkipped] >= 2 })
	if _, err := n.store.RunSchedule(t.Context(), "default", "tick", "now"); !picloud.IsCode(err, picloud.CodeConflict) {
		t.Errorf("run now beside a run: %v", err)
	}
	h.goOn <- struct{}{}
	<-h.begun
	h.goOn <- struct{}{}
	if h.most != 1 {
		t.Errorf("%d runs at a time", h.most)
	}
}

func TestPauseAndResumeWakeTheDispatcher(t *testing.T) {
	t.Parallel()
	clock := &settable{}
	n := startNodeAt(t, clock, instant)
	n.deployAs("default", "tick", "1", scheduled(picloud.Schedule{Name: "now", Cron: "@hourly"}))
	pause := func(f func() (picloud.ScheduleState, error)) picloud.ScheduleState {
		t.Helper()
		s, err := f()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	pause(func() (picloud.ScheduleState, error) {
		return n.store.PauseSchedule(t.Context(), "default", "tick", "now", "ada")
	})
	clock.move(2 * time.Hour)
	n.told()
	n.wantIdle()
	if len(n.runs()) != 0 {
		t.Errorf("a paused schedule fired: %+v", n.runs())
	}
	s := pause(func() (picloud.ScheduleState, error) {
		return n.store.ResumeSchedule(t.Context(), "default", "tick", "now")
	})
	clock.move(s.NextAt.Sub(clock.now()))
	n.told()
	testenv.Eventually(t, "it fires again", func() bool { return states(n.runs())[picloud.RunOK] == 1 })
}

// instant is an executor whose runs end at once.
func instant(context.Context, *picloud.Execution) *picloud.Outcome {
	return &picloud.Outcome{Response: &picloud.Response{Status: http.StatusNoContent}}
}

// TestTheClockIsSet puts it an hour forward and back, while the dispatcher
// sleeps and while the server is down.
func TestTheClockIsSet(t *testing.T) {
	t.Parallel()
	clock := &settable{}
	// So that no schedule but those meant is near.
	clock.move(time.Until(time.Now().Truncate(time.Hour).Add(100*time.Hour + 20*time.Minute)))
	n := startNodeAt(t, clock, instant)
	at := clock.now()
	n.deployAs("default", "tick", "1", scheduled(
		picloud.Schedule{Name: "daily", Cron: fmt.Sprintf("30 %d * * *", at.UTC().Hour())},
		picloud.Schedule{Name: "hourly", Cron: "40 * * * *"},
		picloud.Schedule{Name: "often", Cron: "@every 5m"},
	))
	count := func(name string) (ok, missed int) {
		for _, r := range n.runsOf(name) {
			switch r.State {
			case picloud.RunOK:
				ok++
			case picloud.RunMissed:
				missed += r.Times
			}
		}
		return ok, missed
	}
	want := func(what string, daily, hourly, often int) {
		t.Helper()
		var got [3]int
		testenv.Eventually(t, what, func() bool {
			for i, name := range []string{"daily", "hourly", "often"} {
				got[i], _ = count(name)
			}
			return got == [3]int{daily, hourly, often}
		})
	}
	clock.move(time.Hour) // :20 to :20
	n.told()
	want("an hour forward: each once for what it missed", 1, 1, 1)
	if _, missed := count("often"); missed != 11 {
		t.Errorf("missed %d times of 12, of which one is made up for", missed)
	}
	clock.move(-time.Hour)
	n.told()
	testenv.Eventually(t, "they are planned anew", func() bool {
		due, ok, err := n.store.NextSchedule(t.Context())
		return err == nil && ok && due.Sub(clock.now()) <= 5*time.Minute
	})
	for range 12 {
		clock.move(5 * time.Minute)
		n.told()
		before, _ := count("often")
		testenv.Eventually(t, "five minutes later", func() bool { now, _ := count("often"); return now == before+1 })
	}
	want("through the hour again: no time of day comes twice", 1, 2, 13)
}

// startNodeAt is startNode with a clock, which the store has too.
func startNodeAt(t testing.TB, clock *settable, run runFunc) *node {
	t.Helper()
	return startNodeWith(t, t.TempDir()+"/picloud.db", clock.now, run)
}
