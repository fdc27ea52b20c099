package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/picloud/picloud/internal/picloud"
)

// Exit codes, as the package comment has them.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

// Env is the surroundings of a command. All fields are required.
type Env struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
	Version string // of the program
}

// Run runs one command until it is done or ctx is, and is its exit code.
func Run(ctx context.Context, env Env) int {
	c := &command{Env: env}
	return c.execute(ctx, c.root())
}

// execute runs the command that the arguments name, from a root.
func (c *command) execute(ctx context.Context, root *cobra.Command) int {
	env := c.Env
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.SetVersionTemplate(root.Name() + " {{.Version}}\n")
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	return c.report(err)
}

// command is what the commands share while one of them runs.
type command struct {
	Env
	app    string // --app
	output string // --output
}

// The forms of output.
const (
	outputTable = "table"
	outputJSON  = "json"
)

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "picloud",
		Short: "Upload a Rhai script, get an HTTP endpoint",
		Long: `PiCloud runs Rhai scripts as HTTP endpoints on hardware you already own.

Start a server with "picloud serve". Sign in with "picloud login URL --username U",
then deploy a script with "picloud deploy hello.rhai".`,
		Version: c.Version,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if c.output != outputTable && c.output != outputJSON {
				return usagef("--output is %q; it can be table or json", c.output)
			}
			return nil
		},
	}
	app := c.Getenv("PICLOUD_APP")
	if app == "" {
		app = picloud.DefaultApp
	}
	root.PersistentFlags().StringVar(&c.app, "app", app, "the app (also PICLOUD_APP)")
	root.PersistentFlags().StringVarP(&c.output, "output", "o", outputTable, "form of the output: table or json")
	groups := []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"server", "Server:", []*cobra.Command{
			c.serveCommand(), c.masterKeyCommand(), c.recoverCommand(), c.caddyfileCommand(), c.nodesCommand(), c.backupsCommand(), c.migrateDataCommand(),
		}},
		{"account", "Account:", []*cobra.Command{c.loginCommand(), c.logoutCommand(), c.whoamiCommand(), c.accountCommand(), c.sessionsCommand()}},
		{"people", "People:", []*cobra.Command{
			c.usersCommand(), c.membersCommand(), c.keysCommand(), c.auditCommand(), c.settingsCommand(),
		}},
		{"scripts", "Scripts:", []*cobra.Command{
			c.deployCommand(), c.checkCommand(), c.definitionsCommand(), c.listCommand(), c.showCommand(), c.sourceCommand(), c.versionsCommand(),
			c.rollbackCommand(), c.enableCommand(), c.disableCommand(), c.deleteCommand(), c.appsCommand(), c.domainsCommand(), c.eventsCommand(), c.publishCommand(), c.schedulesCommand(), c.devicesCommand(), c.kvCommand(), c.filesCommand(), c.secretsCommand(), c.outboundCommand(),
		}},
		{"run", "Running and watching:", []*cobra.Command{c.invokeCommand(), c.logsCommand(), c.invocationsCommand(), c.metricsCommand(), c.quotasCommand(), c.journalCommand(), c.replayCommand()}},
	}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(c.versionCommand(), c.childCommand())
	return root
}

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			if c.output == outputJSON {
				return c.printJSON(map[string]string{"version": c.Version})
			}
			fmt.Fprintln(c.Stdout, "picloud "+c.Version)
			return nil
		},
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exactly accepts as many arguments as there are names, all of them needed.
func exactly(names ...string) cobra.PositionalArgs { return between(len(names), names...) }

// between accepts at least least arguments and at most one for each name.
func between(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s needs %s; see %s --help", cmd.CommandPath(), strings.Join(names[len(args):least], " and "), cmd.CommandPath())
		case len(args) > len(names):
			return usagef("%s does not take %q; see %s --help", cmd.CommandPath(), args[len(names)], cmd.CommandPath())
		}
		return nil
	}
}

// terminal reports whether a stream is one, and its descriptor.
func terminal(stream any) (fd int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}
