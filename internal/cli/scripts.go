package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// scriptPath is the path of a script of the app that was asked for.
func (c *command) scriptPath(name string, more ...string) string {
	return path(append([]string{"apps", c.app, "scripts", name}, more...)...)
}

func (c *command) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List an app's scripts", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var list api.Scripts
			if err := cl.get(cmd.Context(), path("apps", c.app, "scripts"), nil, &list); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(list.Scripts)
			}
			rows := make([][]string, len(list.Scripts))
			for i, s := range list.Scripts {
				rows[i] = []string{s.Name, strconv.Itoa(s.Version), state(s.Enabled), strings.Join(s.Routes, ", "), when(s.UpdatedAt)}
			}
			return c.table([]string{"SCRIPT", "VERSION", "STATE", "ROUTES", "UPDATED"}, rows)
		},
	}
}

func (c *command) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Aliases: []string{"get"}, Short: "Show a script", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var s api.Script
			if err := cl.get(cmd.Context(), c.scriptPath(args[0]), nil, &s); err != nil {
				return err
			}
			return c.printScript(s)
		},
	}
}

// printScript shows one script with all that there is to know.
func (c *command) printScript(s api.Script) error {
	if c.output == outputJSON {
		return c.printJSON(s)
	}
	limits, err := json.Marshal(s.Settings.Limits)
	if err != nil {
		return err
	}
	lines := [][2]string{
		{"script", s.Name},
		{"app", s.App},
		{"state", state(s.Enabled)},
		{"version", fmt.Sprintf("%d of %d", s.Version, s.LatestVersion)},
		{"hash", s.Hash},
		{"size", fmt.Sprintf("%d bytes", s.SourceBytes)},
		{"note", s.Note},
		{"routes", strings.Join(s.Routes, ", ")},
		{"urls", strings.Join(s.URLs, ", ")},
		{"limits", strings.Trim(strings.ReplaceAll(string(limits), `"`, ""), "{}")},
		{"env", envNames(s.Settings.Env)},
		{"created", when(s.CreatedAt)},
		{"updated", when(s.UpdatedAt)},
	}
	for _, l := range lines {
		if l[1] != "" {
			fmt.Fprintf(c.Stdout, "%-8s %s\n", l[0], visible(l[1]))
		}
	}
	return nil
}

func (c *command) sourceCommand() *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use: "source NAME", Short: "Show the source of a script's version", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var s api.Source
			if err := cl.get(cmd.Context(), c.scriptPath(args[0], "source"), url.Values{"version": {strconv.Itoa(version)}}, &s); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(s)
			}
			if !strings.HasSuffix(s.Source, "\n") {
				if _, ok := terminal(c.Stdout); ok {
					s.Source += "\n"
				}
			}
			return writeFor(c.Stdout, s.Source)
		},
	}
	cmd.Flags().IntVar(&version, "version", 0, "the version's number (default the live one)")
	return cmd
}

func (c *command) versionsCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "versions NAME", Short: "List a script's versions, newest first", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var list api.Versions
			if err := cl.get(cmd.Context(), c.scriptPath(args[0], "versions"), url.Values{"limit": {strconv.Itoa(limit)}}, &list); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(list)
			}
			return c.table([]string{"VERSION", "LIVE", "HASH", "BYTES", "BY", "CREATED", "NOTE"}, versionRows(list))
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}

func versionRows(list api.Versions) [][]string {
	rows := make([][]string, len(list.Versions))
	for i, v := range list.Versions {
		live := ""
		if v.Number == list.Live {
			live = "live"
		}
		rows[i] = []string{strconv.Itoa(v.Number), live, v.Hash[:min(12, len(v.Hash))], strconv.Itoa(v.SourceBytes), v.CreatedBy, when(v.CreatedAt), v.Note}
	}
	return rows
}

func (c *command) rollbackCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rollback NAME [VERSION]", Short: "Make another version live, by default the one before", Args: between(1, "NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var in api.Rollback
			if len(args) == 2 {
				n, err := strconv.Atoi(args[1])
				if err != nil || n < 1 {
					return usagef("%q is not the number of a version", args[1])
				}
				in.Version = n
			}
			return c.changeScript(cmd.Context(), args[0], "rollback", in)
		},
	}
}

func (c *command) enableCommand() *cobra.Command {
	return &cobra.Command{
		Use: "enable NAME", Short: "Switch a script on", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeScript(cmd.Context(), args[0], "enable", nil)
		},
	}
}

func (c *command) disableCommand() *cobra.Command {
	return &cobra.Command{
		Use: "disable NAME", Short: "Switch a script off: its routes answer 503", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeScript(cmd.Context(), args[0], "disable", nil)
		},
	}
}

// changeScript asks for a change of a script and shows what it is now.
func (c *command) changeScript(ctx context.Context, name, change string, in any) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var s api.Script
	if err := cl.post(ctx, c.scriptPath(name, change), in, &s); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(s)
	}
	fmt.Fprintf(c.Stdout, "%s  version %d  %s\n", s.Name, s.Version, state(s.Enabled))
	return nil
}

func (c *command) deleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Aliases: []string{"rm"}, Short: "Delete a script with its versions and routes", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			if !yes {
				if err := c.confirm(fmt.Sprintf("Delete %s of app %s, with all its versions?", args[0], c.app)); err != nil {
					return err
				}
			}
			if err := cl.delete(cmd.Context(), c.scriptPath(args[0])); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(map[string]string{"app": c.app, "deleted": args[0]})
			}
			fmt.Fprintf(c.Stdout, "deleted %s\n", args[0])
			return nil
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirm asks on a terminal. Where there is none, only --yes will do.
func (c *command) confirm(question string) error {
	if _, ok := terminal(c.Stdin); !ok {
		return usagef("there is no terminal to ask on; say --yes")
	}
	fmt.Fprintf(c.Stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(c.Stdin).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return fmt.Errorf("nothing was done")
	}
	return nil
}

// envNames lists the variables without their values, which may be private.
func envNames(env map[string]string) string {
	return strings.Join(sortedKeys(env), ", ")
}

// isCode reports whether an error is the server's, with this code.
func isCode(err error, code picloud.Code) bool {
	p, ok := problemFrom(err)
	return ok && p.Code == code
}
