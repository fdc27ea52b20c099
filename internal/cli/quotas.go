package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// quotasCommand is picloud quotas with its verbs.
func (c *command) quotasCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "quotas", Short: "Tell what the app may use, and uses", Args: exactly(),
		Long: `Tell what the app may use, and uses: operations and outbound calls a day, events that
wait, bytes of data and of files. A day begins at midnight UTC.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var q api.Quotas
			if err := cl.get(cmd.Context(), c.appPath("quotas"), nil, &q); err != nil {
				return err
			}
			return c.printQuotas(q)
		},
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "set KIND=AMOUNT...", Short: "Change what the app may use", Args: cobra.MinimumNArgs(1),
			Long: `Change what the app may use. A kind is operations, calls, events, data or files. An amount is a
number, which may end in k, M or G (thousands), or in KiB, MiB or GiB; none for no bound; or default.`,
			RunE: func(cmd *cobra.Command, args []string) error { return c.setQuotas(cmd, args) },
		},
		&cobra.Command{
			Use: "alarms", Short: "List when the app came near the end of a quota", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.alarms(cmd) },
		},
	)
	return cmd
}

func (c *command) printQuotas(q api.Quotas) error {
	if c.output == outputJSON {
		return c.printJSON(q)
	}
	rows := make([][]string, len(q.Quotas))
	for i, one := range q.Quotas {
		limit, percent, resets := "none", "", ""
		if one.Limit != nil {
			limit, percent = strconv.FormatInt(*one.Limit, 10), strconv.FormatFloat(*one.Percent, 'f', 1, 64)+" %"
		}
		if one.ResetsAt != nil {
			resets = when(*one.ResetsAt)
		}
		rows[i] = []string{string(one.Kind), strconv.FormatInt(one.Used, 10), limit, percent, resets}
	}
	return c.table([]string{"QUOTA", "USED", "LIMIT", "PERCENT", "RESETS"}, rows)
}

func (c *command) setQuotas(cmd *cobra.Command, args []string) error {
	var set api.SetQuotas
	for _, arg := range args {
		kind, amount, ok := strings.Cut(arg, "=")
		if !ok || !picloud.QuotaKind(kind).Valid() {
			return usagef("%q is not KIND=AMOUNT with a kind of operations, calls, events, data or files", arg)
		}
		q := api.SetQuota{Kind: picloud.QuotaKind(kind)}
		switch amount {
		case "none":
			q.Unlimited = true
		case "default":
			q.Default = true
		default:
			n, err := parseAmount(amount)
			if err != nil {
				return usagef("%s: %v", arg, err)
			}
			q.Limit = &n
		}
		set.Quotas = append(set.Quotas, q)
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	var q api.Quotas
	if err := cl.put(cmd.Context(), c.appPath("quotas"), set, &q); err != nil {
		return err
	}
	return c.printQuotas(q)
}

// parseAmount reads a number that may end in a unit.
func parseAmount(text string) (int64, error) {
	unit := int64(1)
	for _, u := range []struct {
		suffix string
		of     int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}} {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			text, unit = number, u.of
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not an amount", text)
	}
	return n * unit, nil
}

func (c *command) alarms(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Alarms
	if err := cl.get(cmd.Context(), c.appPath("alarms"), nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list)
	}
	rows := make([][]string, len(list.Alarms))
	for i, a := range list.Alarms {
		state := "holds"
		if a.ClearedAt != nil {
			state = "passed " + when(*a.ClearedAt)
		}
		rows[i] = []string{when(a.RaisedAt), string(a.Kind), strconv.Itoa(a.Percent) + " %", strconv.FormatInt(a.Used, 10), strconv.FormatInt(a.Limit, 10), state}
	}
	return c.table([]string{"RAISED", "QUOTA", "MARK", "USED", "LIMIT", "STATE"}, rows)
}
