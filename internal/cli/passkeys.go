package cli

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

func (c *command) passkeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "passkeys", Short: "The passkeys of your account", Args: exactly(),
		Long: "List the passkeys of your account. A browser is what registers one; here they are listed, renamed and removed.",
		RunE: c.signedIn(func(ctx context.Context, cl *client, _ []string) error {
			var out api.Passkeys
			if err := cl.get(ctx, "/me/passkeys", nil, &out); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(out.Passkeys)
			}
			rows := make([][]string, len(out.Passkeys))
			for i, k := range out.Passkeys {
				used := "never"
				if !k.LastUsedAt.IsZero() {
					used = when(k.LastUsedAt)
				}
				rows[i] = []string{k.ID, k.Name, k.Host, when(k.CreatedAt), used}
			}
			return c.table([]string{"ID", "NAME", "FOR", "CREATED", "LAST USED"}, rows)
		}),
	}
	cmd.AddCommand(c.renamePasskeyCommand(), c.removePasskeyCommand())
	return cmd
}

func (c *command) renamePasskeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rename ID NAME", Short: "Rename a passkey", Args: exactly("ID", "NAME"),
		RunE: c.signedIn(func(ctx context.Context, cl *client, args []string) error {
			return cl.do(ctx, http.MethodPatch, path("me", "passkeys", args[0]), api.Rename{Name: args[1]}, nil)
		}),
	}
}

func (c *command) removePasskeyCommand() *cobra.Command {
	var f proofFlags
	cmd := &cobra.Command{
		Use: "remove ID", Short: "Remove a passkey", Args: exactly("ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client, args []string) error {
			proof, err := c.prove(ctx, cl, f)
			if err != nil {
				return err
			}
			if err := cl.post(ctx, path("me", "passkeys", args[0], "remove"), proof, nil); err != nil {
				return err
			}
			fmt.Fprintln(c.Stderr, "the passkey is removed")
			return nil
		}),
	}
	f.add(cmd)
	return cmd
}
