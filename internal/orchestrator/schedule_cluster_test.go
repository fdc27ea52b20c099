package orchestrator

import (
	"fmt"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// A run that forbids others is at work on one node only, also when that node is
// gone in the middle of it: until its lease is over, times are skipped, and then
// the same run is taken over.
func TestForbidAcrossNodes(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	dead, live := newHolding(), newHolding()
	one := startMember(t, url, "one", dead.run)
	one.deployAs("default", "tick", "1", scheduled(picloud.Schedule{Name: "now", Cron: "@every 1s"}))
	first := <-dead.begun
	two := startMember(t, url, "two", live.run)
	testenv.Eventually(t, "times are skipped", func() bool { return states(two.runs())[picloud.RunSkipped] >= 2 })

	if len(live.begun) > 0 {
		t.Fatalf("the other node runs %s beside %s", <-live.begun, first)
	}
	if _, err := two.store.RunSchedule(t.Context(), "default", "tick", "now"); !picloud.IsCode(err, picloud.CodeConflict) {
		t.Errorf("run now beside a run: %v", err)
	}

	// What a killed node leaves: it neither claims nor shows that it lives. That
	// it is gone is told to the other, which takes over.
	one.quiet()
	one.member.stop(t.Context())
	if got := <-live.begun; got != first {
		t.Errorf("the other node runs %s, not %s", got, first)
	}
	dead.goOn <- struct{}{} // it was not dead after all
	testenv.Eventually(t, "the late one has ended", func() bool { return one.dispatch.busy() == 0 })
	live.goOn <- struct{}{}
	if next := <-live.begun; next == first {
		t.Error("the run is run again though it has ended")
	}
	live.goOn <- struct{}{}
	for _, r := range two.runs() {
		if r.ID == first && (r.State != picloud.RunOK || r.Attempts != 2) {
			t.Errorf("the run that was taken over: %+v", r)
		}
	}
	if live.most != 1 || dead.most != 1 {
		t.Errorf("%d and %d runs at a time", live.most, dead.most)
	}
	close(live.goOn)
}

// Several nodes fire each time once.
func TestNodesFireOnce(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	one := startMember(t, url, "one", instant)
	var list []picloud.Schedule
	for i, overlap := range []picloud.Overlap{picloud.OverlapForbid, picloud.OverlapAllow, picloud.OverlapReplace} {
		list = append(list, picloud.Schedule{Name: fmt.Sprint("s", i), Cron: "* * * * * *", Overlap: overlap})
	}
	one.deployAs("default", "tick", "1", scheduled(list...))
	two, three := startMember(t, url, "two", instant), startMember(t, url, "three", instant)
	testenv.Eventually(t, "some runs", func() bool { return states(three.runs())[picloud.RunOK] >= 12 })
	if _, err := two.store.SetEnabled(t.Context(), "default", "tick", false); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range two.runs() {
		at := r.Schedule + r.PlannedAt.Format(time.RFC3339)
		if seen[at] || r.Attempts > 1 {
			t.Errorf("%s was fired twice, or run twice: %+v", at, r)
		}
		seen[at] = true
	}
}

// A run that is replaced on one node is ended on the node that is at it.
func TestReplaceAcrossNodes(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	h := newHolding()
	one := startMember(t, url, "one", h.run)
	one.deployAs("default", "tick", "1", scheduled(picloud.Schedule{Name: "now", Cron: "@yearly", Overlap: picloud.OverlapReplace}))
	if _, err := one.store.RunSchedule(t.Context(), "default", "tick", "now"); err != nil {
		t.Fatal(err)
	}
	<-h.begun
	two := startMember(t, url, "two", instant)
	one.quiet() // the next one is the other's
	if _, err := two.store.RunSchedule(t.Context(), "default", "tick", "now"); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "the new one ends", func() bool { return states(two.runs())[picloud.RunOK] == 1 })
	testenv.Eventually(t, "the old one is ended", func() bool { return h.ended.Load() == 1 })
	if got := states(two.runs()); got[picloud.RunReplaced] != 1 {
		t.Errorf("runs %v", got)
	}
}
