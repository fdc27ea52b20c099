package picloud

import "time"

// Measure is one way in which an executor process locks itself down.
type Measure struct {
	Name   string `json:"name"`             // "seccomp", "landlock", …
	Done   bool   `json:"done"`             // false: this system has it not, or not that way
	Detail string `json:"detail,omitempty"` // how far it goes, or why it is not done
}

// ExecutorState is how an executor process is.
type ExecutorState string

// The states of an executor process.
const (
	ExecutorStarting ExecutorState = "starting"
	ExecutorReady    ExecutorState = "ready"
	ExecutorDown     ExecutorState = "down" // it ended, and is about to be started again
	ExecutorStopped  ExecutorState = "stopped"
)

// ExecutorStatus tells of an executor that is a process of its own.
type ExecutorStatus struct {
	State    ExecutorState `json:"state"`
	PID      int           `json:"pid,omitempty"` // while it is ready
	Version  string        `json:"version,omitempty"`
	Since    time.Time     `json:"since"`              // when it came into this state
	Restarts int64         `json:"restarts"`           // how often it had to be started again
	LastEnd  string        `json:"last_end,omitempty"` // how it ended the last time
	Measures []Measure     `json:"measures"`           // how it is locked down
}
