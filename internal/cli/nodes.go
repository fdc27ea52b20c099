package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) nodesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "nodes", Aliases: []string{"node"}, Short: "List the nodes of a cluster; drain, cordon or remove one", Args: exactly(),
		Long: `List the nodes of a cluster: the processes that answer the public and share a
PostgreSQL database.

A cordoned node serves what reaches it, and load balancers are told to send it
nothing new; it stays so over a restart. A draining node finishes what it has
begun and takes nothing new, to be stopped; when it starts again it is active.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listNodes(cmd.Context()) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the nodes", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listNodes(cmd.Context()) },
		},
		c.drainCommand(),
		c.nodeStateCommand("cordon", "Have load balancers send a node nothing new", picloud.NodeCordoned),
		c.nodeStateCommand("uncordon", "Make a node active again", picloud.NodeActive),
		&cobra.Command{
			Use: "remove NAME", Aliases: []string{"rm"}, Short: "Forget a node that has stopped or is lost", Args: exactly("NAME"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.removeNode(cmd.Context(), args[0]) },
		},
	)
	return cmd
}

func (c *command) listNodes(ctx context.Context) error {
	list, err := c.nodes(ctx)
	if err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Nodes)
	}
	if !list.Clustered {
		fmt.Fprintln(c.Stdout, "this instance is one process on the embedded database: it has no nodes")
		return nil
	}
	rows := make([][]string, len(list.Nodes))
	for i, n := range list.Nodes {
		rows[i] = []string{
			n.Name, string(n.Health), nodeState(n), n.Version, n.Address, fmt.Sprint(n.Running), fmt.Sprint(n.Waiting),
			fmt.Sprintf("%d MiB", n.MemoryBytes>>20), fmt.Sprintf("%.2f", float64(n.CPUMillis)/1000), staleness(n), when(n.StartedAt),
		}
	}
	return c.table([]string{"NODE", "HEALTH", "STATE", "VERSION", "ADDRESS", "RUNNING", "WAITING", "MEMORY", "CORES", "STALE", "STARTED"}, rows)
}

func nodeState(n api.Node) string {
	if n.Drained {
		return "drained"
	}
	return string(n.State)
}

// staleness is how old what a node knows may be, as far as it is known: one
// that has not been heard of has not heard of anything since, either.
func staleness(n api.Node) string {
	stale := time.Duration(n.StaleMS) * time.Millisecond
	switch {
	case n.Health == picloud.NodeStopped:
		return "-"
	case n.Health != picloud.NodeLive:
		stale = max(stale, time.Duration(n.HeartbeatMS)*time.Millisecond)
	}
	return stale.Round(time.Second).String()
}

func (c *command) nodes(ctx context.Context) (list api.Nodes, err error) {
	cl, err := c.client()
	if err != nil {
		return list, err
	}
	return list, cl.get(ctx, "/nodes", nil, &list)
}

func (c *command) nodeStateCommand(verb, short string, state picloud.NodeState) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := c.setNodeState(cmd.Context(), args[0], state)
			if err != nil {
				return err
			}
			return c.printNode(n)
		},
	}
}

func (c *command) setNodeState(ctx context.Context, name string, state picloud.NodeState) (n api.Node, err error) {
	cl, err := c.client()
	if err != nil {
		return n, err
	}
	return n, cl.do(ctx, http.MethodPut, path("nodes", name, "state"), api.NodeState{State: state}, &n)
}

func (c *command) printNode(n api.Node) error {
	if c.output == outputJSON {
		return c.printJSON(n)
	}
	fmt.Fprintf(c.Stdout, "%s is %s\n", n.Name, nodeState(n))
	return nil
}

func (c *command) removeNode(ctx context.Context, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if err := cl.delete(ctx, path("nodes", name)); err != nil {
		return err
	}
	fmt.Fprintf(c.Stderr, "removed %s\n", name)
	return nil
}

// drainPoll is how often it is asked whether a node is drained.
const drainPoll = 250 * time.Millisecond

func (c *command) drainCommand() *cobra.Command {
	var most time.Duration
	cmd := &cobra.Command{
		Use: "drain NAME", Short: "Have a node finish what runs and take nothing new, and wait until it has", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := c.setNodeState(cmd.Context(), args[0], picloud.NodeDraining)
			if err == nil && most > 0 {
				n, err = c.awaitDrained(cmd.Context(), n, most)
			}
			if err != nil {
				return err
			}
			return c.printNode(n)
		},
	}
	cmd.Flags().DurationVar(&most, "wait", time.Minute, "how long to wait until nothing runs any more; 0 does not wait")
	return cmd
}

// awaitDrained waits until a node is drained. One that is not there any more
// runs nothing.
func (c *command) awaitDrained(ctx context.Context, n api.Node, most time.Duration) (api.Node, error) {
	waiting, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !n.Drained && n.Health != picloud.NodeStopped {
		if n.Health == picloud.NodeLost {
			return n, fmt.Errorf("the node %s is lost: it has not been heard of for %v", n.Name, time.Duration(n.HeartbeatMS)*time.Millisecond)
		}
		select {
		case <-timer.C:
			timer.Reset(drainPoll)
		case <-waiting.Done():
			if ctx.Err() != nil {
				return n, ctx.Err()
			}
			return n, hinted("it goes on draining; see picloud nodes", "the node %s still runs %d after %v", n.Name, n.Running, most)
		}
		list, err := c.nodes(ctx)
		if err != nil {
			return n, err
		}
		i := slices.IndexFunc(list.Nodes, func(found api.Node) bool { return found.Name == n.Name })
		if i < 0 {
			return n, fmt.Errorf("the node %s was removed", n.Name)
		}
		n = list.Nodes[i]
	}
	return n, nil
}
