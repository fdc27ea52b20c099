package cluster

import (
	"testing"
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
		{"the manager is killed", (*cluster).killManager},
		{"the database is away", (*cluster).restartDatabase},
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

// restartDatabase: scripts that touch no data go on.
func (c *cluster) restartDatabase(t *testing.T) {
	x := c.during(func(f *traffic) {
		c.postgres.Stop()
		f.awaitGood(300)
		c.postgres.Start(t)
	})
	x.want(t)
	c.deploy("after", `"the database"`)
	c.awaitNodes("/after", "the database")
}
