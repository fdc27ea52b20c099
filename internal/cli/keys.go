package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Aliases: []string{"key"}, Short: "Manage your API keys", Args: exactly(),
		Long: `Manage your API keys, with which machines act for you: never with more than you
may do yourself, and of that only what the key's scopes cover. Put one into
PICLOUD_TOKEN, with the server's address in PICLOUD_URL, and this program uses it.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listKeys(cmd, "") },
	}
	cmd.AddCommand(c.createKeyCommand(), c.listKeysCommand(), c.revokeKeyCommand())
	return cmd
}

func (c *command) createKeyCommand() *cobra.Command {
	var scopes []string
	var days int
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a key, which is shown this once", Args: exactly("NAME"),
		Long: `Create a key, which is shown this once. With --app it is for that app alone.

Scopes: read looks at scripts and records; deploy changes what is live; invoke runs
scripts and calls routes that ask for a key; data reads and writes an app's data;
admin is all that you may do but for what is personal.`,
		Example: "  picloud keys create ci --scope deploy --app shop --days 30",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			in := api.NewKey{Name: args[0], ExpiresInDays: days, Scopes: []picloud.Scope{}}
			for _, s := range scopes {
				in.Scopes = append(in.Scopes, picloud.Scope(s))
			}
			if cmd.Flags().Changed("app") {
				in.App = c.app
			}
			var k api.CreatedKey
			if err := cl.post(cmd.Context(), "/keys", in, &k); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(k)
			}
			fmt.Fprintf(c.Stderr, "created %s (%s), which expires on %s; keep it now, it is not shown again\n", k.Name, scopeNames(k.APIKey), when(k.ExpiresAt))
			_, err = fmt.Fprintln(c.Stdout, k.Key)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "read, deploy, invoke, data or admin; may be repeated")
	cmd.Flags().IntVar(&days, "days", int(picloud.DefaultKeyLife.Hours()/24), "how long it lives, 366 days at most")
	return cmd
}

func scopeNames(k picloud.APIKey) string {
	names := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

func (c *command) listKeysCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the keys, the newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listKeys(cmd, user) },
	}
	cmd.Flags().StringVar(&user, "user", "", "those of this user, for owners and admins")
	return cmd
}

// keysPath is the keys of a user, "" being who asks, or one of them.
func keysPath(user string, more ...string) string {
	parts := []string{"keys"}
	if user != "" {
		parts = []string{"users", user, "keys"}
	}
	return path(append(parts, more...)...)
}

func (c *command) listKeys(cmd *cobra.Command, user string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Keys
	if err := cl.get(cmd.Context(), keysPath(user), nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Keys)
	}
	rows := make([][]string, len(list.Keys))
	for i, k := range list.Keys {
		rows[i] = []string{k.Name, "pic_" + k.Prefix, scopeNames(k), orDash(k.App), expiry(k, time.Now()), lastUse(k), k.ID}
	}
	return c.table([]string{"NAME", "KEY", "SCOPES", "APP", "EXPIRES", "LAST USED", "ID"}, rows)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func expiry(k picloud.APIKey, now time.Time) string {
	if !now.Before(k.ExpiresAt) {
		return "expired"
	}
	return when(k.ExpiresAt)
}

func lastUse(k picloud.APIKey) string {
	if k.LastUsedAt.IsZero() {
		return "never"
	}
	return when(k.LastUsedAt)
}

func (c *command) revokeKeyCommand() *cobra.Command {
	var user string
	var all bool
	cmd := &cobra.Command{
		Use: "revoke [ID]", Aliases: []string{"rm"}, Short: "Revoke a key by its id; it works no more at once", Args: between(0, "ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			switch {
			case err != nil:
				return err
			case all && user == "":
				return usagef("--all goes with --user")
			case all == (len(args) == 1):
				return usagef("keys revoke needs the ID of a key, or --user with --all")
			}
			what := "all keys of " + user
			if len(args) == 1 {
				what = args[0]
			}
			if err := cl.delete(cmd.Context(), keysPath(user, args...)); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(map[string]string{"revoked": what})
			}
			_, err = fmt.Fprintf(c.Stdout, "revoked %s\n", what)
			return err
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "a key of this user, for owners and admins")
	cmd.Flags().BoolVar(&all, "all", false, "all keys of --user")
	return cmd
}
