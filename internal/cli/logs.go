package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// How long a follower waits before it connects again.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// maxEvent is the longest line of an event stream: a log line is much shorter.
const maxEvent = 8 << 20

// logQuery is which lines somebody wants.
type logQuery struct {
	script, invocation, level string
	since                     time.Duration
	limit                     int
}

func (c *command) logsCommand() *cobra.Command {
	var q logQuery
	var follow bool
	cmd := &cobra.Command{
		Use: "logs [NAME]", Short: "Show what a script logged, or all of an app", Args: between(0, "NAME"),
		Example: "  picloud logs hello -f\n  picloud logs --level warn --since 1h -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				q.script = args[0]
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			last, err := c.recentLogs(cmd.Context(), cl, q)
			if err != nil || !follow {
				return err
			}
			return c.followLogs(cmd.Context(), cl, q, last)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on showing what is logged")
	cmd.Flags().IntVarP(&q.limit, "limit", "n", 50, "how many of the last lines to show")
	cmd.Flags().StringVar(&q.invocation, "invocation", "", "only of this invocation")
	cmd.Flags().StringVar(&q.level, "level", "", "only this level and heavier ones: debug, info, warn, error")
	cmd.Flags().DurationVar(&q.since, "since", 0, "only of this last while, like 10m")
	return cmd
}

func (q logQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"script": q.script, "invocation": q.invocation, "level": q.level} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// recentLogs shows the last lines, oldest first, and is the last one's seq.
func (c *command) recentLogs(ctx context.Context, cl *client, q logQuery) (int64, error) {
	v := q.values()
	v.Set("limit", strconv.Itoa(q.limit))
	if q.since > 0 {
		v.Set("since", time.Now().Add(-q.since).UTC().Format(time.RFC3339))
	}
	var page api.Logs
	if err := cl.get(ctx, path("apps", c.app, "logs"), v, &page); err != nil {
		return 0, err
	}
	slices.Reverse(page.Lines)
	for _, l := range page.Lines {
		if err := c.printLine(l); err != nil {
			return 0, err
		}
	}
	return page.After, nil
}

// printLine shows one line of a log; what goes over several is indented.
func (c *command) printLine(l picloud.LogLine) error {
	if c.output == outputJSON {
		return c.printJSONLine(l)
	}
	text := strings.ReplaceAll(visible(l.Message), "\n", "\n    ")
	_, err := fmt.Fprintf(c.Stdout, "%s %-5s %s v%d  %s\n", when(l.At), l.Level, l.Script, l.Version, text)
	return err
}

// followLogs shows lines as they come until it is told to stop. A connection
// that breaks is made again where it was.
func (c *command) followLogs(ctx context.Context, cl *client, q logQuery, last int64) error {
	wait := firstRetry
	for first := true; ; first = false {
		before := last
		err := c.stream(ctx, cl, q, &last)
		if ctx.Err() != nil {
			return nil
		}
		if _, refused := problemFrom(err); refused || first && err != nil && last == before {
			return err
		}
		if last != before {
			wait = firstRetry
		}
		fmt.Fprintf(c.Stderr, "the connection is lost; trying again in %v\n", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, lastRetry)
	}
}

// stream shows one connection's lines, and keeps the last one's seq.
func (c *command) stream(ctx context.Context, cl *client, q logQuery, last *int64) error {
	v := q.values()
	header := http.Header{"Accept": {"text/event-stream"}}
	if *last > 0 {
		header.Set("Last-Event-ID", strconv.FormatInt(*last, 10))
	}
	resp, err := cl.send(ctx, http.MethodGet, path("apps", c.app, "logs", "stream")+"?"+v.Encode(), nil, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxEvent))
		if err != nil {
			return plain(err)
		}
		return problemIn(resp, body)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, maxEvent)
	for in.Scan() {
		data, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue // an id, which is in the data too, or a comment
		}
		var l picloud.LogLine
		if err := json.Unmarshal([]byte(data), &l); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		*last = l.Seq
		if err := c.printLine(l); err != nil {
			return err
		}
	}
	return in.Err()
}

func (c *command) invocationsCommand() *cobra.Command {
	var status string
	var limit int
	cmd := &cobra.Command{
		Use: "invocations [NAME]", Short: "List a script's invocations, or those of an app, newest first", Args: between(0, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			v := url.Values{"limit": {strconv.Itoa(limit)}}
			if len(args) > 0 {
				v.Set("script", args[0])
			}
			if status != "" {
				v.Set("status", status)
			}
			var page api.Invocations
			if err := cl.get(cmd.Context(), path("apps", c.app, "invocations"), v, &page); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(page.Invocations)
			}
			return c.table([]string{"ID", "STARTED", "SCRIPT", "VERSION", "STATUS", "HTTP", "TOOK", "OPERATIONS", "ERROR"}, invocationRows(page.Invocations))
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "only with this outcome: ok, error, limit, timeout, cancel")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many")
	cmd.AddCommand(c.asyncCommands()...)
	return cmd
}

func invocationRows(list []picloud.Invocation) [][]string {
	rows := make([][]string, len(list))
	for i, v := range list {
		failed := ""
		if e := v.Error; e != nil {
			failed = e.Message
			if e.Line > 0 {
				failed = fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
			}
		}
		rows[i] = []string{
			v.ID, when(v.StartedAt), v.Script, strconv.Itoa(v.Version), string(v.Status), strconv.Itoa(v.HTTPStatus),
			v.Duration.Round(10 * time.Microsecond).String(), strconv.FormatInt(v.Operations, 10), failed,
		}
	}
	return rows
}
