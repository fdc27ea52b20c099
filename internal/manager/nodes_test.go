package manager

import (
	"net/http"
	"testing"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func TestNodes(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var list api.Nodes
	f.want(request{path: "/api/v1/nodes"}, http.StatusOK, &list)
	if list.Clustered || list.Nodes == nil || len(list.Nodes) != 0 {
		t.Errorf("the nodes of a single process are %+v", list)
	}
	_, err := f.store.RegisterNode(t.Context(), picloud.Node{ID: "1", Name: "pi-1:8080", Address: "10.0.0.1:8080", Version: "v1"})
	f.ok(err)
	_, err = f.store.RenewNode(t.Context(), "1", picloud.NodeLoad{Running: 2, CPUMillis: 250})
	f.ok(err)

	state := request{method: http.MethodPut, path: "/api/v1/nodes/pi-1:8080/state", body: api.NodeState{State: picloud.NodeCordoned}}
	var n api.Node
	f.want(state, http.StatusOK, &n)
	if n.State != picloud.NodeCordoned || n.Health != picloud.NodeLive || n.Running != 2 || n.CPUMillis != 250 {
		t.Errorf("the node is %+v", n)
	}
	state.body = api.NodeState{State: "asleep"}
	f.fails(state, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	state.path, state.body = "/api/v1/nodes/pi-2/state", api.NodeState{State: picloud.NodeActive}
	f.fails(state, http.StatusNotFound, picloud.CodeNotFound)

	remove := request{method: http.MethodDelete, path: "/api/v1/nodes/pi-1:8080"}
	f.fails(remove, http.StatusConflict, picloud.CodeConflict)
	f.ok(f.store.StopNode(t.Context(), "1"))
	f.want(request{path: "/api/v1/nodes"}, http.StatusOK, &list)
	if len(list.Nodes) != 1 || list.Nodes[0].Health != picloud.NodeStopped || list.Nodes[0].State != picloud.NodeCordoned {
		t.Errorf("a stopped node is listed as %+v", list.Nodes)
	}
	f.want(remove, http.StatusNoContent, nil)
	f.fails(remove, http.StatusNotFound, picloud.CodeNotFound)
}
