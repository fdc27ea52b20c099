package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerNodes() {
	register(m, operation{
		id: "list-nodes", method: http.MethodGet, path: "/nodes", tag: "instance", capability: access.ReadNodes,
		summary: "List the nodes with their health and load",
	}, m.listNodes)
	register(m, operation{
		id: "set-node-state", method: http.MethodPut, path: "/nodes/{node}/state", tag: "instance", capability: access.ManageNodes,
		summary: "Drain a node, cordon it, or make it active again",
	}, m.setNodeState)
	register(m, operation{
		id: "remove-node", method: http.MethodDelete, path: "/nodes/{node}", tag: "instance", capability: access.ManageNodes,
		summary: "Forget a node that has stopped or is lost",
	}, m.removeNode)
}

type nodesOutput struct{ Body api.Nodes }

func (m *Manager) listNodes(ctx context.Context, _ picloud.Principal, _ *nothing) (*nodesOutput, error) {
	list, err := m.store.ListNodes(ctx)
	if err != nil {
		return nil, err
	}
	out := &nodesOutput{Body: api.Nodes{Clustered: m.store.Clustered(), Nodes: make([]api.Node, len(list))}}
	for i, n := range list {
		out.Body.Nodes[i] = nodeOf(n)
	}
	return out, nil
}

func nodeOf(n picloud.Node) api.Node {
	return api.Node{
		Name: n.Name, Address: n.Address, Version: n.Version, Health: n.Health(), State: n.State, Drained: n.Drained,
		StartedAt: n.StartedAt, HeartbeatAt: n.HeartbeatAt, HeartbeatMS: n.Age.Milliseconds(),
		Running: n.Running, Waiting: n.Waiting, MemoryBytes: n.MemoryBytes, CPUMillis: n.CPUMillis,
		Revision: n.Revision, StaleMS: n.Staleness.Milliseconds(),
	}
}

// NodePath is the part of a path that names a node.
type NodePath struct {
	Node string `path:"node" maxLength:"100" doc:"A node's name"`
}

type nodeStateInput struct {
	NodePath
	Body api.NodeState
}

type nodeOutput struct{ Body api.Node }

func (m *Manager) setNodeState(ctx context.Context, _ picloud.Principal, in *nodeStateInput) (*nodeOutput, error) {
	n, err := m.store.SetNodeState(ctx, in.Node, in.Body.State)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(n.Name).after(map[string]any{"state": n.State})
	return &nodeOutput{Body: nodeOf(n)}, nil
}

func (m *Manager) removeNode(ctx context.Context, _ picloud.Principal, in *NodePath) (*struct{}, error) {
	if err := m.store.RemoveNode(ctx, in.Node); err != nil {
		return nil, err
	}
	auditing(ctx).target(in.Node)
	return nil, nil
}
