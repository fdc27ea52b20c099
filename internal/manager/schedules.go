package manager

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/cron"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// previewed is how many times are shown of a schedule, where nobody asks for
// another number.
const previewed = 5

const schedulePath = scriptPath + "/schedules/{schedule}"

func (m *Manager) registerSchedules() {
	register(m, operation{
		id: "list-schedules", method: http.MethodGet, path: "/apps/{app}/schedules", tag: "schedules", capability: access.ReadSchedules,
		summary: "List an app's schedules, with when they fire next and how they last went",
	}, m.listSchedules)
	register(m, operation{
		id: "list-schedule-runs", method: http.MethodGet, path: "/apps/{app}/schedule-runs", tag: "schedules", capability: access.ReadSchedules,
		summary: "List the ledger of an app's schedules: what was planned, started and finished; the newest first",
	}, m.listRuns)
	register(m, operation{
		id: "get-schedule", method: http.MethodGet, path: schedulePath, tag: "schedules", capability: access.ReadSchedules,
		summary: "Show a schedule with its next five times",
	}, m.getSchedule)
	register(m, operation{
		id: "pause-schedule", method: http.MethodPost, path: schedulePath + "/pause", tag: "schedules", capability: access.ManageSchedules,
		summary: "Have a schedule not fire until it is resumed, whatever is deployed meanwhile",
	}, m.pauseSchedule)
	register(m, operation{
		id: "resume-schedule", method: http.MethodPost, path: schedulePath + "/resume", tag: "schedules", capability: access.ManageSchedules,
		summary: "End a pause; what fell into it is not made up for",
	}, m.resumeSchedule)
	register(m, operation{
		id: "run-schedule", method: http.MethodPost, path: schedulePath + "/run", tag: "schedules", capability: access.ManageSchedules,
		summary: "Run a schedule now, also while it is paused",
	}, m.runSchedule)
	register(m, operation{
		id: "preview-schedule", method: http.MethodGet, path: "/schedule-preview", tag: "schedules", capability: access.CheckScripts,
		summary: "Tell when a schedule would fire, or what is wrong with it",
	}, m.previewSchedule)
}

type schedulesInput struct {
	AppPath
	Script string `query:"script" doc:"Only of this script"`
}

type schedulesOutput struct{ Body api.Schedules }

func (m *Manager) listSchedules(ctx context.Context, _ picloud.Principal, in *schedulesInput) (*schedulesOutput, error) {
	list, err := m.store.ListSchedules(ctx, in.App, in.Script)
	if err != nil {
		return nil, err
	}
	out := &schedulesOutput{Body: api.Schedules{Schedules: make([]api.ScheduleStatus, len(list))}}
	for i, s := range list {
		out.Body.Schedules[i] = scheduleOf(s)
	}
	return out, nil
}

// scheduleOf is a schedule as the API shows it, with the defaults filled in.
func scheduleOf(s picloud.ScheduleState) api.ScheduleStatus {
	zone := cmp.Or(s.TimeZone, "UTC")
	shown := api.ScheduleStatus{
		Script: s.Script, Name: s.Name, Cron: s.Cron, TimeZone: zone, Overlap: cmp.Or(s.Overlap, picloud.OverlapForbid),
		Missed: cmp.Or(s.Missed, picloud.MissedOnce), JitterMS: s.JitterMS, Body: s.Body, MaxAttempts: s.Retries().Attempts(),
		Enabled: s.Enabled, Paused: !s.PausedAt.IsZero(), PausedAt: known(s.PausedAt), PausedBy: s.PausedBy,
		NextAt: inZone(s.NextAt, zone), DueAt: inZone(s.DueAt, zone),
	}
	if s.Missed == picloud.MissedAll {
		shown.MaxMissed = s.MissedRuns()
	}
	if s.Last != nil {
		shown.Last = new(runOf(*s.Last))
	}
	return shown
}

// known is a time, or nil where there is none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// inZone is known, on the clock of a time zone.
func inZone(t time.Time, zone string) *time.Time {
	if loc, err := time.LoadLocation(zone); err == nil && !t.IsZero() {
		t = t.In(loc)
	}
	return known(t)
}

func runOf(r picloud.ScheduleRun) api.ScheduleRun {
	shown := api.ScheduleRun{
		Seq: r.Seq, ID: r.ID, Script: r.Script, Schedule: r.Schedule, Cause: r.Cause, State: r.State,
		PlannedAt: r.PlannedAt, DueAt: r.DueAt, StartedAt: known(r.StartedAt), FinishedAt: known(r.FinishedAt),
		Attempts: r.Attempts, InvocationID: r.InvocationID, Error: r.Error, Times: r.Times,
	}
	if shown.StartedAt != nil {
		shown.DriftMS = new(float64(r.Drift().Microseconds()) / 1000)
	}
	return shown
}

type runsInput struct {
	AppPath
	Script   string `query:"script" doc:"Only of this script"`
	Schedule string `query:"schedule" doc:"Only of schedules with this name"`
	State    string `query:"state" enum:"waiting,running,ok,failed,skipped,missed,replaced,dropped" doc:"Only in this state"`
	Before   int64  `query:"before" minimum:"0" doc:"The cursor of a page before"`
	Limit    int    `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 100 when absent"`
}

type runsOutput struct{ Body api.ScheduleRuns }

func (m *Manager) listRuns(ctx context.Context, _ picloud.Principal, in *runsInput) (*runsOutput, error) {
	q := picloud.RunQuery{
		App: in.App, Script: in.Script, Schedule: in.Schedule, State: picloud.RunState(in.State), Before: in.Before, Limit: pageSize(in.Limit),
	}
	list, err := m.store.ListRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &runsOutput{Body: api.ScheduleRuns{Runs: make([]api.ScheduleRun, len(list))}}
	for i, r := range list {
		out.Body.Runs[i] = runOf(r)
	}
	if n := len(list); n == q.Limit {
		out.Body.Before = list[n-1].Seq
	}
	return out, nil
}

// SchedulePath is a schedule of a script in a path.
type SchedulePath struct {
	ScriptPath
	Schedule string `path:"schedule"`
}

type scheduleOutput struct{ Body api.ScheduleStatus }

func (m *Manager) getSchedule(ctx context.Context, _ picloud.Principal, in *SchedulePath) (*scheduleOutput, error) {
	return m.scheduleAnswer(m.store.ScheduleByName(ctx, in.App, in.Script, in.Schedule))
}

func (m *Manager) scheduleAnswer(s picloud.ScheduleState, err error) (*scheduleOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &scheduleOutput{Body: scheduleOf(s)}
	times, err := cron.Of(s.Schedule)
	if err != nil {
		return out, nil // it cannot fire, and has no times
	}
	from := m.now()
	if !s.NextAt.IsZero() {
		from = s.NextAt.Add(-1)
	}
	out.Body.Upcoming = times.Upcoming(from, previewed)
	return out, nil
}

// scheduleTarget is a schedule as the audit log names it.
func scheduleTarget(in *SchedulePath) string { return in.Script + "/" + in.Schedule }

func (m *Manager) pauseSchedule(ctx context.Context, p picloud.Principal, in *SchedulePath) (*scheduleOutput, error) {
	auditing(ctx).target(scheduleTarget(in)).after(map[string]any{"paused": true})
	return m.scheduleAnswer(m.store.PauseSchedule(ctx, in.App, in.Script, in.Schedule, p.User.Username))
}

func (m *Manager) resumeSchedule(ctx context.Context, _ picloud.Principal, in *SchedulePath) (*scheduleOutput, error) {
	auditing(ctx).target(scheduleTarget(in)).after(map[string]any{"paused": false})
	return m.scheduleAnswer(m.store.ResumeSchedule(ctx, in.App, in.Script, in.Schedule))
}

type runOutput struct {
	Status int
	Body   api.ScheduleRun
}

func (m *Manager) runSchedule(ctx context.Context, _ picloud.Principal, in *SchedulePath) (*runOutput, error) {
	auditing(ctx).target(scheduleTarget(in))
	run, err := m.store.RunSchedule(ctx, in.App, in.Script, in.Schedule)
	if err != nil {
		return nil, err
	}
	auditing(ctx).after(map[string]any{"run": run.ID})
	return &runOutput{Status: http.StatusAccepted, Body: runOf(run)}, nil
}

type previewInput struct {
	Cron     string    `query:"cron" doc:"Five fields, six with seconds before them, a macro like @daily, or @every 90s"`
	TimeZone string    `query:"time_zone" doc:"Whose clock that is, by its IANA name; UTC when absent"`
	After    time.Time `query:"after" doc:"Only times after this one, as RFC 3339; now when absent"`
	Count    int       `query:"count" minimum:"0" maximum:"100" doc:"How many; 5 when absent"`
}

type previewOutput struct{ Body api.SchedulePreview }

func (m *Manager) previewSchedule(_ context.Context, _ picloud.Principal, in *previewInput) (*previewOutput, error) {
	times, err := cron.Parse(in.Cron, in.TimeZone)
	var bad *cron.Error
	if errors.As(err, &bad) {
		return nil, picloud.Invalid(bad.Field, "%s", bad.Message)
	}
	if err != nil {
		return nil, err
	}
	after := in.After
	if after.IsZero() {
		after = m.now()
	}
	return &previewOutput{Body: api.SchedulePreview{
		Cron: in.Cron, TimeZone: cmp.Or(in.TimeZone, "UTC"), Upcoming: times.Upcoming(after, cmp.Or(in.Count, previewed)),
	}}, nil
}
