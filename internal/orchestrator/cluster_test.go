package orchestrator

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/store"
	"github.com/picloud/picloud/internal/testenv"
)

// startMember starts a node of a cluster.
func startMember(t *testing.T, database, name string, run runFunc, edits ...func(*Config)) *node {
	t.Helper()
	return startNodeOn(t, database, run, append([]func(*Config){func(c *Config) {
		s := c.Store.(*store.Store)
		c.Node = Node{Nodes: s, Name: name, Address: "127.0.0.1:1", Version: "test", Staleness: s.Staleness, Withdraw: time.Nanosecond}
	}}, edits...)...)
}

func (n *node) node(name string) picloud.Node {
	n.t.Helper()
	list, err := n.store.ListNodes(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, found := range list {
		if found.Name == name {
			return found
		}
	}
	n.t.Fatalf("there is no node %s in %+v", name, list)
	return picloud.Node{}
}

func (n *node) setState(name string, state picloud.NodeState) {
	n.t.Helper()
	if _, err := n.store.SetNodeState(n.t.Context(), name, state); err != nil {
		n.t.Fatal(err)
	}
}

func TestDeploysAndLogsReachAllNodes(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	one, two := startMember(t, url, "one", nil), startMember(t, url, "two", nil)
	one.deploy("hello", `print("here"); "v1"`)
	if a := one.do("GET", "/hello", ""); a.body != "v1" {
		t.Errorf("the node that deploys answers %d %s", a.status, a.body)
	}
	testenv.Eventually(t, "the other node serves it", func() bool { return two.do("GET", "/hello", "").body == "v1" })

	entered := one.Recorded()
	two.do("GET", "/hello", "")
	<-entered // a follower on one node sees what is logged on another
	testenv.Eventually(t, "both nodes' logs are there", func() bool { return len(one.logs()) >= 2 })
	if n := one.node("two"); n.Health() != picloud.NodeLive || n.Version != "test" || n.MemoryBytes == 0 && n.HeartbeatAt.After(n.StartedAt) {
		t.Errorf("the node is listed as %+v", n)
	}
}

func TestCordonAndDrain(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	one := startMember(t, url, "one", echo)
	patient := startMember(t, url, "patient", echo, func(c *Config) { c.Node.Withdraw = time.Hour })
	one.deploy("hello", "1")
	testenv.Eventually(t, "the deploy is there", func() bool { return patient.do("GET", "/hello", "").status == 200 })
	ready := func(n *node) int { return n.do("GET", ReadyPath, "").status }
	if ready(one) != 200 || ready(patient) != 200 {
		t.Error("the nodes are not ready")
	}

	one.setState("one", picloud.NodeCordoned)
	testenv.Eventually(t, "the cordoned node is not ready", func() bool { return ready(one) == 503 })
	if a := one.do("GET", "/hello", ""); a.status != 200 {
		t.Errorf("a cordoned node answers %d", a.status)
	}

	// The load balancer is told before anything is refused.
	one.setState("patient", picloud.NodeDraining)
	testenv.Eventually(t, "the draining node is not ready", func() bool { return ready(patient) == 503 })
	if a := patient.do("GET", "/hello", ""); a.status != 200 {
		t.Errorf("a draining node answers %d while load balancers may not know yet", a.status)
	}

	one.setState("one", picloud.NodeDraining)
	testenv.Eventually(t, "the node is drained", func() bool { return one.node("one").Drained })
	if a := one.do("GET", "/hello", ""); a.status != 503 || a.header.Get("Retry-After") == "" || a.code() != string(picloud.CodeUnavailable) {
		t.Errorf("a drained node answers %d %s", a.status, a.body)
	}
	if _, err := one.Invoke(t.Context(), picloud.DefaultApp, "hello", mustRequest(t)); !picloud.IsCode(err, picloud.CodeUnavailable) {
		t.Errorf("a drained node takes an invocation: %v", err)
	}
	one.setState("one", picloud.NodeActive)
	testenv.Eventually(t, "the node is ready again", func() bool { return ready(one) == 200 })
	if a := one.do("GET", "/hello", ""); a.status != 200 {
		t.Errorf("an active node answers %d", a.status)
	}
}

func mustRequest(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequest("GET", "/hello", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDrainFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	n := startMember(t, testenv.Database(t), "one", func(context.Context, *picloud.Execution) *picloud.Outcome {
		close(begun)
		<-finish
		return &picloud.Outcome{Response: &picloud.Response{Status: 200}}
	})
	n.deploy("slow", "1")
	answers := make(chan answer, 1)
	go func() { answers <- n.do("GET", "/slow", "") }()
	<-begun
	n.setState("one", picloud.NodeDraining)
	testenv.Eventually(t, "nothing new is taken", func() bool { return n.do("GET", "/nothing", "").status == 503 })
	if n.node("one").Drained {
		t.Error("it is drained while a request runs")
	}
	close(finish)
	if a := <-answers; a.status != 200 {
		t.Errorf("the request in flight is answered with %d", a.status)
	}
	testenv.Eventually(t, "the node is drained", func() bool { return n.node("one").Drained })
}

func TestLimitsAreShared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ limit, nodes, want int64 }{
		{64, 0, 64}, {64, 1, 64}, {64, 3, 21}, {2, 3, 1}, {1, 1, 1}, {7, 2, 3},
	} {
		if got := portion(c.limit, c.nodes); got != c.want || got*max(1, c.nodes) > max(c.limit, c.nodes) {
			t.Errorf("portion(%d, %d) = %d, want %d", c.limit, c.nodes, got, c.want)
		}
	}
	url := testenv.Database(t)
	one, two := startMember(t, url, "one", echo), startMember(t, url, "two", echo)
	one.deployAs(picloud.DefaultApp, "hello", "1", picloud.Settings{Limits: picloud.Limits{Concurrency: 5}})
	limit := func(n *node) int {
		for _, tg := range n.table.Load().scripts {
			tg.gate.mu.Lock()
			defer tg.gate.mu.Unlock()
			return tg.gate.limit
		}
		return 0
	}
	testenv.Eventually(t, "each takes half", func() bool { return limit(one) == 2 && limit(two) == 2 })
	one.setState("two", picloud.NodeDraining)
	testenv.Eventually(t, "one takes all", func() bool { return limit(one) == 5 })
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	n := startMember(t, testenv.Database(t), "one", echo)
	alone := startNode(t, echo)
	for _, x := range []*node{n, alone} {
		if x.CutOff() {
			t.Error("a node that has just registered is cut off")
		}
		x.member.begun = x.member.begun.Add(-picloud.NodeCutOff - time.Second)
	}
	n.member.renewed.Store(0)
	if !n.CutOff() {
		t.Error("a node without heartbeats is not cut off")
	}
	if alone.CutOff() {
		t.Error("a process that is alone is cut off")
	}
}

// TestDatabaseAway stops PostgreSQL under traffic and starts it again.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	server := testenv.StartPostgres(t)
	n := startMember(t, server.Database(t), "one", nil)
	n.deploy("warm", `print("x"); "warm"`)
	n.deploy("cold", `"cold"`)
	if a := n.do("GET", "/warm", ""); a.body != "warm" {
		t.Fatalf("before: %d %s", a.status, a.body)
	}
	testenv.Eventually(t, "the first run is recorded", func() bool { return len(n.records()) == 1 })

	server.Crash()
	const served = 10
	for range served {
		if a := n.do("GET", "/warm", ""); a.status != 200 || a.body != "warm" {
			t.Errorf("a script in memory, while the database is away: %d %s", a.status, a.body)
		}
	}
	if a := n.do("GET", "/cold", ""); a.status != 503 || a.header.Get("Retry-After") == "" || a.code() != string(picloud.CodeUnavailable) || strings.Contains(a.body, "connect") {
		t.Errorf("a script that is not in memory: %d %v %s", a.status, a.header, a.body)
	}
	if a := n.do("GET", ReadyPath, ""); a.status != 200 {
		t.Errorf("the node is not ready while it serves from memory: %d", a.status)
	}

	server.Start(t)
	testenv.Eventually(t, "scripts are loaded again", func() bool { return n.do("GET", "/cold", "").body == "cold" })
	testenv.Eventually(t, "what waited is recorded", func() bool {
		lines, err := n.store.ListLogs(t.Context(), picloud.RecordQuery{App: picloud.DefaultApp, Script: "warm"})
		return err == nil && len(lines) == 1+served
	})
	testenv.Eventually(t, "the node hears of changes again", func() bool { return n.store.Staleness() == 0 })
	n.deploy("warm", `"warmer"`)
	if a := n.do("GET", "/warm", ""); a.body != "warmer" {
		t.Errorf("a deploy after the return: %d %s", a.status, a.body)
	}
	testenv.Eventually(t, "the node lives", func() bool { return n.node("one").Health() == picloud.NodeLive && !n.CutOff() })
}
