package api

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Nodes is all nodes of the instance, by name.
type Nodes struct {
	// Clustered is false where one process does everything: it has no nodes.
	Clustered bool   `json:"clustered" doc:"Several processes may share the database"`
	Nodes     []Node `json:"nodes"`
}

// Node is a process that answers the public, and how it is.
type Node struct {
	Name        string             `json:"name"`
	Address     string             `json:"address" doc:"Where it listens"`
	Version     string             `json:"version" doc:"Of the program"`
	Health      picloud.NodeHealth `json:"health" enum:"live,late,lost,stopped"`
	State       picloud.NodeState  `json:"state" enum:"active,cordoned,draining"`
	Drained     bool               `json:"drained" doc:"It is draining, and nothing runs any more"`
	StartedAt   time.Time          `json:"started_at"`
	HeartbeatAt time.Time          `json:"heartbeat_at,omitzero"`
	HeartbeatMS int64              `json:"heartbeat_age_ms" doc:"How old its last heartbeat is"`
	Running     int64              `json:"running" doc:"Requests and events that it is at"`
	Waiting     int64              `json:"waiting" doc:"Those of them that wait for a slot of their script"`
	MemoryBytes int64              `json:"memory_bytes"`
	CPUMillis   int64              `json:"cpu_millis" doc:"Thousandths of a core"`
	Revision    int64              `json:"revision" doc:"Of what it serves"`
	StaleMS     int64              `json:"stale_ms" doc:"How old what it knows may be; 0 while it hears of every change"`
}

// NodeState asks for a node's state.
type NodeState struct {
	State picloud.NodeState `json:"state" enum:"active,cordoned,draining"`
}
