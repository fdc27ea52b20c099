package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// TestCluster breaks one part after the other.
func TestCluster(t *testing.T) {
	if *stay {
		t.Skip("skipped: the cluster is to stay")
	}
	c := start(t, "apps.test")
	c.signIn()
	c.deploy("steady", steady)
	c.awaitNodes("/steady", "GET ")
	for _, test := range []struct {
		name string
		run  func(*cluster, *testing.T)
	}{
		{"a change reaches every node", (*cluster).changes},
		{"an orchestrator is killed", (*cluster).killOrchestrator},
		{"an executor is killed", (*cluster).killExecutor},
		{"nodes are killed under a schedule", (*cluster).killUnderSchedule},
		{"the manager is killed", (*cluster).killManager},
		{"the database is away", (*cluster).restartDatabase},
		{"nodes are restarted in turn", (*cluster).restartNodes},
		{"nodes are drained in turn", (*cluster).drainNodes},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(c, t) })
	}
}

// killOrchestrator: what the node was at gets a 502 from Caddy, which sends
// everything else to the others.
func (c *cluster) killOrchestrator(t *testing.T) {
	n := c.nodes[0]
	x := c.during(func(f *traffic) {
		n.Kill()
		f.awaitGood(100)
		n.start()
	})
	x.want(t, "502", "503")
}

// killExecutor: what the executor was at gets a 502 from its orchestrator, which
// has the next one within a second. Of one node it is the orchestrator's child,
// of another a process that somebody else starts again.
func (c *cluster) killExecutor(t *testing.T) {
	child, other := c.nodes[0], c.nodes[nodes-1]
	x := c.during(func(f *traffic) {
		for range 3 {
			before := child.children(t)
			if len(before) != 1 {
				t.Fatalf("%s has the children %v, not an executor", child.name, before)
			}
			if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			testenv.Eventually(t, child.name+" has another executor", func() bool {
				now := child.children(t)
				return len(now) == 1 && now[0] != before[0]
			})
			f.awaitGood(100)
		}
		other.executor.Kill()
		other.executor.start()
	})
	x.want(t, "502", "503")
	for _, n := range c.nodes {
		if got := n.says("/steady"); got != "GET " {
			t.Errorf("%s answers %q after its executor was killed", n.name, got)
		}
	}
}

// children are the processes that a process has started.
func (s *service) children(t *testing.T) []int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.PID()))
	if err != nil || len(tasks) == 0 {
		t.Skip("skipped: this system does not tell a process's children")
	}
	var list []int
	for _, file := range tasks {
		text, _ := os.ReadFile(file) // a thread may have ended
		for id := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(id)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, pid)
		}
	}
	return list
}

// killManager: nothing happens to traffic.
func (c *cluster) killManager(t *testing.T) {
	x := c.during(func(f *traffic) {
		c.manager.Kill()
		f.awaitGood(100)
		c.manager.start()
	})
	x.want(t)
	c.signIn()
	c.deploy("after", `"the manager"`)
	c.awaitNodes("/after", "the manager")
}

// restartDatabase: scripts that touch no data go on; those that do get 503 and
// are told when to try again, until by themselves they have their data back.
func (c *cluster) restartDatabase(t *testing.T) {
	c.deploy("counter", `let n = kv::get("n") ?? 0; kv::set("n", n + 1); n + 1`)
	c.awaitNodes("/counter", "1", "2", "3")
	count := nodes // what has been counted
	x := c.during(func(f *traffic) {
		for _, end := range []func(){c.postgres.Stop, c.postgres.Crash} {
			end()
			f.awaitGood(800)
			for range 2 * nodes {
				if what, text := c.ask(http.MethodGet, "/counter", "", ""); what != "503" || !strings.Contains(text, `Retry-After "`) || strings.Contains(text, `Retry-After ""`) {
					t.Errorf("a script with data, without the database: %s %s", what, text)
				}
			}
			c.postgres.Start(t)
			back := time.Now()
			for range 2 * nodes {
				count++
				testenv.Eventually(t, "a script has its data back", func() bool {
					what, _ := c.ask(http.MethodGet, "/counter", "", fmt.Sprint(count))
					return what == ""
				})
			}
			t.Logf("scripts with data are right again, on every node, %v after the database is back", time.Since(back).Round(time.Millisecond))
		}
	})
	x.want(t)
	c.deploy("after", `"the database"`)
	c.awaitNodes("/after", "the database")
}

// restartNodes is a rolling upgrade: no request fails.
func (c *cluster) restartNodes(t *testing.T) {
	x := c.during(func(f *traffic) {
		for _, n := range c.nodes {
			n.stop()
			n.start()
			f.awaitGood(100)
		}
	})
	x.want(t)
}

// drainNodes takes each node out by hand, as for work on its machine.
func (c *cluster) drainNodes(t *testing.T) {
	x := c.during(func(f *traffic) {
		for _, n := range c.nodes {
			c.run("", "nodes", "drain", n.name)
			if got := c.stateOf(n.name); !got.Drained || got.Running != 0 {
				t.Errorf("%s after its drain: %+v", n.name, got)
			}
			if got := n.says("/steady"); got != "503" {
				t.Errorf("%s answers %q after its drain", n.name, got)
			}
			f.awaitGood(100)
			n.stop()
			if got := c.stateOf(n.name); got.Health != "stopped" {
				t.Errorf("%s after it was stopped: %+v", n.name, got)
			}
			n.start()
			f.awaitGood(100)
		}
	})
	x.want(t)
	for _, n := range c.nodes {
		if got := c.stateOf(n.name); got.Health != "live" || got.State != "active" {
			t.Errorf("%s after its restart: %+v", n.name, got)
		}
	}
}

// nodeState is what picloud nodes tells of a node.
type nodeState struct {
	Name, Health, State string
	Drained             bool
	Running             int
}

func (c *cluster) stateOf(name string) nodeState {
	c.t.Helper()
	var list []nodeState
	if err := json.Unmarshal([]byte(c.run("", "nodes", "-o", "json")), &list); err != nil {
		c.t.Fatal(err)
	}
	for _, n := range list {
		if n.Name == name {
			return n
		}
	}
	c.t.Fatalf("there is no %s among the nodes: %+v", name, list)
	return nodeState{}
}
