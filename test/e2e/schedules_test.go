package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// copyGuide writes what a guide shows as a project: the scripts that begin with
// the name of their file, and the first description of scripts.
func (u *user) copyGuide(guide, dir string) {
	u.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", guide))
	if err != nil {
		u.t.Fatal(err)
	}
	project := false
	for _, block := range strings.Split(string(text), "\n```")[1:] {
		language, body, _ := strings.Cut(block, "\n")
		switch {
		case language == "toml" && !project && strings.Contains(body, "[[scripts]]"):
			u.write(dir+"/picloud.toml", body)
			project = true
		case language == "rhai":
			if name, ok := strings.CutPrefix(strings.SplitN(body, "\n", 2)[0], "// "); ok {
				u.write(dir+"/"+name, body)
			}
		}
	}
}

// scheduleRun is a line of picloud schedules runs -o json.
type scheduleRun struct {
	Seq                           int64
	Schedule, State, Cause, Error string
	PlannedAt                     time.Time  `json:"planned_at"`
	StartedAt                     *time.Time `json:"started_at"`
	FinishedAt                    *time.Time `json:"finished_at"`
	InvocationID                  string     `json:"invocation_id"`
}

func (u *user) runs(args ...string) []scheduleRun {
	u.t.Helper()
	var page struct{ Runs []scheduleRun }
	u.json(&page, append([]string{"schedules", "runs"}, args...)...)
	return page.Runs
}

// TestScheduleGuide does what docs/guides/schedules.md shows.
func TestScheduleGuide(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.copyGuide("schedules.md", "guide")
	u.run("deploy", "guide")
	page := func() (got struct{ Pulses, Reports int }) {
		do(t, http.MethodGet, s.public+"/report", "").decode(t, &got)
		return got
	}
	testenv.Eventually(t, "it goes by itself", func() bool { return page().Pulses >= 2 })
	u.run("schedules", "run", "report", "nightly")
	testenv.Eventually(t, "it was run by hand", func() bool { return page().Reports == 1 })
	testenv.Eventually(t, "the ledger tells", func() bool {
		list := u.runs("report", "nightly", "--state", "ok")
		return len(list) == 1 && list[0].Cause == "manual" && list[0].InvocationID != ""
	})
	if list := u.run("schedules"); !strings.Contains(list, "02:30:00 +0") || !strings.Contains(list, "@every 1s") {
		t.Errorf("schedules are listed as\n%s", list)
	}
	ok := u.runs("report", "pulse", "--state", "ok")
	if logs := u.run("logs", "--invocation", ok[0].InvocationID); strings.Contains(logs, "error") {
		t.Errorf("logs of a pulse: %s", logs)
	}

	u.run("schedules", "pause", "report", "pulse")
	testenv.Eventually(t, "what has begun ends", func() bool { return len(u.runs("report", "pulse", "--state", "running")) == 0 })
	before := page().Pulses
	if list := u.run("schedules"); !strings.Contains(list, "paused") {
		t.Errorf("schedules are listed as\n%s", list)
	}
	u.edit("guide/report.rhai", "kv::incr(\"pulses\");", "kv::incr(\"pulses\", 1000);")
	u.run("deploy", "guide")
	if after := page().Pulses; after != before {
		t.Errorf("a paused schedule fired: %d, then %d", before, after)
	}
	u.run("schedules", "resume", "report", "pulse")
	testenv.Eventually(t, "it goes again", func() bool { return page().Pulses >= 1000 })
	if audit := u.run("audit"); !strings.Contains(audit, "pause-schedule") || !strings.Contains(audit, "report/pulse") || !strings.Contains(audit, "run-schedule") {
		t.Errorf("the audit log does not tell:\n%s", audit)
	}

	shown := u.run("schedules", "show", "report", "nightly")
	if strings.Count(shown, "upcoming") != 5 || !strings.Contains(shown, `{"kind":"full"}`) {
		t.Errorf("a schedule is shown as\n%s", shown)
	}
	if times := u.run("schedules", "preview", "30 2 * * MON-FRI", "--zone", "Europe/Berlin"); strings.Count(times, "02:30:00") != 5 {
		t.Errorf("a preview is\n%s", times)
	}
}

// Bad schedules are told, and by their field.
func TestBadSchedules(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.write("bad/picloud.toml", "[[scripts]]\nfile = \"a.rhai\"\n[[scripts.schedules]]\nname = \"x\"\ncron = \"0 0 30 2 *\"\n")
	u.write("bad/a.rhai", "fn on_schedule(ev) { }")
	u.fails(failed, []string{"deploy", "bad"}, "schedules[0].cron", "never comes")
	u.edit("bad/picloud.toml", `cron = "0 0 30 2 *"`, `cron = "@daily"`+"\n"+`time_zone = "Europe/Nowhere"`)
	u.fails(failed, []string{"deploy", "bad"}, "schedules[0].time_zone", "no time zone")
	u.edit("bad/picloud.toml", `"Europe/Nowhere"`, `"UTC"`+"\n"+`missed = "all"`+"\n"+`overlap = "replace"`)
	u.fails(failed, []string{"deploy", "bad"}, "schedules[0].missed", "replace")
	u.edit("bad/picloud.toml", `missed = "all"`, "")
	u.write("bad/a.rhai", "fn on_shedule(ev) { }")
	u.fails(failed, []string{"deploy", "bad"}, "fn on_schedule")
	u.fails(failed, []string{"schedules", "preview", "61 * * * *"}, "not a schedule")
	u.fails(failed, []string{"schedules", "preview", "@daily", "--zone", "Mars"}, "no time zone")
	u.fails(failed, []string{"schedules", "pause", "a", "x"}, "no script")
	u.fails(misused, []string{"schedules", "run", "a"}, "NAME")

	a := signInAPI(t, s)
	problem := a.postJSON("/apps/default/deployments", map[string]any{"scripts": []any{map[string]any{
		"name": "a", "source": "fn on_schedule(ev) { }", "settings": map[string]any{"schedules": []any{map[string]any{"name": "x", "cron": "* * *"}}},
	}}})
	if problem.status != http.StatusUnprocessableEntity || !strings.Contains(problem.body, `"#/scripts/0/settings/schedules/0/cron"`) {
		t.Errorf("a deploy with a bad schedule: %s", problem)
	}
	preview := a.send(http.MethodGet, "/schedule-preview?cron=61+*+*+*+*", "")
	if preview.status != http.StatusUnprocessableEntity || !json.Valid([]byte(preview.body)) || !strings.Contains(preview.body, `"#/cron"`) {
		t.Errorf("a bad preview: %s", preview)
	}
}

// pulseScript fails if a time comes twice. It is slow, so that a kill is likely
// to come in the middle of it, and yet ends within most lives of the server: a
// run that dies a hundred times is given up.
const pulseScript = `
fn on_schedule(ev) {
    if kv::has("pulse/" + ev.scheduled_at) { throw "twice" }
    kv::set("pulse/" + ev.scheduled_at, ev.attempt);
    sleep(0.05);
}
fn handle(req) { kv::list("pulse/", #{ after: req.query.after ?? "" }) }`

// startPulse deploys a schedule whose runs may not overlap. A run that is killed
// again and again is not given up.
func (u *user) startPulse() {
	u.write("pulse/picloud.toml", `[[scripts]]
file = "pulse.rhai"
schedules = [{ name = "pulse", cron = "* * * * * *", overlap = "forbid", max_attempts = 100, retry_delay_ms = 5, max_retry_delay_ms = 50 }]
`)
	u.write("pulse/pulse.rhai", pulseScript)
	u.run("deploy", "pulse")
}

// checkPulse ends the schedule, and looks whether any of its runs overlapped, came
// twice, failed, or left something half done.
func (u *user) checkPulse(s *server) {
	u.t.Helper()
	testenv.Eventually(u.t, "the schedule goes on", func() bool { return len(u.runs("pulse", "--state", "ok", "-n", "1")) == 1 })
	u.run("schedules", "pause", "pulse", "pulse")
	testenv.Eventually(u.t, "what has begun ends", func() bool {
		return len(u.runs("pulse", "--state", "running"))+len(u.runs("pulse", "--state", "waiting")) == 0
	})
	written := map[string]bool{}
	for after := ""; ; {
		var page []string
		do(u.t, http.MethodGet, s.public+"/pulse?after="+after, "").decode(u.t, &page)
		if len(page) == 0 {
			break
		}
		for _, key := range page {
			written[key] = true
		}
		after = page[len(page)-1]
	}
	states := map[string]int{}
	seen := map[time.Time]bool{}
	var later *time.Time // when the run after it began
	for _, r := range u.runs("pulse", "-n", "1000") {
		states[r.State]++
		if seen[r.PlannedAt] {
			u.t.Errorf("%v was fired twice", r.PlannedAt)
		}
		seen[r.PlannedAt] = true
		if r.State == "failed" || (r.State == "ok") != written["pulse/"+strconv.FormatInt(r.PlannedAt.Unix(), 10)] && r.State != "missed" {
			u.t.Errorf("a run is %s %s, and its key is there: %v", r.State, r.Error, written["pulse/"+strconv.FormatInt(r.PlannedAt.Unix(), 10)])
		}
		if r.State != "ok" {
			continue
		}
		if later != nil && r.FinishedAt.After(*later) {
			u.t.Errorf("the run of %v ended at %v, after the next began at %v", r.PlannedAt, r.FinishedAt, later)
		}
		later = r.StartedAt
	}
	u.t.Logf("runs of the schedule: %v", states)
}
