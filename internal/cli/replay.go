package cli

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

// replayCommand is picloud replay.
func (c *command) replayCommand() *cobra.Command {
	return &cobra.Command{
		Use: "replay ID", Short: "Run an invocation again as it was", Args: exactly("ID"),
		Long: `Run an invocation again: the same version on the same event, with the clock,
randomness and everything that the script read as they were then. Nothing that
the script changes happens. It says whether the run went as before, and where
it did not.

Invocations that failed can be replayed, and of the others the share that a
script asks for: journal = 1.0 in picloud.toml.`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.replay(cmd.Context(), args[0]) },
	}
}

func (c *command) replay(ctx context.Context, id string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var r api.Replayed
	if err := cl.post(ctx, c.appPath("invocations", id, "replay"), nil, &r); err != nil {
		return err
	}
	if c.output == outputJSON {
		err = c.printJSON(r)
	} else {
		err = writeFor(c.Stdout, replayText(&r))
	}
	if err == nil && !r.Same {
		fmt.Fprintln(c.Stderr, "error: the replay did not go as the run before")
		return errSilent
	}
	return err
}

// replayText is a replay as people read it.
func replayText(r *api.Replayed) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("replayed %s: %s v%d, %s", r.InvocationID, r.Script, r.Version, r.Trigger)
	for _, l := range r.Logs {
		line("  %-5s %s", l.Level, strings.ReplaceAll(visible(l.Message), "\n", "\n    "))
	}
	for _, ch := range r.Changes {
		line("  would %s %s (%s)", ch.Kind, visible(ch.Name), counted(ch.Bytes, "byte"))
	}
	switch {
	case r.Error != nil && r.Error.Line > 0:
		line("failed at %d:%d: %s (%s)", r.Error.Line, r.Error.Column, visible(r.Error.Message), r.Error.Code)
	case r.Error != nil:
		line("failed: %s (%s)", visible(r.Error.Message), r.Error.Code)
	case r.HTTPStatus != 0:
		line("status %d %s", r.HTTPStatus, visible(r.Body))
	}
	line("%s, %v", counted(int(r.Operations), "operation"), r.Duration.Round(time.Microsecond))
	if len(r.Removed) > 0 {
		line("without the headers that were not kept: %s", strings.Join(r.Removed, ", "))
	}
	if r.Same {
		line("same outcome, operations and log as before")
	}
	for _, d := range r.Differences {
		line("differs: %s", visible(d))
	}
	return b.String()
}

// journalCommand is picloud journal.
func (c *command) journalCommand() *cobra.Command {
	return &cobra.Command{
		Use: "journal ID", Short: "Show what an invocation asked for and was answered", Args: exactly("ID"),
		Long: `Show what the script asked its host for in an invocation, in order: reads, the
clock, randomness, imports. Long arguments and results are shortened.`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.journal(cmd.Context(), args[0]) },
	}
}

func (c *command) journal(ctx context.Context, id string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var rows [][]string
	for after := 0; ; {
		var page api.Journal
		q := url.Values{"after": {strconv.Itoa(after)}, "limit": {"1000"}}
		if err := cl.get(ctx, c.appPath("invocations", id, "journal"), q, &page); err != nil {
			return err
		}
		for i := range page.Calls {
			if c.output == outputJSON {
				if err := c.printJSONLine(page.Calls[i]); err != nil {
					return err
				}
			}
			rows = append(rows, journalRow(&page.Calls[i]))
		}
		if after = page.After; after == 0 {
			break
		}
	}
	if c.output == outputJSON {
		return nil
	}
	return c.table([]string{"N", "AT", "TOOK", "CALL", "ARGUMENTS", "RESULT"}, rows)
}

// maxJournalCell is how much of a text a line of the table shows.
const maxJournalCell = 80

func journalRow(call *api.JournalCall) []string {
	result := call.Result
	switch e := call.Error; {
	case e != nil && e.Ended:
		result = "(no answer before the run's time was over)"
	case e != nil:
		result = "failed: " + e.Message
	}
	return []string{
		strconv.Itoa(call.N), call.At.Round(time.Microsecond).String(), call.Duration.Round(time.Microsecond).String(), call.Call,
		shortCell(call.Args), shortCell(result),
	}
}

func shortCell(s string) string {
	r := []rune(s)
	if len(r) > maxJournalCell {
		return string(r[:maxJournalCell]) + "…"
	}
	return s
}
