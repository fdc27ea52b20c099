package cli

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

func (c *command) sessionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sessions", Short: "List where you are signed in", Args: exactly(),
		RunE: c.signedIn(func(ctx context.Context, cl *client, _ []string) error {
			var out api.Sessions
			if err := cl.get(ctx, "/sessions", nil, &out); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(out.Sessions)
			}
			rows := make([][]string, len(out.Sessions))
			for i, s := range out.Sessions {
				current := ""
				if s.Current {
					current = "this one"
				}
				rows[i] = []string{s.ID, s.Address, s.UserAgent, when(s.CreatedAt), when(s.LastSeenAt), current}
			}
			return c.table([]string{"ID", "ADDRESS", "PROGRAM", "SINCE", "LAST USED", ""}, rows)
		}),
	}
	cmd.AddCommand(c.revokeSessionCommand())
	return cmd
}

func (c *command) revokeSessionCommand() *cobra.Command {
	var others bool
	cmd := &cobra.Command{
		Use: "revoke [ID]", Short: "End a session of yours, or with --others all but this one", Args: between(0, "ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client, args []string) error {
			switch {
			case others == (len(args) == 1):
				return usagef("revoke takes the id of a session, or --others")
			case !others:
				return cl.delete(ctx, path("sessions", args[0]))
			}
			var out api.Ended
			if err := cl.do(ctx, http.MethodDelete, "/sessions", nil, &out); err != nil {
				return err
			}
			fmt.Fprintf(c.Stderr, "ended %d other sessions\n", out.Ended)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&others, "others", false, "end all sessions but this one")
	return cmd
}
