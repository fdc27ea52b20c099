package api

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Journal is what a run asked its host for, in order, with what it was
// answered.
type Journal struct {
	InvocationID string               `json:"invocation_id"`
	Script       string               `json:"script"`
	Version      int                  `json:"version"`
	Trigger      picloud.Trigger      `json:"trigger"`
	State        picloud.JournalState `json:"state" enum:"kept,cut" doc:"cut: there was more than a journal holds; it can be looked at, not replayed"`
	Event        JournalEvent         `json:"event"`
	Operations   int64                `json:"operations"`
	Total        int                  `json:"total" doc:"How many calls there are"`
	Calls        []JournalCall        `json:"calls"`
	After        int                  `json:"after,omitempty" doc:"The cursor of the next page; absent on the last"`
}

// JournalEvent is what the run was on, without what it holds.
type JournalEvent struct {
	Method    string `json:"method,omitempty"`
	Path      string `json:"path,omitempty"`
	Source    string `json:"source,omitempty" doc:"The topic, or the name of the schedule"`
	Attempt   int    `json:"attempt,omitempty"`
	BodyBytes int    `json:"body_bytes"`
	BodyCut   bool   `json:"body_cut,omitempty" doc:"The body was too large to be kept"`
}

// JournalCall is one call of a run.
type JournalCall struct {
	N        int           `json:"n" doc:"From 1"`
	Call     string        `json:"call" doc:"clock, random, import, kv.read, kv.list, …"`
	Args     string        `json:"args,omitempty" doc:"JSON, shortened"`
	Result   string        `json:"result,omitempty" doc:"JSON, shortened; randomness is not shown"`
	Cut      bool          `json:"cut,omitempty" doc:"Arguments or result are shortened"`
	Error    *JournalError `json:"error,omitempty"`
	At       time.Duration `json:"at_ns" doc:"Since the run began"`
	Duration time.Duration `json:"duration_ns"`
}

// JournalError is why a call failed.
type JournalError struct {
	Code    picloud.Code `json:"code,omitempty"`
	Message string       `json:"message,omitempty"`
	Ended   bool         `json:"ended,omitempty" doc:"The run's time was over before there was an answer"`
}

// Replayed is what became of a replay.
type Replayed struct {
	InvocationID string                   `json:"invocation_id" doc:"The one that was replayed"`
	Script       string                   `json:"script"`
	Version      int                      `json:"version"`
	Trigger      picloud.Trigger          `json:"trigger"`
	Same         bool                     `json:"same" doc:"The replay went as the run before"`
	Differences  []string                 `json:"differences,omitempty" doc:"In which way it did not"`
	Removed      []string                 `json:"removed_headers,omitempty" doc:"Headers of the request that were not kept, which the replay had not"`
	HTTPStatus   int                      `json:"http_status,omitempty" doc:"Of the response"`
	Headers      []Header                 `json:"headers,omitempty"`
	Body         string                   `json:"body,omitempty" doc:"Of the response, if it is text"`
	BodyBase64   string                   `json:"body_base64,omitempty" doc:"In place of body, if it is not"`
	Error        *picloud.InvocationError `json:"error,omitempty"`
	Duration     time.Duration            `json:"duration_ns"`
	Operations   int64                    `json:"operations"`
	PeakBytes    int64                    `json:"peak_bytes"`
	LogsCut      bool                     `json:"logs_cut,omitempty"`
	Logs         []ReplayedLine           `json:"logs"`
	Changes      []ReplayedChange         `json:"changes" doc:"What the run wanted to change. Nothing of it has happened"`
}

// ReplayedLine is a line that a replay logged.
type ReplayedLine struct {
	Level   picloud.Level `json:"level"`
	Message string        `json:"message"`
	Line    int           `json:"line,omitempty"`
}

// ReplayedChange is one thing that a replay wanted to change.
type ReplayedChange struct {
	Kind  string `json:"kind" enum:"set,delete,publish"`
	Name  string `json:"name" doc:"The key or the topic"`
	Bytes int    `json:"bytes"`
}
