package api

import (
	"encoding/json"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// NewMessage is a message to be published on a topic.
type NewMessage struct {
	Body         json.RawMessage `json:"body,omitempty" doc:"Any JSON"`
	BodyBase64   string          `json:"body_base64,omitempty" doc:"Octets, in place of body; the script gets a blob"`
	Key          string          `json:"key,omitempty" doc:"Messages of a topic with the same key are delivered to a script one after the other, in their order"`
	DelaySeconds float64         `json:"delay_seconds,omitempty" minimum:"0" doc:"How long the message waits before it is delivered"`
	Dedupe       string          `json:"dedupe,omitempty" doc:"Names the message: another one of the topic with the same name is accepted and dropped for a while"`
	// DedupeSeconds is how long the name is remembered.
	DedupeSeconds float64 `json:"dedupe_seconds,omitempty" minimum:"0" doc:"How long the name is remembered; ten minutes when absent"`
}

// Published tells what became of a message.
type Published struct {
	Events int `json:"events" doc:"How many scripts get it. They are on disk"`
}

// Events lists events that wait for a script, or have been given up.
type Events struct {
	Events []Event `json:"events"`
	Before int64   `json:"before,omitempty" doc:"The cursor of the next page; absent on the last"`
}

// Event is something that is to start a script.
type Event struct {
	ID         string             `json:"id"`
	Script     string             `json:"script"`
	Trigger    picloud.Trigger    `json:"trigger" enum:"message,schedule,change,async"`
	Source     string             `json:"source" doc:"The topic, or the name of the schedule"`
	Key        string             `json:"key,omitempty"`
	State      picloud.EventState `json:"state" enum:"waiting,blocked,dead" doc:"blocked: behind an earlier one with its key; dead: given up"`
	Running    bool               `json:"running"`
	Attempts   int                `json:"attempts" doc:"Runs that have begun"`
	Error      string             `json:"error,omitempty" doc:"Why the last run failed"`
	EnteredAt  time.Time          `json:"entered_at"`
	DueAt      time.Time          `json:"due_at"`
	Body       json.RawMessage    `json:"body,omitempty" doc:"Not in lists"`
	BodyBase64 string             `json:"body_base64,omitempty" doc:"In place of body, when it is octets"`
}

// Queues counts an app's events.
type Queues struct {
	Queues []Queue `json:"queues"`
}

// Queue counts the events of a script from one source that are in one state.
type Queue struct {
	Script   string             `json:"script"`
	Source   string             `json:"source"`
	State    picloud.EventState `json:"state" enum:"waiting,blocked,dead"`
	Count    int64              `json:"count"`
	OldestAt time.Time          `json:"oldest_at"`
}

// Redrive has a dead event tried anew.
type Redrive struct {
	Body       json.RawMessage `json:"body,omitempty" doc:"In place of the event's own"`
	BodyBase64 string          `json:"body_base64,omitempty" doc:"The same, as octets"`
}

// EventSelection chooses events of an app; absent fields do not restrict.
type EventSelection struct {
	Script string             `json:"script,omitempty"`
	Source string             `json:"source,omitempty" doc:"The topic, or the name of the schedule"`
	State  picloud.EventState `json:"state,omitempty" enum:"waiting,blocked,dead"`
}

// Selected tells how many events something was done to.
type Selected struct {
	Count int64 `json:"count"`
}
