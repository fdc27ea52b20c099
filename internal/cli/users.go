package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) usersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "users", Aliases: []string{"user"}, Short: "Manage the people of the instance", Args: exactly(),
		Long: `Manage the people of the instance. An owner or admin reaches every app; a member
only those that they are made a member of (see "picloud members").`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listUsers(cmd) },
	}
	cmd.AddCommand(
		c.resetFactorsCommand(),
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the users", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listUsers(cmd) },
		},
		c.addUserCommand(),
		&cobra.Command{
			Use: "show USER", Aliases: []string{"get"}, Short: "Show a user with the apps that they belong to", Args: exactly("USER"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.showUser(cmd, args[0]) },
		},
		c.setUserCommand(),
		c.activateUserCommand("disable", "Keep a user out: their sessions end, their keys do nothing", false),
		c.activateUserCommand("enable", "Let a user in again", true),
		c.deleteUserCommand(),
	)
	return cmd
}

func (c *command) listUsers(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Users
	if err := cl.get(cmd.Context(), "/users", nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Users)
	}
	rows := make([][]string, len(list.Users))
	for i, u := range list.Users {
		rows[i] = []string{u.Username, string(u.Role), state(u.Active), u.Email, when(u.CreatedAt)}
	}
	return c.table([]string{"USER", "ROLE", "STATE", "EMAIL", "CREATED"}, rows)
}

func (c *command) addUserCommand() *cobra.Command {
	var in api.NewUser
	var role string
	var fromStdin, none bool
	cmd := &cobra.Command{
		Use: "add USER", Short: "Create a user", Args: exactly("USER"),
		Example: "  picloud users add bob --email bob@example.org --role member\n  echo \"$PASSWORD\" | picloud users add bob --email bob@example.org --password-stdin",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Username, in.Role = args[0], picloud.Role(role)
			if in.Email == "" {
				return usagef("users add needs --email")
			}
			if fromStdin && none {
				return usagef("--password-stdin and --no-password do not go together")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			if !none {
				if in.Password, err = c.readPassword(fromStdin); err != nil {
					return err
				}
			}
			var u picloud.User
			if err := cl.post(cmd.Context(), "/users", in, &u); err != nil {
				return err
			}
			return c.printUser("created", u)
		},
	}
	cmd.Flags().StringVar(&in.Email, "email", "", "e-mail address")
	cmd.Flags().StringVar(&role, "role", string(picloud.RoleAdmin), "owner, admin or member")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&none, "no-password", false, "without a password: for who signs in through a provider, or gets one later")
	return cmd
}

// printUser shows what became of a user in a line.
func (c *command) printUser(what string, u picloud.User) error {
	if c.output == outputJSON {
		return c.printJSON(u)
	}
	_, err := fmt.Fprintf(c.Stdout, "%s %s (%s, %s, %s)\n", what, u.Username, u.Role, u.Email, state(u.Active))
	return err
}

func (c *command) showUser(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var u api.UserWithApps
	if err := cl.get(cmd.Context(), path("users", name), nil, &u); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(u)
	}
	apps := make([]string, len(u.Apps))
	for i, m := range u.Apps {
		apps[i] = fmt.Sprintf("%s (%s)", m.App, m.Role)
	}
	for _, l := range [][2]string{
		{"user", u.Username}, {"id", u.ID}, {"role", string(u.Role)}, {"state", state(u.Active)}, {"email", u.Email},
		{"apps", strings.Join(apps, ", ")}, {"created", when(u.CreatedAt)}, {"updated", when(u.UpdatedAt)},
	} {
		if l[1] != "" {
			fmt.Fprintf(c.Stdout, "%-8s %s\n", l[0], visible(l[1]))
		}
	}
	return nil
}

func (c *command) setUserCommand() *cobra.Command {
	var role, email string
	var in api.ChangeUser
	var password, fromStdin bool
	cmd := &cobra.Command{
		Use: "set USER", Short: "Change a user's role, address or password", Args: exactly("USER"),
		Example: "  picloud users set bob --role admin\n  picloud users set bob --password --expire-keys",
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().NFlag() == 0 {
				return usagef("users set needs something to change; see picloud users set --help")
			}
			if cmd.Flags().Changed("role") {
				r := picloud.Role(role)
				in.Role = &r
			}
			if cmd.Flags().Changed("email") {
				in.Email = &email
			}
			if password || fromStdin {
				text, err := c.readPassword(fromStdin)
				if err != nil {
					return err
				}
				in.Password = &text
			}
			return c.changeUser(cmd, args[0], in)
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "owner, admin or member")
	cmd.Flags().StringVar(&email, "email", "", "e-mail address")
	cmd.Flags().BoolVar(&password, "password", false, "ask for a new password, which ends the user's sessions")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "the same, from standard input")
	cmd.Flags().BoolVar(&in.EndSessions, "end-sessions", false, "sign the user out everywhere")
	cmd.Flags().BoolVar(&in.ExpireKeys, "expire-keys", false, "make the user's API keys expire")
	return cmd
}

func (c *command) changeUser(cmd *cobra.Command, name string, in api.ChangeUser) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var u picloud.User
	if err := cl.patch(cmd.Context(), path("users", name), in, &u); err != nil {
		return err
	}
	return c.printUser("changed", u)
}

func (c *command) activateUserCommand(use, short string, active bool) *cobra.Command {
	in := api.ChangeUser{Active: &active}
	cmd := &cobra.Command{
		Use: use + " USER", Short: short, Args: exactly("USER"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.changeUser(cmd, args[0], in) },
	}
	if !active {
		cmd.Flags().BoolVar(&in.ExpireKeys, "expire-keys", false, "make the user's API keys expire, so that they stay dead when the user is enabled again")
	}
	return cmd
}

func (c *command) deleteUserCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete USER", Aliases: []string{"rm"}, Short: "Delete a user with their sessions, keys and memberships", Args: exactly("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.deleteThing(cmd, "user", args[0], path("users", args[0]), yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// deleteThing asks, deletes what is at a path, and says so.
func (c *command) deleteThing(cmd *cobra.Command, kind, name, at string, yes bool) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if !yes {
		if err := c.confirm(fmt.Sprintf("Delete the %s %s, with all that goes with it?", kind, name)); err != nil {
			return err
		}
	}
	if err := cl.delete(cmd.Context(), at); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(map[string]string{"deleted": name})
	}
	_, err = fmt.Fprintf(c.Stdout, "deleted %s\n", name)
	return err
}
