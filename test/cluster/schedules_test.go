package cluster

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// pulse fails if a time comes twice, and takes a while.
const pulse = `
fn on_schedule(ev) {
    if kv::has("pulse/" + ev.scheduled_at) { throw "twice" }
    kv::set("pulse/" + ev.scheduled_at, ev.attempt);
    sleep(1.5);
}
fn handle(req) { kv::list("pulse/").len() }`

const pulseProject = `[[scripts]]
file = "pulse.rhai"
schedules = [{ name = "pulse", cron = "* * * * * *", overlap = "forbid", max_attempts = 100, retry_delay_ms = 5 }]
`

// scheduleRun is a line of the ledger.
type scheduleRun struct {
	State      string
	Error      string
	Attempts   int
	PlannedAt  time.Time  `json:"planned_at"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

func (c *cluster) runs(args ...string) []scheduleRun {
	c.t.Helper()
	var page struct{ Runs []scheduleRun }
	out := c.run("", append([]string{"schedules", "runs", "pulse", "pulse", "-n", "1000", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &page); err != nil {
		c.t.Fatal(err)
	}
	return page.Runs
}

// killUnderSchedule kills the nodes in turn while a schedule fires each second
// whose runs may not overlap: none does, no time is fired twice, and it goes on.
func (c *cluster) killUnderSchedule(t *testing.T) {
	dir := filepath.Join(c.dir, "pulse")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"pulse.rhai": pulse, "picloud.toml": pulseProject} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.run("", "deploy", dir)
	done := func() int { return len(c.runs("--state", "ok")) }
	testenv.Eventually(t, "the schedule goes", func() bool { return done() >= 2 })
	// Which node is at a run nobody tells: one kill in three hits it.
	for i := 0; i < 20 && c.mostAttempts() < 2; i++ {
		n := c.nodes[rand.IntN(nodes)]
		testenv.Eventually(t, "a run is at work", func() bool { return len(c.runs("--state", "running")) == 1 })
		n.Kill()
		before := done()
		n.start()
		testenv.Eventually(t, "it goes on", func() bool { return done() > before })
	}
	c.run("", "schedules", "pause", "pulse", "pulse")
	testenv.Eventually(t, "what has begun ends", func() bool { return len(c.runs("--state", "running"))+len(c.runs("--state", "waiting")) == 0 })
	c.checkRuns(t)
	if c.mostAttempts() < 2 {
		t.Error("no kill came in the middle of a run")
	}
}

// mostAttempts is how often the run was begun that was begun most often.
func (c *cluster) mostAttempts() (most int) {
	for _, r := range c.runs() {
		most = max(most, r.Attempts)
	}
	return most
}

func (c *cluster) checkRuns(t *testing.T) {
	states, seen := map[string]int{}, map[time.Time]bool{}
	var later *time.Time // when the run after it began
	for _, r := range c.runs() {
		states[r.State]++
		if seen[r.PlannedAt] || r.State == "failed" {
			t.Errorf("%v was fired twice, or has failed: %s %s", r.PlannedAt, r.State, r.Error)
		}
		seen[r.PlannedAt] = true
		if r.State != "ok" {
			continue
		}
		if later != nil && r.FinishedAt.After(*later) {
			t.Errorf("the run of %v ended at %v, after the next began at %v", r.PlannedAt, r.FinishedAt, later)
		}
		later = r.StartedAt
	}
	if what, text := c.ask(http.MethodGet, "/pulse", "", strconv.Itoa(states["ok"])); what != "" {
		t.Errorf("%d runs went well, but of what they wrote there is %s %s", states["ok"], what, text)
	}
	t.Logf("runs of the schedule: %v; one was begun %d times", states, c.mostAttempts())
}
