package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) settingsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "settings", Short: "Show the settings of the instance, or change them", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var o picloud.Options
			if err := cl.get(cmd.Context(), "/settings", nil, &o); err != nil {
				return err
			}
			return c.printOptions(o)
		},
	}
	var days, results, answers int
	set := &cobra.Command{
		Use: "set", Short: "Change settings of the instance", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().NFlag() == 0 {
				return usagef("settings set needs something to change; see picloud settings set --help")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			var in api.ChangeOptions
			if cmd.Flags().Changed("audit-days") {
				in.AuditDays = &days
			}
			if cmd.Flags().Changed("result-hours") {
				in.ResultHours = &results
			}
			if cmd.Flags().Changed("idempotency-hours") {
				in.IdempotencyHours = &answers
			}
			var o picloud.Options
			if err := cl.patch(cmd.Context(), "/settings", in, &o); err != nil {
				return err
			}
			return c.printOptions(o)
		},
	}
	set.Flags().IntVar(&days, "audit-days", 0, "how long the audit log is kept, 7 to 3650 days")
	set.Flags().IntVar(&results, "result-hours", 0, "how long results of asynchronous invocations are kept, 1 to 744 hours")
	set.Flags().IntVar(&answers, "idempotency-hours", 0, "how long responses to idempotent requests are kept, 1 to 744 hours")
	cmd.AddCommand(set)
	return cmd
}

func (c *command) printOptions(o picloud.Options) error {
	if c.output == outputJSON {
		return c.printJSON(o)
	}
	_, err := fmt.Fprintf(c.Stdout, "audit-days  %d\nresult-hours  %d\nidempotency-hours  %d\n", o.AuditDays, o.ResultHours, o.IdempotencyHours)
	return err
}
