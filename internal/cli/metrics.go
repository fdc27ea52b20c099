package cli

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

// metricsCommand is picloud metrics.
func (c *command) metricsCommand() *cobra.Command {
	var script string
	var since, step time.Duration
	var instance bool
	cmd := &cobra.Command{
		Use: "metrics", Short: "Tell what ran in the last hour, or another time", Args: exactly(),
		Long: `Tell what ran: how often, how often it failed, how long it took, what it used.
Steps in which nothing ran are left out of the table, and are in the JSON.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"from": {time.Now().Add(-since).UTC().Format(time.RFC3339)}, "step": {strconv.FormatInt(int64(step/time.Second), 10)}}
			path := c.appPath("metrics")
			switch {
			case instance && script != "":
				return usagef("--instance and --script do not go together")
			case instance:
				path = "/metrics"
			case script != "":
				q.Set("script", script)
			}
			return c.metrics(cmd, path, q)
		},
	}
	cmd.Flags().StringVar(&script, "script", "", "only of this script")
	cmd.Flags().BoolVar(&instance, "instance", false, "of all apps together")
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how far back")
	cmd.Flags().DurationVar(&step, "step", 0, "time between lines; chosen to fit when absent")
	return cmd
}

func (c *command) metrics(cmd *cobra.Command, path string, q url.Values) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var m api.Metrics
	if err := cl.get(cmd.Context(), path, q, &m); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(m)
	}
	var rows [][]string
	for _, p := range m.Points {
		if p.Runs > 0 {
			rows = append(rows, metricsRow(when(p.At), p.MetricsSum))
		}
	}
	rows = append(rows, metricsRow("together", m.Total))
	if err := c.table([]string{"FROM", "RUNS", "ERRORS", "MEAN MS", "P50 MS", "P99 MS", "OPERATIONS", "PEAK BYTES"}, rows); err != nil || m.Now == nil {
		return err
	}
	_, err = fmt.Fprintf(c.Stdout, "\n%s waiting, %d bytes of keys and values, %d bytes of files\n", counted(int(m.Now.Events), "event"), m.Now.DataBytes, m.Now.FileBytes)
	return err
}

func metricsRow(from string, s api.MetricsSum) []string {
	ms := func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
	return []string{
		from, strconv.FormatInt(s.Runs, 10), strconv.FormatInt(s.Errors, 10), ms(s.MeanMS), ms(s.P50MS), ms(s.P99MS),
		strconv.FormatInt(s.Operations, 10), strconv.FormatInt(s.PeakBytes, 10),
	}
}
