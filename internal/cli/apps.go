package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

func (c *command) appsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "apps", Short: "List the apps that you can see, create or delete one", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var list api.Apps
			if err := cl.get(cmd.Context(), "/apps", nil, &list); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(list.Apps)
			}
			rows := make([][]string, len(list.Apps))
			for i, a := range list.Apps {
				rows[i] = []string{a.Name, a.URL, when(a.CreatedAt)}
			}
			return c.table([]string{"APP", "URL", "CREATED"}, rows)
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "create NAME", Short: "Create an app", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var a api.App
			if err := cl.post(cmd.Context(), "/apps", api.NewApp{Name: args[0]}, &a); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(a)
			}
			fmt.Fprintf(c.Stdout, "created %s\n  %s\n", a.Name, a.URL)
			return nil
		},
	}, c.deleteAppCommand())
	return cmd
}

func (c *command) deleteAppCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Aliases: []string{"rm"}, Short: "Delete an app with all that it owns", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.deleteThing(cmd, "app", args[0], path("apps", args[0]), yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}
