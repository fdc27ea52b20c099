package cluster

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestStay starts a cluster for somebody to look at.
func TestStay(t *testing.T) {
	if !*stay {
		t.Skip("skipped: it is for make cluster (-stay)")
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	c := start(t, "localhost")
	c.signIn()
	c.deploy("hello", `"Hello from the cluster, " + req.ip`)
	c.awaitNodes("/hello", "Hello from the cluster, 127.0.0.1")
	resp, err := c.client.Get(c.public + "/hello")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the demo through Caddy: %v, %v", resp, err)
	}
	resp.Body.Close()
	c.tell()
	if *smoke {
		return
	}
	<-interrupted
	fmt.Println("stopping")
}

// tell prints where everything is.
func (c *cluster) tell() {
	_, port, _ := net.SplitHostPort(c.edge)
	fmt.Printf(`
A PiCloud cluster runs on this machine:
  demo      %s/hello
  public    %s  (Caddy, before the nodes)
  admin     http://admin.localhost:%s  (Caddy, before the manager at http://%s)
            user %s, password "%s"
`, c.public, c.public, port, c.manager.addr, owner, password)
	for _, n := range c.nodes {
		fmt.Printf("  %s    http://%s  process %d\n", n.name, n.addr, n.PID())
	}
	fmt.Printf("  database  %s\n\nTry:\n  picloud login http://%s --username %s\n  curl %s/hello\n", c.database, c.manager.addr, owner, c.public)
	if !*smoke {
		fmt.Println("\nCtrl-C stops it.")
	}
}
