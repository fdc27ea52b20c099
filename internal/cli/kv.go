package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// kvCommand is picloud kv with its verbs.
func (c *command) kvCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "kv", Short: "Look at and change what scripts keep", Args: exactly(),
		Long: "Look at and change what the scripts of the app keep with kv.",
	}
	cmd.AddCommand(
		c.listEntriesCommand(),
		&cobra.Command{
			Use: "get KEY", Short: "Print the value of a key; octets as they are", Args: exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.getKey(cmd, args[0]) },
		},
		c.setKeyCommand(),
		&cobra.Command{
			Use: "delete KEY", Aliases: []string{"rm"}, Short: "Remove a key", Args: exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error {
				cl, err := c.client()
				if err != nil {
					return err
				}
				return cl.delete(cmd.Context(), c.appPath("data", "entry")+"?"+url.Values{"key": {args[0]}}.Encode())
			},
		},
		&cobra.Command{
			Use: "usage", Short: "Tell how much the app keeps, and may keep", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.kvUsage(cmd) },
		},
	)
	return cmd
}

func (c *command) listEntriesCommand() *cobra.Command {
	var after string
	var limit int
	var values bool
	cmd := &cobra.Command{
		Use: "list [PREFIX]", Aliases: []string{"ls"}, Short: "List keys, in the order of their bytes", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}, "after": {after}, "values": {strconv.FormatBool(values)}}
			if len(args) == 1 {
				q.Set("prefix", args[0])
			}
			var page api.Entries
			if err := cl.get(cmd.Context(), c.appPath("data"), q, &page); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(page)
			}
			return c.printEntries(page, values)
		},
	}
	cmd.Flags().StringVar(&after, "after", "", "only keys after this one")
	cmd.Flags().IntVarP(&limit, "limit", "n", picloud.DefaultPage, "how many at most")
	cmd.Flags().BoolVar(&values, "values", false, "with the values")
	return cmd
}

func (c *command) printEntries(page api.Entries, values bool) error {
	heading := []string{"KEY", "VERSION", "KIND", "EXPIRES"}
	if values {
		heading = append(heading, "VALUE")
	}
	rows := make([][]string, len(page.Entries))
	for i, e := range page.Entries {
		expires := "never"
		if e.ExpiresAt != nil {
			expires = when(*e.ExpiresAt)
		}
		rows[i] = []string{e.Key, strconv.FormatInt(e.Version, 10), string(e.Kind), expires}
		if values {
			rows[i] = append(rows[i], string(e.Value)+e.ValueBase64)
		}
	}
	if err := c.table(heading, rows); err != nil || !page.More {
		return err
	}
	_, err := fmt.Fprintln(c.Stderr, "there are more: go on with --after and the last key")
	return err
}

func (c *command) getKey(cmd *cobra.Command, key string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var e api.Entry
	if err := cl.get(cmd.Context(), c.appPath("data", "entry"), url.Values{"key": {key}}, &e); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(e)
	}
	if e.Kind == picloud.ValueBytes {
		octets, err := base64.StdEncoding.DecodeString(e.ValueBase64)
		if err == nil {
			_, err = c.Stdout.Write(octets)
		}
		return err
	}
	_, err = fmt.Fprintln(c.Stdout, harmless(e.Value))
	return err
}

// harmless is the same JSON without characters that steer a terminal: they are
// in its strings, if anywhere, where they can be written as escapes.
func harmless(value json.RawMessage) string {
	var b strings.Builder
	for _, r := range string(value) {
		if r < 0x10000 && steers(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (c *command) setKeyCommand() *cobra.Command {
	var ttl time.Duration
	var version int64
	cmd := &cobra.Command{
		Use: "set KEY JSON", Short: "Give a key a value", Args: exactly("KEY", "JSON"),
		Long: `Give a key a value. With - it is read from standard input, where octets that are not
JSON are kept as a blob. With --if-version the key is only set while it has that version (see
picloud kv list); 0 means while it is absent.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			set := api.SetEntry{Key: args[0], TTLSeconds: ttl.Seconds()}
			var octets string
			if err := c.jsonOrOctets("value", args[1], &set.Value, &octets); err != nil {
				return err
			}
			if octets != "" {
				set.ValueBase64 = &octets
			}
			if cmd.Flags().Changed("if-version") {
				set.IfVersion = &version
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			return cl.put(cmd.Context(), c.appPath("data", "entry"), set, nil)
		},
	}
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "how long the key is kept; for ever when absent")
	cmd.Flags().Int64Var(&version, "if-version", 0, "only while the key has this version; 0: while it is absent")
	return cmd
}

func (c *command) kvUsage(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var u api.DataUsage
	if err := cl.get(cmd.Context(), c.appPath("usage"), nil, &u); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(u)
	}
	_, err = fmt.Fprintf(c.Stdout, "%s, %d of %d bytes\n", counted(int(u.Keys), "key"), u.Bytes, u.Quota)
	return err
}
