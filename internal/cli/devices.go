package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

// devicesCommand is picloud devices with its verbs.
func (c *command) devicesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "devices", Aliases: []string{"device"}, Short: "Have devices speak MQTT with an app", Args: exactly(),
		Long: `Have devices speak MQTT with an app, where the server listens for it (--mqtt-listen).
Each has a name and a secret of its own, which is shown once.`,
		Example: "  picloud devices add kitchen\n  picloud devices\n  picloud devices remove kitchen",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.listDevices(cmd) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the app's devices", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listDevices(cmd) },
		},
		&cobra.Command{
			Use: "add NAME", Short: "Make a device, and show its secret once", Args: exactly("NAME"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.addDevice(cmd, args[0]) },
		},
		&cobra.Command{
			Use: "remove NAME", Aliases: []string{"rm"}, Short: "Remove a device; it is disconnected at once", Args: exactly("NAME"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.removeDevice(cmd, args[0]) },
		},
	)
	return cmd
}

func (c *command) listDevices(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Devices
	if err := cl.get(cmd.Context(), c.appPath("devices"), nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Devices)
	}
	rows := make([][]string, len(list.Devices))
	for i, d := range list.Devices {
		rows[i] = []string{d.Name, d.Username, d.CreatedBy, when(d.CreatedAt)}
	}
	return c.table([]string{"DEVICE", "USER NAME", "BY", "ADDED"}, rows)
}

func (c *command) addDevice(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var made api.CreatedDevice
	if err := cl.post(cmd.Context(), c.appPath("devices"), api.NewDevice{Name: name}, &made); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(made)
	}
	_, err = fmt.Fprintf(c.Stdout, "%s is made. Its secret is not shown again:\n  user name  %s\n  password   %s\n", made.Name, made.Username, made.Secret)
	return err
}

func (c *command) removeDevice(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if err := cl.delete(cmd.Context(), c.appPath("devices", name)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Stdout, "%s is removed\n", name)
	return err
}
