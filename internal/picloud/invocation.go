package picloud

import "time"

// Trigger is the kind of event that started an invocation.
type Trigger string

// The triggers. Schedules, messages and data changes join them.
const (
	TriggerHTTP   Trigger = "http"   // a request on a route
	TriggerInvoke Trigger = "invoke" // asked for by name through the control plane
)

// Status is how an invocation ended.
type Status string

// The outcomes of an invocation.
const (
	StatusOK      Status = "ok"      // the script returned, or threw a status below 500
	StatusError   Status = "error"   // the script failed, or threw a status of 500 or more
	StatusLimit   Status = "limit"   // it ran into a limit other than time
	StatusTimeout Status = "timeout" // its wall time was over
	StatusCancel  Status = "cancel"  // the client went away, or the server stopped
)

// Valid reports whether s is one of the outcomes.
func (s Status) Valid() bool {
	switch s {
	case StatusOK, StatusError, StatusLimit, StatusTimeout, StatusCancel:
		return true
	}
	return false
}

// Invocation is the record of one run of one version on one event.
type Invocation struct {
	ID            string           `json:"id"`  // a UUIDv7; for HTTP also the request id
	Seq           int64            `json:"seq"` // its place in the order of recording, set by the store: a cursor
	AppID         string           `json:"-"`
	App           string           `json:"app"` // names as they were then
	ScriptID      string           `json:"-"`
	Script        string           `json:"script"`
	Version       int              `json:"version"`
	Trigger       Trigger          `json:"trigger"`
	Status        Status           `json:"status"`
	Method        string           `json:"method,omitempty"`      // of the request, for HTTP
	Path          string           `json:"path,omitempty"`        // of the request, without its query
	HTTPStatus    int              `json:"http_status,omitempty"` // of the response
	StartedAt     time.Time        `json:"started_at"`
	Duration      time.Duration    `json:"duration_ns"`
	Operations    int64            `json:"operations"`
	PeakBytes     int64            `json:"peak_bytes"`
	RequestBytes  int64            `json:"request_bytes"`
	ResponseBytes int64            `json:"response_bytes"`
	LogsCut       bool             `json:"logs_cut,omitempty"` // the log went over its limit
	Error         *InvocationError `json:"error,omitempty"`    // nil when Status is StatusOK
	Journal       JournalState     `json:"journal,omitempty"`  // whether there is one, to be looked at and replayed
}

// InvocationError is why an invocation failed.
type InvocationError struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"` // from 1; 0 when there is no position
	Column  int    `json:"column,omitempty"`
}

// Level is the weight of a log line.
type Level string

// The levels, from light to heavy. print() writes info, debug() debug.
const (
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Valid reports whether l is one of the levels.
func (l Level) Valid() bool {
	return l == LevelDebug || l == LevelInfo || l == LevelWarn || l == LevelError
}

// LogLine is one thing that a script said.
type LogLine struct {
	Seq          int64     `json:"seq"` // its place in the order of recording, set by the store: a cursor
	InvocationID string    `json:"invocation_id"`
	Script       string    `json:"script"`
	Version      int       `json:"version"`
	At           time.Time `json:"at"`
	Level        Level     `json:"level"`
	Message      string    `json:"message"`
	Line         int       `json:"line,omitempty"` // in the source; 0 when that is not known
}

// Record is an invocation with what it logged, as it is handed to the store.
// The lines need only At, Level, Message and Line.
type Record struct {
	Invocation Invocation
	Logs       []LogLine
	Journal    []byte // as it is kept; nil for none
}
