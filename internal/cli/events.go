package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) appPath(more ...string) string {
	return path(append([]string{"apps", c.app}, more...)...)
}

// publishCommand is picloud publish.
func (c *command) publishCommand() *cobra.Command {
	var key, dedupe string
	var delay, remember time.Duration
	cmd := &cobra.Command{
		Use: "publish TOPIC [BODY]", Short: "Publish a message on a topic of the app",
		Long: `Publish a message on a topic of the app. BODY is JSON; with - it is read from standard
input, where octets that are not JSON arrive as a blob. When the command ends, the message is on disk.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			message := api.NewMessage{Key: key, DelaySeconds: delay.Seconds(), Dedupe: dedupe, DedupeSeconds: remember.Seconds()}
			if len(args) == 2 {
				if err := c.jsonOrOctets("body", args[1], &message.Body, &message.BodyBase64); err != nil {
					return err
				}
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			var done api.Published
			if err := cl.post(cmd.Context(), c.appPath("topics", args[0], "messages"), message, &done); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(done)
			}
			_, err = fmt.Fprintf(c.Stdout, "published to %s\n", counted(done.Events, "script"))
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "messages with the same key are delivered in their order")
	cmd.Flags().DurationVar(&delay, "delay", 0, "how long the message waits")
	cmd.Flags().StringVar(&dedupe, "dedupe", "", "name the message: another one with the same name is dropped for a while")
	cmd.Flags().DurationVar(&remember, "dedupe-for", 0, "how long the name is remembered (10m when 0)")
	return cmd
}

// jsonOrOctets is an argument, or with - what comes in, as the API takes it:
// JSON, or anything in base64.
func (c *command) jsonOrOctets(what, arg string, body *json.RawMessage, octets *string) error {
	text := []byte(arg)
	if arg == "-" {
		var err error
		if text, err = io.ReadAll(io.LimitReader(os.Stdin, picloud.MaxValueBytes+1)); err != nil {
			return err
		}
	}
	switch {
	case len(text) > picloud.MaxValueBytes:
		return fmt.Errorf("the %s has more than the %d bytes that are allowed", what, picloud.MaxValueBytes)
	case json.Valid(text):
		*body = text
	case arg == "-" && !utf8.Valid(text):
		*octets = base64.StdEncoding.EncodeToString(text)
	default:
		return hinted(`a text is written with quotes: '"text"'`, "the %s is not JSON", what)
	}
	return nil
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// eventsCommand is picloud events with its verbs.
func (c *command) eventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "events", Aliases: []string{"event"}, Short: "Look at what waits for scripts and what was given up", Args: exactly(),
		Long: `Look at the events of the app: messages that wait for a script, and those that were
given up after too many tries (dead). Dead ones can be tried anew or removed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.countEvents(cmd) },
	}
	cmd.AddCommand(
		c.listEventsCommand(),
		&cobra.Command{
			Use: "show ID", Short: "Show an event with its body", Args: exactly("ID"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.showEvent(cmd, args[0]) },
		},
		c.redriveCommand(),
		&cobra.Command{
			Use: "delete ID", Aliases: []string{"rm"}, Short: "Remove an event", Args: exactly("ID"),
			RunE: func(cmd *cobra.Command, args []string) error {
				cl, err := c.client()
				if err != nil {
					return err
				}
				return cl.delete(cmd.Context(), c.appPath("events", args[0]))
			},
		},
		c.purgeCommand(),
	)
	return cmd
}

func (c *command) countEvents(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var q api.Queues
	if err := cl.get(cmd.Context(), c.appPath("queues"), nil, &q); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(q.Queues)
	}
	rows := make([][]string, len(q.Queues))
	for i, n := range q.Queues {
		rows[i] = []string{n.Script, n.Source, string(n.State), strconv.FormatInt(n.Count, 10), when(n.OldestAt)}
	}
	return c.table([]string{"SCRIPT", "SOURCE", "STATE", "COUNT", "OLDEST"}, rows)
}

// selectionFlags are those that choose events.
func selectionFlags(cmd *cobra.Command, s *api.EventSelection) {
	cmd.Flags().StringVar(&s.Script, "script", "", "only of this script")
	cmd.Flags().StringVar(&s.Source, "topic", "", "only of this topic")
}

func (c *command) listEventsCommand() *cobra.Command {
	var s api.EventSelection
	var state string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List events, the newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"script": s.Script, "source": s.Source, "state": state} {
				if value != "" {
					q.Set(name, value)
				}
			}
			var list api.Events
			if err := cl.get(cmd.Context(), c.appPath("events"), q, &list); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(list.Events)
			}
			rows := make([][]string, len(list.Events))
			for i, e := range list.Events {
				rows[i] = []string{e.ID, e.Script, e.Source, stateOf(e), strconv.Itoa(e.Attempts), when(e.EnteredAt), e.Error}
			}
			return c.table([]string{"ID", "SCRIPT", "SOURCE", "STATE", "ATTEMPTS", "ENTERED", "ERROR"}, rows)
		},
	}
	selectionFlags(cmd, &s)
	cmd.Flags().StringVar(&state, "state", "", "only waiting, blocked or dead ones")
	cmd.Flags().IntVarP(&limit, "limit", "n", 100, "how many at most")
	return cmd
}

func stateOf(e api.Event) string {
	if e.Running {
		return "running"
	}
	return string(e.State)
}

func (c *command) showEvent(cmd *cobra.Command, id string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var e api.Event
	if err := cl.get(cmd.Context(), c.appPath("events", id), nil, &e); err != nil {
		return err
	}
	return c.printJSON(e)
}

func (c *command) redriveCommand() *cobra.Command {
	var s api.EventSelection
	var body string
	var all bool
	cmd := &cobra.Command{
		Use: "redrive [ID]", Short: "Try a dead event anew, or with --all those of a script or topic", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return usagef("name one event, or --all")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			if all {
				return c.onSelection(cmd, cl, "redrive", s, "will be tried anew")
			}
			var r api.Redrive
			if body != "" {
				if err := c.jsonOrOctets("body", body, &r.Body, &r.BodyBase64); err != nil {
					return err
				}
			}
			var e api.Event
			if err := cl.post(cmd.Context(), c.appPath("events", args[0], "redrive"), r, &e); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.Stdout, "%s will be tried anew\n", e.ID)
			return err
		},
	}
	selectionFlags(cmd, &s)
	cmd.Flags().StringVar(&body, "body", "", "another body, in JSON")
	cmd.Flags().BoolVar(&all, "all", false, "all dead events that match")
	return cmd
}

func (c *command) purgeCommand() *cobra.Command {
	var s api.EventSelection
	var state string
	cmd := &cobra.Command{
		Use: "purge", Short: "Remove the dead events of a script or topic, or those in another state", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			s.State = picloud.EventState(state)
			return c.onSelection(cmd, cl, "purge", s, "removed")
		},
	}
	selectionFlags(cmd, &s)
	cmd.Flags().StringVar(&state, "state", "dead", "dead, waiting or blocked")
	return cmd
}

func (c *command) onSelection(cmd *cobra.Command, cl *client, verb string, s api.EventSelection, done string) error {
	var n api.Selected
	if err := cl.post(cmd.Context(), c.appPath(verb), s, &n); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(n)
	}
	_, err := fmt.Fprintf(c.Stdout, "%s %s\n", counted(int(n.Count), "event"), done)
	return err
}
