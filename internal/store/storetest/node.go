package storetest

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var nodeCases = []testCase{
	{"a node that registers is there, with what it says of itself", func(f *fixture) {
		m := f.register("one", "pi-1")
		same(f, "state", m.State, picloud.NodeActive)
		same(f, "active", m.Active, 1)
		m = f.register("two", "pi-2")
		same(f, "active", m.Active, 2)
		load := picloud.NodeLoad{Running: 3, Waiting: 1, MemoryBytes: 1 << 33, CPUMillis: 1500, Revision: 7, Staleness: 1234 * time.Millisecond}
		_, err := f.RenewNode(f.ctx, "two", load)
		f.ok(err)
		nodes := f.nodes()
		same(f, "nodes", len(nodes), 2)
		same(f, "first by name", nodes[0].ID, "one")
		n := nodes[1]
		same(f, "load", n.NodeLoad, load)
		same(f, "address", n.Address, "10.0.0.1:8080")
		same(f, "version", n.Version, "v1")
		same(f, "health", n.Health(), picloud.NodeLive)
		same(f, "heartbeat after start", n.HeartbeatAt.Before(n.StartedAt), false)
	}},
	{"a node that starts again replaces itself", func(f *fixture) {
		f.register("one", "pi-1")
		f.register("again", "pi-1")
		same(f, "nodes", len(f.nodes()), 1)
		_, err := f.RenewNode(f.ctx, "one", picloud.NodeLoad{})
		f.code(err, picloud.CodeNotFound)
		_, err = f.RenewNode(f.ctx, "again", picloud.NodeLoad{})
		f.ok(err)
	}},
	{"a cordon lasts over a restart, a drain does not", func(f *fixture) {
		f.register("one", "pi-1")
		f.state("pi-1", picloud.NodeCordoned)
		same(f, "after a restart", f.register("two", "pi-1").State, picloud.NodeCordoned)
		f.state("pi-1", picloud.NodeDraining)
		m, err := f.RenewNode(f.ctx, "two", picloud.NodeLoad{Drained: true})
		f.ok(err)
		same(f, "draining", m.State, picloud.NodeDraining)
		same(f, "active", m.Active, 0)
		same(f, "drained", f.nodes()[0].Drained, true)
		same(f, "after a restart", f.register("three", "pi-1").State, picloud.NodeActive)
		same(f, "drained", f.nodes()[0].Drained, false)
	}},
	{"a node is removed when it has stopped", func(f *fixture) {
		f.register("one", "pi-1")
		f.code(f.RemoveNode(f.ctx, "pi-1"), picloud.CodeConflict)
		f.ok(f.StopNode(f.ctx, "one"))
		f.ok(f.StopNode(f.ctx, "nobody"))
		same(f, "health", f.nodes()[0].Health(), picloud.NodeStopped)
		f.ok(f.RemoveNode(f.ctx, "pi-1"))
		f.code(f.RemoveNode(f.ctx, "pi-1"), picloud.CodeNotFound)
		same(f, "nodes", len(f.nodes()), 0)
		_, err := f.SetNodeState(f.ctx, "pi-1", picloud.NodeCordoned)
		f.code(err, picloud.CodeNotFound)
	}},
	{"every change of the nodes is told", func(f *fixture) {
		for _, change := range []func(){
			func() { f.register("one", "pi-1") },
			func() { f.state("pi-1", picloud.NodeDraining) },
			func() { f.ok(f.StopNode(f.ctx, "one")) },
			func() { f.ok(f.RemoveNode(f.ctx, "pi-1")) },
		} {
			changed := f.MembershipChanged()
			change()
			<-changed
		}
	}},
}

func (f *fixture) register(id, name string) picloud.Membership {
	f.Helper()
	m, err := f.RegisterNode(f.ctx, picloud.Node{ID: id, Name: name, Address: "10.0.0.1:8080", Version: "v1"})
	f.ok(err)
	return m
}

func (f *fixture) nodes() []picloud.Node {
	f.Helper()
	list, err := f.ListNodes(f.ctx)
	f.ok(err)
	return list
}

func (f *fixture) state(name string, state picloud.NodeState) {
	f.Helper()
	n, err := f.SetNodeState(f.ctx, name, state)
	f.ok(err)
	same(f, "state", n.State, state)
}
