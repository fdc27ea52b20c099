package api

import "time"

// Metrics are what ran in a time, cut into steps.
type Metrics struct {
	From        time.Time      `json:"from"`
	To          time.Time      `json:"to"`
	StepSeconds int64          `json:"step_seconds"`
	Total       MetricsSum     `json:"total" doc:"Of the whole time"`
	Points      []MetricsPoint `json:"points" doc:"One for each step, also for those in which nothing ran"`
	Now         *Gauge         `json:"now,omitempty" doc:"What waits and is kept at this moment; not for a single script"`
}

// MetricsSum is the sums of some runs.
type MetricsSum struct {
	Runs          int64   `json:"runs" doc:"Requests and events on which a script ran"`
	Errors        int64   `json:"errors" doc:"Of them, those that failed, ran into a limit or took too long"`
	MeanMS        float64 `json:"mean_ms" doc:"How long a run took on average"`
	P50MS         float64 `json:"p50_ms" doc:"About how long half of the runs took at most"`
	P99MS         float64 `json:"p99_ms" doc:"About how long 99 of 100 runs took at most"`
	Operations    int64   `json:"operations"`
	PeakBytes     int64   `json:"peak_bytes" doc:"Memory of the largest run"`
	RequestBytes  int64   `json:"request_bytes"`
	ResponseBytes int64   `json:"response_bytes"`
	Calls         int64   `json:"calls" doc:"Calls to the outside"`
}

// MetricsPoint is one step.
type MetricsPoint struct {
	At time.Time `json:"at" doc:"When the step began"`
	MetricsSum
	Gauge *Gauge `json:"gauge,omitempty" doc:"Absent for a single script, and for steps before anything was kept"`
}

// Gauge is what waits and is kept.
type Gauge struct {
	Events    int64 `json:"events" doc:"That wait for a script or are run; in a point, the most of the step"`
	DataBytes int64 `json:"data_bytes" doc:"Of keys and values"`
	FileBytes int64 `json:"file_bytes"`
}

// Sparklines are what the scripts of an app did in the last day, by the hour.
type Sparklines struct {
	From        time.Time   `json:"from"`
	StepSeconds int64       `json:"step_seconds"`
	Scripts     []Sparkline `json:"scripts" doc:"Those that ran, by name"`
}

// Sparkline is one script's.
type Sparkline struct {
	Script string  `json:"script"`
	Runs   []int64 `json:"runs"`
	Errors []int64 `json:"errors"`
}
