package api

import (
	"encoding/json"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Schedules lists schedules.
type Schedules struct {
	Schedules []ScheduleStatus `json:"schedules"`
}

// ScheduleStatus is a schedule of a script's live version, with where it is.
type ScheduleStatus struct {
	Script    string               `json:"script"`
	Name      string               `json:"name" doc:"Within the script"`
	Cron      string               `json:"cron" doc:"When it fires: five fields, six with seconds before them, a macro like @daily, or @every 90s"`
	TimeZone  string               `json:"time_zone" doc:"Whose clock that is, by its IANA name"`
	Overlap   picloud.Overlap      `json:"overlap" enum:"forbid,allow,replace" doc:"What becomes of a run that is due while the one before is not finished: it is skipped, both are run, or the one before is ended"`
	Missed    picloud.MissedPolicy `json:"missed" enum:"once,skip,all" doc:"What becomes of times that came while nobody could run them: the latest is run, none is, or all are up to max_missed"`
	MaxMissed int                  `json:"max_missed,omitempty" doc:"How many runs are made up for at most, with missed = all"`
	JitterMS  int64                `json:"jitter_ms,omitempty" doc:"Each run is delayed by a random time up to this"`
	Body      json.RawMessage      `json:"body,omitempty" doc:"What the script is given"`

	MaxAttempts int          `json:"max_attempts" doc:"How often a run is tried before it has failed"`
	Enabled     bool         `json:"enabled" doc:"The script is switched on"`
	Paused      bool         `json:"paused"`
	PausedAt    *time.Time   `json:"paused_at,omitempty"`
	PausedBy    string       `json:"paused_by,omitempty" doc:"A user name"`
	NextAt      *time.Time   `json:"next_at,omitempty" doc:"When it fires next, on the clock of its time zone; absent while it is paused or the script is off"`
	DueAt       *time.Time   `json:"due_at,omitempty" doc:"The same with its jitter"`
	Last        *ScheduleRun `json:"last,omitempty" doc:"The newest line of the ledger"`

	Upcoming []time.Time `json:"upcoming,omitempty" doc:"The next five times, on the clock of its time zone; those after now while it does not fire. Not in lists"`
}

// ScheduleRuns is a page of the ledger, the newest first.
type ScheduleRuns struct {
	Runs   []ScheduleRun `json:"runs"`
	Before int64         `json:"before,omitempty" doc:"The cursor of the next page; absent on the last"`
}

// ScheduleRun is a line of the ledger: a time of a schedule, and what became of it.
type ScheduleRun struct {
	Seq          int64            `json:"seq" doc:"Its place in the ledger"`
	ID           string           `json:"id" doc:"The event's, while there is one"`
	Script       string           `json:"script"`
	Schedule     string           `json:"schedule"`
	Cause        picloud.RunCause `json:"cause" enum:"time,manual" doc:"manual: somebody asked for it"`
	State        picloud.RunState `json:"state" enum:"waiting,running,ok,failed,skipped,missed,replaced,dropped" doc:"waiting: to be run, perhaps again; skipped: the one before was not finished; missed: nobody could run it; replaced: by the next; dropped: somebody removed it"`
	PlannedAt    time.Time        `json:"planned_at" doc:"What the schedule says"`
	DueAt        time.Time        `json:"due_at" doc:"The same with its jitter"`
	StartedAt    *time.Time       `json:"started_at,omitempty" doc:"When the first attempt began"`
	FinishedAt   *time.Time       `json:"finished_at,omitempty"`
	DriftMS      *float64         `json:"drift_ms,omitempty" doc:"How much later than due_at it started, in milliseconds"`
	Attempts     int              `json:"attempts"`
	InvocationID string           `json:"invocation_id,omitempty" doc:"Of the last attempt that has ended"`
	Error        string           `json:"error,omitempty" doc:"Why that failed, or why there was none"`
	Times        int              `json:"times" doc:"How many times the line stands for: more than one only for missed ones, from planned_at on; 10000 is that many or more"`
}

// SchedulePreview is when a schedule would fire.
type SchedulePreview struct {
	Cron     string      `json:"cron"`
	TimeZone string      `json:"time_zone"`
	Upcoming []time.Time `json:"upcoming" doc:"On the clock of the time zone"`
}
