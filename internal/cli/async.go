package cli

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

// invokeLater has a script run later and says under which id.
func (c *command) invokeLater(ctx context.Context, name string, in api.Invoke, delay time.Duration) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var a api.Async
	if err := cl.post(ctx, c.scriptPath(name, "async"), api.InvokeLater{Invoke: in, DelaySeconds: delay.Seconds()}, &a); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(a)
	}
	_, err = fmt.Fprintln(c.Stdout, a.ID)
	return err
}

// asyncCommands are the verbs of picloud invocations for those that are
// answered later.
func (c *command) asyncCommands() []*cobra.Command {
	return []*cobra.Command{
		c.asyncListCommand(),
		{
			Use: "status ID", Short: "Show what became of an invocation that is answered later", Args: exactly("ID"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.asyncStatus(cmd.Context(), args[0]) },
		},
		{
			Use: "result ID", Short: "Show the response of an invocation that is answered later", Args: exactly("ID"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.asyncResult(cmd.Context(), args[0]) },
		},
		{
			Use: "cancel ID", Short: "Cancel an invocation that is answered later", Args: exactly("ID"),
			Long: "Cancel an invocation that is answered later. One that waits is not run; of one that\nruns nothing is kept.",
			RunE: func(cmd *cobra.Command, args []string) error { return c.cancelAsync(cmd.Context(), args[0]) },
		},
	}
}

func (c *command) asyncListCommand() *cobra.Command {
	var script string
	var limit int
	cmd := &cobra.Command{
		Use: "async", Short: "List those that are answered later, the newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if script != "" {
				q.Set("script", script)
			}
			var list api.AsyncList
			if err := cl.get(cmd.Context(), c.appPath("async"), q, &list); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(list.Invocations)
			}
			rows := make([][]string, len(list.Invocations))
			for i := range list.Invocations {
				rows[i] = asyncRow(&list.Invocations[i])
			}
			return c.table([]string{"ID", "SCRIPT", "STATE", "RUNS", "HTTP", "ENTERED", "ENDED", "ERROR"}, rows)
		},
	}
	cmd.Flags().StringVar(&script, "script", "", "only of this script")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many")
	return cmd
}

func asyncRow(a *api.Async) []string {
	status, ended := "", ""
	if a.HTTPStatus != 0 {
		status = strconv.Itoa(a.HTTPStatus)
	}
	if !a.EndedAt.IsZero() {
		ended = when(a.EndedAt)
	}
	return []string{a.ID, a.Script, string(a.State), strconv.Itoa(a.Runs), status, when(a.EnteredAt), ended, a.Error}
}

func (c *command) asyncStatus(ctx context.Context, id string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var a api.Async
	if err := cl.get(ctx, c.appPath("async", id), nil, &a); err != nil {
		return err
	}
	return c.printAsync(&a)
}

func (c *command) printAsync(a *api.Async) error {
	if c.output == outputJSON {
		return c.printJSON(a)
	}
	return c.table([]string{"ID", "SCRIPT", "STATE", "RUNS", "HTTP", "ENTERED", "ENDED", "ERROR"}, [][]string{asyncRow(a)})
}

// asyncResult shows a response as invoke does.
func (c *command) asyncResult(ctx context.Context, id string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var out api.Invoked
	if err := cl.get(ctx, c.appPath("async", id, "result"), nil, &out); err != nil {
		return err
	}
	if err := c.printResponse(out, false); err != nil {
		return err
	}
	if out.Status >= 400 {
		fmt.Fprintf(c.Stderr, "error: the script answered with status %d\n", out.Status)
		return errSilent
	}
	return nil
}

func (c *command) cancelAsync(ctx context.Context, id string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var a api.Async
	if err := cl.post(ctx, c.appPath("async", id, "cancel"), nil, &a); err != nil {
		return err
	}
	return c.printAsync(&a)
}
