package picloud

import (
	"context"
	"strings"
	"time"
)

const (
	// NodeHeartbeat is how often a node shows that it lives. It is the only
	// thing that an idle node asks of the database, and only where several
	// processes share one: without it nobody could tell a node that has nothing
	// to do from one that is gone.
	NodeHeartbeat = 10 * time.Second
	// NodeLease is for how long a heartbeat counts. What a node has claimed is
	// its own for that long; then others may take it.
	NodeLease = 30 * time.Second
	// NodeCutOff is after how long without a heartbeat a node must take itself
	// for cut off: it claims nothing more, well before others take what it had.
	NodeCutOff = NodeLease / 2
)

// NodeState is what the operator wants of a node.
type NodeState string

// The states of nodes.
const (
	NodeActive NodeState = "active"
	// NodeCordoned: the node serves what reaches it, and tells load balancers
	// to send nothing new. It stays so over a restart.
	NodeCordoned NodeState = "cordoned"
	// NodeDraining: the node tells load balancers, and once they know finishes
	// what runs and takes nothing new. When it starts again it is active.
	NodeDraining NodeState = "draining"
)

// NodeHealth is how a node is, judged by the age of its last heartbeat.
type NodeHealth string

// How nodes are.
const (
	NodeLive    NodeHealth = "live"
	NodeLate    NodeHealth = "late"    // it takes itself for cut off
	NodeLost    NodeHealth = "lost"    // its lease is over
	NodeStopped NodeHealth = "stopped" // it said so
)

// Node is a process that answers the public, where several share a database.
type Node struct {
	ID          string // of this start of it
	Name        string // of the node, whenever it starts
	Address     string // where it listens
	Version     string // of the program
	State       NodeState
	StartedAt   time.Time
	HeartbeatAt time.Time     // zero when it has stopped
	Age         time.Duration // of the heartbeat, when the node was read
	NodeLoad
}

// Health judges a node by its last heartbeat.
func (n Node) Health() NodeHealth {
	switch {
	case n.HeartbeatAt.IsZero():
		return NodeStopped
	case n.Age >= NodeLease:
		return NodeLost
	case n.Age >= NodeCutOff:
		return NodeLate
	}
	return NodeLive
}

// NodeLoad is what a node tells of itself with a heartbeat.
type NodeLoad struct {
	Running     int64         // requests that it has begun and not finished
	Waiting     int64         // those of them that wait for a slot of their script
	MemoryBytes int64         // that the Go runtime has from the system
	CPUMillis   int64         // thousandths of a core, since the heartbeat before
	Revision    int64         // of what it serves
	Staleness   time.Duration // how old what it knows may be
	Drained     bool          // it is draining, and nothing runs any more
}

// Membership is what a node learns from its heartbeat.
type Membership struct {
	State  NodeState
	Active int // nodes that are active and whose lease is not over, itself included
}

// Nodes keeps which processes answer the public. Times are those of the
// database's clock.
type Nodes interface {
	// RegisterNode enters a node that starts, under the name that it has. One
	// of the same name that was there is replaced: a node that was killed
	// starts again at once. If that one was cordoned, the new one is.
	RegisterNode(ctx context.Context, n Node) (Membership, error)
	// RenewNode is the heartbeat of the node with an id. CodeNotFound means
	// that it was removed, CodeConflict that another process has its name.
	RenewNode(ctx context.Context, id string, load NodeLoad) (Membership, error)
	// StopNode tells that a node stops; one that is not there is no error.
	StopNode(ctx context.Context, id string) error
	// ListNodes lists all nodes by name.
	ListNodes(ctx context.Context) ([]Node, error)
	// SetNodeState tells a node what it is to do. It hears of it at once.
	SetNodeState(ctx context.Context, name string, state NodeState) (Node, error)
	// RemoveNode forgets a node; CodeConflict while it lives.
	RemoveNode(ctx context.Context, name string) error
	// MembershipChanged is a channel that is closed when a node comes, goes or
	// gets another state after the call, unless it is lost without a word.
	MembershipChanged() <-chan struct{}
}

// ValidateNodeName refuses what cannot name a node.
func ValidateNodeName(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789.-_:"
	if name == "" || len(name) > 100 || strings.IndexFunc(name, func(r rune) bool { return !strings.ContainsRune(allowed, r) }) >= 0 {
		return Invalid("name", "a node's name has up to 100 small letters, digits, dots, colons, dashes and underscores")
	}
	return nil
}
