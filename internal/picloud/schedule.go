package picloud

import (
	"encoding/json"
	"time"
)

// What schedules may be.
const (
	MaxSchedules        = 32 // of one script
	MaxScheduleName     = 63
	MaxScheduleBody     = 64 << 10
	MaxMissedRuns       = 1_000 // made up for at once
	DefaultMissedRuns   = 100
	MaxUnfinishedRuns   = 100   // of one schedule, where they may overlap
	MaxKeptRuns         = 1_000 // of one schedule, in the ledger
	maxJitter           = time.Hour
	ScheduleOnTime      = 10 * time.Second // a run that is no later than this has not been missed
	ScheduleClockSlack  = 10 * time.Second // by how much a clock may be set back without anything being planned anew
	ScheduleClockMemory = 24 * time.Hour   // for how long a time of day that has come does not come again
)

// Overlap says what becomes of a run that is due while an earlier one of its
// schedule is not finished: while that waits, is run, or waits to be tried again.
type Overlap string

// The overlap policies. None is OverlapForbid.
const (
	OverlapForbid  Overlap = "forbid"  // it is skipped
	OverlapAllow   Overlap = "allow"   // both are run
	OverlapReplace Overlap = "replace" // the earlier one is ended, and nothing of it is kept
)

// MissedPolicy says what becomes of the times that came while nobody was there
// to run anything.
type MissedPolicy string

// The policies. None is MissedOnce.
const (
	MissedOnce MissedPolicy = "once" // the latest is run
	MissedSkip MissedPolicy = "skip" // none is
	MissedAll  MissedPolicy = "all"  // the latest MaxMissed are
)

// Schedule has a script run at certain times.
type Schedule struct {
	Name string `json:"name" toml:"name"` // within the script
	// Cron is when: see package cron.
	Cron string `json:"cron" toml:"cron"`
	// TimeZone is whose clock Cron means, by its IANA name; "" is UTC.
	TimeZone string       `json:"time_zone,omitempty" toml:"time_zone"`
	Overlap  Overlap      `json:"overlap,omitempty" enum:"forbid,allow,replace" toml:"overlap"`
	Missed   MissedPolicy `json:"missed,omitempty" enum:"once,skip,all" toml:"missed"`
	// MaxMissed is how many runs MissedAll makes up for at most; 0 means
	// DefaultMissedRuns.
	MaxMissed int `json:"max_missed,omitempty" toml:"max_missed"`
	// JitterMS delays each run by a random time up to so many milliseconds.
	JitterMS int64 `json:"jitter_ms,omitempty" toml:"jitter_ms"`
	// Body is what the script is given, any JSON; absent is nothing.
	Body json.RawMessage `json:"body,omitempty" toml:"-"`
	// A run that fails is tried again as a message is: see Subscription.
	MaxAttempts     int   `json:"max_attempts,omitempty" toml:"max_attempts"`
	RetryDelayMS    int64 `json:"retry_delay_ms,omitempty" toml:"retry_delay_ms"`
	MaxRetryDelayMS int64 `json:"max_retry_delay_ms,omitempty" toml:"max_retry_delay_ms"`
}

// Jitter is the longest delay of a run.
func (s Schedule) Jitter() time.Duration { return time.Duration(s.JitterMS) * time.Millisecond }

// MissedRuns is how many of the times that were missed are made up for.
func (s Schedule) MissedRuns() int {
	switch {
	case s.Missed != MissedAll:
		return 1
	case s.MaxMissed == 0:
		return DefaultMissedRuns
	}
	return s.MaxMissed
}

// Retries is how its runs are tried again.
func (s Schedule) Retries() Subscription {
	return Subscription{MaxAttempts: s.MaxAttempts, RetryDelayMS: s.RetryDelayMS, MaxRetryDelayMS: s.MaxRetryDelayMS}
}

// OrderKey is the key of the schedule's events: those that may not overlap are
// run one after the other, however they came to be. No message can have it.
func (s Schedule) OrderKey() string {
	if s.Overlap == OverlapAllow {
		return ""
	}
	return "\x01schedule\x01" + s.Name
}

// validate refuses a schedule that could not be kept; whether there is such a
// time is checked by package cron.
func (s Schedule) validate(field string) error {
	if err := validateName(field+".name", s.Name, MaxScheduleName, "-_."); err != nil {
		return err
	}
	if err := s.validatePolicies(field); err != nil {
		return err
	}
	for _, f := range []struct {
		name       string
		value, top int64
	}{
		{"jitter_ms", s.JitterMS, maxJitter.Milliseconds()},
		{"max_attempts", int64(s.MaxAttempts), maxAttemptsCeiling},
		{"retry_delay_ms", s.RetryDelayMS, maxRetryDelayCeiling.Milliseconds()},
		{"max_retry_delay_ms", s.MaxRetryDelayMS, maxRetryDelayCeiling.Milliseconds()},
	} {
		if f.value < 0 || f.value > f.top {
			return Invalid(field+"."+f.name, "%d is not between 0 and %d", f.value, f.top)
		}
	}
	if len(s.Body) > MaxScheduleBody {
		return Invalid(field+".body", "the body has %d bytes, at most %d are allowed", len(s.Body), MaxScheduleBody)
	}
	if len(s.Body) > 0 {
		return ValidateJSON(field+".body", s.Body)
	}
	return nil
}

func (s Schedule) validatePolicies(field string) error {
	switch s.Overlap {
	case "", OverlapForbid, OverlapAllow, OverlapReplace:
	default:
		return Invalid(field+".overlap", "%q is not one of forbid, allow and replace", clip(string(s.Overlap)))
	}
	switch s.Missed {
	case "", MissedOnce, MissedSkip:
		if s.MaxMissed != 0 {
			return Invalid(field+".max_missed", `it says something with missed = "all" only`)
		}
	case MissedAll:
		if s.MaxMissed < 0 || s.MaxMissed > MaxMissedRuns {
			return Invalid(field+".max_missed", "%d is not between 0 and %d", s.MaxMissed, MaxMissedRuns)
		}
		if s.Overlap == OverlapReplace {
			return Invalid(field+".missed", `"all" does not go with overlap = "replace": each run would replace the one before`)
		}
	default:
		return Invalid(field+".missed", "%q is not one of once, skip and all", clip(string(s.Missed)))
	}
	return nil
}

// RunState is where a run of a schedule is on its way.
type RunState string

// The states of a run. All but the first two are final, unless a failed one is
// redriven.
const (
	RunWaiting  RunState = "waiting"  // to be run, perhaps again
	RunRunning  RunState = "running"  // it has begun
	RunOK       RunState = "ok"       // it has succeeded
	RunFailed   RunState = "failed"   // it has failed, and is given up
	RunSkipped  RunState = "skipped"  // it was due while an earlier one was not finished
	RunMissed   RunState = "missed"   // nobody was there when it was due
	RunReplaced RunState = "replaced" // the next one was due before it was finished
	RunDropped  RunState = "dropped"  // somebody has removed it
)

// Valid reports whether s is one of the states.
func (s RunState) Valid() bool {
	switch s {
	case RunWaiting, RunRunning, RunOK, RunFailed, RunSkipped, RunMissed, RunReplaced, RunDropped:
		return true
	}
	return false
}

// RunCause is why a run came to be.
type RunCause string

// The causes of runs.
const (
	CauseTime   RunCause = "time"   // its time had come
	CauseManual RunCause = "manual" // somebody asked for it
)

// ScheduleRun is a line of the ledger: one time of a schedule and what became of
// it, or many in a row that were missed.
type ScheduleRun struct {
	Seq       int64  // its place in the ledger, set by the store: a cursor
	ID        string // the event's
	ScriptID  string
	Script    string
	Schedule  string
	Cause     RunCause
	State     RunState
	PlannedAt time.Time // what the schedule says
	DueAt     time.Time // the same with its jitter: when it was to begin
	StartedAt time.Time // when its first attempt began; zero: it has not
	// FinishedAt is when it came to its last state; zero: it has not.
	FinishedAt   time.Time
	Attempts     int
	InvocationID string // of the last attempt that has ended
	Error        string // why that failed, or why there was none
	Times        int    // how many times it stands for: 1, or those that were missed from PlannedAt on
}

// Drift is how much later than it was due a run began, or less than nothing
// where the clocks of nodes differ; 0 if it has not begun.
func (r ScheduleRun) Drift() time.Duration {
	if r.StartedAt.IsZero() {
		return 0
	}
	return r.StartedAt.Sub(r.DueAt)
}

// ScheduleState is a schedule of a live version, with where it is.
type ScheduleState struct {
	Schedule
	ScriptID string
	Script   string
	Enabled  bool      // the script is switched on
	PausedAt time.Time // zero: it is not
	PausedBy string    // a user name
	NextAt   time.Time // zero while it is paused or the script is off
	DueAt    time.Time // NextAt with its jitter
	Last     *ScheduleRun
}

// RunQuery chooses runs of an app's schedules, the newest first. Zero fields do
// not restrict.
type RunQuery struct {
	App      string // an app's name; required
	Script   string // a script's name
	Schedule string
	State    RunState
	Before   int64 // only those with a Seq below; 0: from the newest
	Limit    int   // 0 means DefaultPage; above MaxPage is MaxPage
}
