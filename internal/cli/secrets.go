package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) secretsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "secrets", Aliases: []string{"secret"}, Short: "Set what scripts may use and nobody may see", Args: exactly(),
		Long: `Set what scripts may use and nobody may see: keys and passwords of other services.
A value that was set cannot be read again.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listSecrets(cmd) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the names of the app's secrets", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listSecrets(cmd) },
		},
		&cobra.Command{
			Use: "set NAME", Short: "Give a secret a value", Args: exactly("NAME"),
			Long: `Give a secret a value. It is asked for without being shown; when standard input is no
terminal, it is all that is read there, but for one line end behind it.`,
			RunE: func(cmd *cobra.Command, args []string) error { return c.setSecret(cmd, args[0]) },
		},
		&cobra.Command{
			Use: "delete NAME", Aliases: []string{"rm"}, Short: "Delete a secret", Args: exactly("NAME"),
			RunE: func(cmd *cobra.Command, args []string) error {
				cl, err := c.client()
				if err != nil {
					return err
				}
				return cl.delete(cmd.Context(), c.appPath("secrets", args[0]))
			},
		},
	)
	return cmd
}

func (c *command) listSecrets(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Secrets
	if err := cl.get(cmd.Context(), c.appPath("secrets"), nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Secrets)
	}
	rows := make([][]string, len(list.Secrets))
	for i, v := range list.Secrets {
		rows[i] = []string{v.Name, fmt.Sprint(v.Version), v.SetBy, when(v.SetAt)}
	}
	return c.table([]string{"NAME", "VERSION", "SET BY", "SET"}, rows)
}

func (c *command) setSecret(cmd *cobra.Command, name string) error {
	if err := picloud.ValidateSecretName(name); err != nil {
		return message(err)
	}
	value, err := c.readSecret(name)
	if err != nil {
		return err
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	var v picloud.Secret
	if err := cl.put(cmd.Context(), c.appPath("secrets", name), api.SetSecret{Value: value}, &v); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(v)
	}
	_, err = fmt.Fprintf(c.Stdout, "%s is set (version %d)\n", v.Name, v.Version)
	return err
}

// readSecret asks for a value, or reads standard input. It is never an argument,
// which everybody on the machine could read.
func (c *command) readSecret(name string) (string, error) {
	if _, ok := terminal(c.Stdin); ok {
		return c.askPassword("Value of " + name + ": ")
	}
	data, err := io.ReadAll(io.LimitReader(c.Stdin, picloud.MaxSecretBytes+3))
	if err != nil {
		return "", fmt.Errorf("read the value: %w", err)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if err := picloud.ValidateSecretValue(value); err != nil {
		return "", message(err)
	}
	return value, nil
}
