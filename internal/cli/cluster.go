package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// RunManager runs the control plane of a cluster as picloud-manager, until ctx
// is done, and is its exit code.
func RunManager(ctx context.Context, env Env) int {
	c := &command{Env: env}
	return c.service(ctx, c.serverCommand("picloud-manager", role{admin: true, cluster: true}, "The control plane of a PiCloud cluster",
		`The control plane of a PiCloud cluster: the admin API on the database that its
nodes share. There is one; while it is away, what is deployed goes on running.
Every flag has a variable: --database is PICLOUD_DATABASE, and so on; flags go
first. PICLOUD_OWNER_USERNAME, PICLOUD_OWNER_EMAIL and PICLOUD_OWNER_PASSWORD
create the owner, once; without them a link to do so is printed.`))
}

// RunOrchestrator runs a node of a cluster as picloud-orchestrator, until ctx
// is done, and is its exit code.
func RunOrchestrator(ctx context.Context, env Env) int {
	c := &command{Env: env}
	return c.service(ctx, c.serverCommand("picloud-orchestrator", role{public: true, cluster: true}, "A node of a PiCloud cluster",
		`A node of a PiCloud cluster: it answers the requests that lead to scripts. What is
live it reads from the database that the cluster shares. Every flag has a
variable: --database is PICLOUD_DATABASE, and so on; flags go first.`))
}

// service runs a command that is a program of its own.
func (c *command) service(ctx context.Context, cmd *cobra.Command) int {
	cmd.Version = c.Version
	cmd.AddCommand(c.childCommand())
	cmd.CompletionOptions.DisableDefaultCmd = true
	return c.execute(ctx, cmd)
}
