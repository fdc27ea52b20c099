package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) membersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "members", Aliases: []string{"member"}, Short: "Manage who belongs to an app", Args: exactly(),
		Long: `Manage who belongs to an app (--app): as its admin, who is in charge of it; as
editor, who makes it work; or as viewer, who only looks. Owners and admins of the
instance reach every app without.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listMembers(cmd) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the app's members", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listMembers(cmd) },
		},
		&cobra.Command{
			Use: "add USER ROLE", Short: "Make a user admin, editor or viewer of the app", Args: exactly("USER", "ROLE"),
			Example: "  picloud members add bob editor --app shop",
			RunE:    func(cmd *cobra.Command, args []string) error { return c.putMember(cmd, args[0], args[1]) },
		},
		&cobra.Command{
			Use: "set USER ROLE", Short: "Change a member's role in the app", Args: exactly("USER", "ROLE"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.putMember(cmd, args[0], args[1]) },
		},
		&cobra.Command{
			Use: "remove USER", Aliases: []string{"rm"}, Short: "Take a user out of the app", Args: exactly("USER"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.removeMember(cmd, args[0]) },
		},
	)
	return cmd
}

func (c *command) memberPath(more ...string) string {
	return path(append([]string{"apps", c.app, "members"}, more...)...)
}

func (c *command) listMembers(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Members
	if err := cl.get(cmd.Context(), c.memberPath(), nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Members)
	}
	rows := make([][]string, len(list.Members))
	for i, m := range list.Members {
		rows[i] = []string{m.Username, string(m.Role), state(m.Active), when(m.UpdatedAt)}
	}
	return c.table([]string{"USER", "ROLE", "STATE", "SINCE"}, rows)
}

func (c *command) putMember(cmd *cobra.Command, name, role string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var m picloud.Member
	if err := cl.put(cmd.Context(), c.memberPath(name), api.PutMember{Role: picloud.AppRole(role)}, &m); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(m)
	}
	_, err = fmt.Fprintf(c.Stdout, "%s is %s of %s\n", m.Username, m.Role, m.App)
	return err
}

func (c *command) removeMember(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if err := cl.delete(cmd.Context(), c.memberPath(name)); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(map[string]string{"app": c.app, "removed": name})
	}
	_, err = fmt.Fprintf(c.Stdout, "%s does not belong to %s any more\n", name, c.app)
	return err
}
