package cli

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

// schedulesCommand is picloud schedules with its verbs.
func (c *command) schedulesCommand() *cobra.Command {
	var script string
	cmd := &cobra.Command{
		Use: "schedules", Aliases: []string{"schedule"}, Short: "Look at, pause and run what scripts do at certain times", Args: exactly(),
		Long: `Look at the schedules of the app's scripts: when each fires next and how its last run
went. What schedules there are is said in a project's picloud.toml.`,
		Example: "  picloud schedules\n  picloud schedules runs report\n  picloud schedules pause report nightly\n" +
			"  picloud schedules preview '*/5 * * * *' --zone Europe/Berlin",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listSchedules(cmd, script) },
	}
	cmd.Flags().StringVar(&script, "script", "", "only of this script")
	cmd.AddCommand(
		c.listSchedulesCommand(),
		c.scheduleVerb("show", "Show a schedule with its next five times", "", (*client).schedule),
		c.scheduleVerb("pause", "Have a schedule not fire until it is resumed", "is paused", (*client).changeSchedule),
		c.scheduleVerb("resume", "End a pause; what fell into it is not made up for", "fires again", (*client).changeSchedule),
		c.runScheduleCommand(),
		c.runsCommand(),
		c.previewCommand(),
	)
	return cmd
}

func (c *command) listSchedulesCommand() *cobra.Command {
	var script string
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List schedules, with when they fire next and how they last went", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listSchedules(cmd, script) },
	}
	cmd.Flags().StringVar(&script, "script", "", "only of this script")
	return cmd
}

func (c *command) listSchedules(cmd *cobra.Command, script string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	q := url.Values{}
	if script != "" {
		q.Set("script", script)
	}
	var list api.Schedules
	if err := cl.get(cmd.Context(), c.appPath("schedules"), q, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Schedules)
	}
	rows := make([][]string, len(list.Schedules))
	for i, s := range list.Schedules {
		rows[i] = []string{s.Script, s.Name, s.Cron, s.TimeZone, nextOf(s), lastOf(s)}
	}
	return c.table([]string{"SCRIPT", "NAME", "CRON", "ZONE", "NEXT", "LAST"}, rows)
}

// nextOf is when a schedule fires, on its own clock.
func nextOf(s api.ScheduleStatus) string {
	switch {
	case s.Paused:
		return "paused"
	case s.NextAt == nil:
		return "script off"
	}
	return zoned(*s.NextAt)
}

// zoned is a time on the clock that it comes with.
func zoned(t time.Time) string { return t.Format("Mon 2006-01-02 15:04:05 -07:00") }

func lastOf(s api.ScheduleStatus) string {
	if s.Last == nil {
		return "never"
	}
	return string(s.Last.State) + " " + when(s.Last.PlannedAt)
}

// schedulePath is a schedule in the API, with a verb perhaps.
func (c *command) schedulePath(args []string, verb ...string) string {
	return c.appPath(append([]string{"scripts", args[0], "schedules", args[1]}, verb...)...)
}

// schedule reads a schedule; the verb is for the others.
func (cl *client) schedule(cmd *cobra.Command, at, _ string, out *api.ScheduleStatus) error {
	return cl.get(cmd.Context(), at, nil, out)
}

// changeSchedule does something to a schedule, and reads it.
func (cl *client) changeSchedule(cmd *cobra.Command, at, verb string, out *api.ScheduleStatus) error {
	return cl.post(cmd.Context(), at+"/"+verb, struct{}{}, out)
}

// scheduleVerb is a command on one schedule, which is shown or said to be done
// with.
func (c *command) scheduleVerb(verb, short, done string, do func(*client, *cobra.Command, string, string, *api.ScheduleStatus) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " SCRIPT NAME", Short: short, Args: exactly("SCRIPT", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var s api.ScheduleStatus
			if err := do(cl, cmd, c.schedulePath(args), verb, &s); err != nil {
				return err
			}
			switch {
			case c.output == outputJSON:
				return c.printJSON(s)
			case done == "":
				return c.printSchedule(s)
			}
			_, err = fmt.Fprintf(c.Stdout, "%s of %s %s\n", s.Name, s.Script, done)
			return err
		},
	}
}

func (c *command) printSchedule(s api.ScheduleStatus) error {
	missed := string(s.Missed)
	if s.MaxMissed > 0 {
		missed += fmt.Sprintf(", up to %d", s.MaxMissed)
	}
	rows := [][]string{
		{"cron", s.Cron}, {"zone", s.TimeZone}, {"overlap", string(s.Overlap)}, {"missed", missed},
		{"attempts", strconv.Itoa(s.MaxAttempts)}, {"next", nextOf(s)}, {"last", lastOf(s)},
	}
	if s.JitterMS > 0 {
		rows = append(rows, []string{"jitter", (time.Duration(s.JitterMS) * time.Millisecond).String()})
	}
	if s.Paused {
		rows = append(rows, []string{"paused", "by " + s.PausedBy + " " + when(*s.PausedAt)})
	}
	if len(s.Body) > 0 {
		rows = append(rows, []string{"body", string(s.Body)})
	}
	for _, t := range s.Upcoming {
		rows = append(rows, []string{"upcoming", zoned(t)})
	}
	return c.table([]string{s.Script, s.Name}, rows)
}

func (c *command) runScheduleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run SCRIPT NAME", Short: "Run a schedule now, also while it is paused", Args: exactly("SCRIPT", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var run api.ScheduleRun
			if err := cl.post(cmd.Context(), c.schedulePath(args, "run"), struct{}{}, &run); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(run)
			}
			_, err = fmt.Fprintf(c.Stdout, "%s of %s will run at once; see: picloud schedules runs %s\n", run.Schedule, run.Script, run.Script)
			return err
		},
	}
}

func (c *command) runsCommand() *cobra.Command {
	var state string
	var limit int
	var before int64
	cmd := &cobra.Command{
		Use: "runs [SCRIPT] [NAME]", Aliases: []string{"ledger"}, Short: "List what was planned, started and finished, the newest first",
		Args: between(0, "SCRIPT", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}, "before": {strconv.FormatInt(before, 10)}}
			for i, name := range []string{"script", "schedule"} {
				if i < len(args) {
					q.Set(name, args[i])
				}
			}
			if state != "" {
				q.Set("state", state)
			}
			var list api.ScheduleRuns
			if err := cl.get(cmd.Context(), c.appPath("schedule-runs"), q, &list); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(list)
			}
			return c.printRuns(list.Runs)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only waiting, running, ok, failed, skipped, missed, replaced or dropped ones")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many at most")
	cmd.Flags().Int64Var(&before, "before", 0, "only those before this one, by seq")
	return cmd
}

func (c *command) printRuns(list []api.ScheduleRun) error {
	rows := make([][]string, len(list))
	for i, r := range list {
		state := string(r.State)
		if r.Times > 1 {
			state += fmt.Sprintf(" ×%d", r.Times)
		}
		drift, took := "", ""
		if r.DriftMS != nil {
			drift = millis(*r.DriftMS)
		}
		if r.StartedAt != nil && r.FinishedAt != nil {
			took = millis(float64(r.FinishedAt.Sub(*r.StartedAt).Microseconds()) / 1000)
		}
		rows[i] = []string{r.Script, r.Schedule, when(r.PlannedAt), state, drift, took, strconv.Itoa(r.Attempts), r.InvocationID, r.Error}
	}
	return c.table([]string{"SCRIPT", "NAME", "PLANNED", "STATE", "DRIFT", "TOOK", "ATTEMPTS", "INVOCATION", "ERROR"}, rows)
}

// millis is so many milliseconds as a duration.
func millis(ms float64) string {
	return (time.Duration(ms*1000) * time.Microsecond).Round(100 * time.Microsecond).String()
}

func (c *command) previewCommand() *cobra.Command {
	var zone string
	var count int
	cmd := &cobra.Command{
		Use: "preview CRON", Short: "Tell when a schedule would fire, without deploying it", Args: exactly("CRON"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var p api.SchedulePreview
			q := url.Values{"cron": {args[0]}, "time_zone": {zone}, "count": {strconv.Itoa(count)}}
			if err := cl.get(cmd.Context(), path("schedule-preview"), q, &p); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(p)
			}
			for _, t := range p.Upcoming {
				fmt.Fprintln(c.Stdout, zoned(t))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&zone, "zone", "", "whose clock it means, like Europe/Berlin (default UTC)")
	cmd.Flags().IntVarP(&count, "count", "n", 5, "how many times")
	return cmd
}
