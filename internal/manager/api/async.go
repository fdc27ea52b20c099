package api

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// InvokeLater asks for a run of a script on a made-up request, later.
type InvokeLater struct {
	Invoke
	DelaySeconds float64 `json:"delay_seconds,omitempty" minimum:"0" doc:"How long to wait before it is run"`
}

// Async is a request that was accepted to be answered later.
type Async struct {
	ID           string             `json:"id"`
	Script       string             `json:"script"`
	State        picloud.AsyncState `json:"state" enum:"waiting,running,done,failed,cancelled" doc:"failed: given up after too many tries; its event is among the dead"`
	Method       string             `json:"method"`
	Path         string             `json:"path"`
	Runs         int                `json:"runs" doc:"That have begun"`
	InvocationID string             `json:"invocation_id,omitempty" doc:"The record of the last run that has ended"`
	HTTPStatus   int                `json:"http_status,omitempty" doc:"Of the response"`
	Error        string             `json:"error,omitempty" doc:"Why the last run failed"`
	EnteredAt    time.Time          `json:"entered_at"`
	DueAt        time.Time          `json:"due_at" doc:"When it is to be run"`
	EndedAt      time.Time          `json:"ended_at,omitzero"`
	ExpiresAt    time.Time          `json:"expires_at,omitzero" doc:"When its result is forgotten"`
}

// AsyncList is a page of requests that are answered later, the newest first.
type AsyncList struct {
	Invocations []Async `json:"invocations"`
	Before      string  `json:"before,omitempty" doc:"The cursor of the next page; absent on the last"`
}
