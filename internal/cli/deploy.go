package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// deployFlags is what a deploy can be asked for by.
type deployFlags struct {
	name      string
	routes    []string
	note      string
	ifVersion int
	dryRun    bool
	options   routeFlags
}

func (c *command) deployCommand() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use: "deploy FILE|DIR", Short: "Make a script, or a project, live", Args: exactly("FILE|DIR"),
		Long: `Make a script live under the name of its file, or all scripts of the project
that a folder's picloud.toml describes. FILE can be -, for standard input, with --name.

Without --route, a new script answers every method on /NAME, and one that was
there keeps its routes. Routes are for everybody and not for pages of other
origins, unless they say so: 'POST /orders auth=key cors=https://shop.example'.
--auth and --cors-origin say it for all that do not.`,
		Example: "  picloud deploy hello.rhai\n  picloud deploy orders.rhai --route 'GET /orders/{id}' --route 'POST /orders'\n  picloud deploy . --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := os.Stat(args[0])
			if args[0] != "-" && err != nil {
				return err
			}
			if args[0] != "-" && info.IsDir() {
				return c.deployProject(cmd, args[0], f)
			}
			return c.deployFile(cmd.Context(), args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.name, "name", "", "the script's name (default that of the file)")
	cmd.Flags().StringArrayVar(&f.routes, "route", nil, "a route like 'GET /orders/{id}', or '/path' for every method; may be repeated")
	f.options.register(cmd)
	cmd.Flags().StringVar(&f.note, "note", "", "what there is to say about this version")
	cmd.Flags().IntVar(&f.ifVersion, "if-version", 0, "deploy only if this is the number of the live version")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would change, and change nothing")
	return cmd
}

func (c *command) deployFile(ctx context.Context, file string, f deployFlags) error {
	name := f.name
	if name == "" {
		if file == "-" {
			return usagef("a script from standard input needs a --name")
		}
		name = scriptName(file)
	}
	if err := picloud.ValidateScriptName(name); err != nil {
		return &failure{err: message(err), hint: "choose a name with --name"}
	}
	source, shown, err := c.readScript(file)
	if err != nil {
		return err
	}
	routes, err := c.routesFor(ctx, name, f.routes, f.options)
	if err != nil {
		return err
	}
	d := &deploy{
		app: c.app, dryRun: f.dryRun, single: true,
		scripts: []api.DeployScript{{Name: name, Source: source, Routes: routes, Note: f.note, IfVersion: f.ifVersion}},
		files:   map[string]string{name: shown},
	}
	return c.deploy(ctx, d)
}

// readScript reads a script and is the name under which to speak of it.
func (c *command) readScript(file string) (source, name string, err error) {
	var data []byte
	if name = file; file == "-" {
		name = "standard input"
		data, err = readLimited(c.Stdin, name, picloud.MaxSourceBytes)
	} else {
		data, err = readFile(file, picloud.MaxSourceBytes)
	}
	if err == nil {
		err = picloud.ValidateSource(string(data))
	}
	if err != nil {
		var refused *picloud.Error
		if errors.As(err, &refused) {
			err = fmt.Errorf("%s: %w", name, message(err))
		}
		return "", name, err
	}
	return string(data), name, nil
}

func (c *command) deployProject(cmd *cobra.Command, dir string, f deployFlags) error {
	if f.name != "" || f.routes != nil || f.ifVersion != 0 || f.options.any() {
		return usagef("--name, --route, --auth, --cors-origin and --if-version are for a single script; a project has them in its %s", ProjectFile)
	}
	p, scripts, err := loadProject(dir)
	if err != nil {
		return err
	}
	d := &deploy{app: c.app, dryRun: f.dryRun, scripts: scripts, files: map[string]string{}}
	if p.App != "" && !cmd.Flags().Changed("app") {
		d.app = p.App
	}
	for i, s := range p.Scripts {
		d.files[s.Name] = filepath.Join(dir, s.File)
		scripts[i].Note = f.note
	}
	return c.deploy(cmd.Context(), d)
}

// deploy is one deploy as the client sees it.
type deploy struct {
	app     string
	dryRun  bool
	single  bool // of a file, and not of a project
	scripts []api.DeployScript
	files   map[string]string // where each script comes from
}

func (c *command) deploy(ctx context.Context, d *deploy) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	before := map[string]api.Script{}
	if d.dryRun {
		if before, err = scriptsOf(ctx, cl, d.app); err != nil {
			return d.explain(err)
		}
	}
	var done api.Deployment
	err = cl.post(ctx, path("apps", d.app, "deployments"), api.Deploy{Scripts: d.scripts, DryRun: d.dryRun}, &done)
	if err != nil {
		return d.explain(err)
	}
	for _, w := range done.Warnings {
		if c.output != outputJSON {
			writeDiagnostic(c.Stderr, d.files[w.Script], w)
		}
	}
	switch {
	case c.output == outputJSON && d.single:
		return c.printJSON(deployedJSON{done.Scripts[0], done.DryRun, done.Warnings})
	case c.output == outputJSON:
		return c.printJSON(done)
	case d.dryRun:
		return c.printPlan(ctx, cl, d, done, before)
	}
	for _, s := range done.Scripts {
		c.printDeployed(s)
	}
	return nil
}

// deployedJSON is what a deploy of a single script prints.
type deployedJSON struct {
	api.Deployed
	DryRun   bool             `json:"dry_run,omitempty"`
	Warnings []api.Diagnostic `json:"warnings,omitempty"`
}

// explain turns the server's words about a deploy into those of the files that
// it is made from.
func (d *deploy) explain(err error) error {
	p, ok := problemFrom(err)
	switch {
	case !ok:
		return err
	case len(p.Diagnostics) > 0:
		out := &sourceError{diagnostics: p.Diagnostics}
		if d.single {
			out.name = d.files[d.scripts[0].Name]
			return out
		}
		for i, f := range out.diagnostics {
			out.diagnostics[i].Script = d.files[f.Script]
		}
		return out
	case p.Code == picloud.CodeNotFound:
		return &failure{err: err, hint: "create the app with: picloud apps create " + d.app}
	}
	return err
}

func (c *command) printDeployed(s api.Deployed) {
	switch {
	case s.Created:
		fmt.Fprintf(c.Stdout, "%s  version %d  (new)\n", s.Script, s.Version)
	case s.Version == s.PreviousVersion:
		fmt.Fprintf(c.Stdout, "%s  version %d  (unchanged)\n", s.Script, s.Version)
	default:
		fmt.Fprintf(c.Stdout, "%s  version %d  (was %d)\n", s.Script, s.Version, s.PreviousVersion)
	}
	for _, u := range s.URLs {
		fmt.Fprintf(c.Stdout, "  %s\n", u)
	}
	if !s.Enabled {
		fmt.Fprintf(c.Stderr, "warning: %s is switched off; switch it on with: picloud enable %s\n", s.Script, s.Script)
	}
}

// scriptsOf is what an app has, by name.
func scriptsOf(ctx context.Context, cl *client, app string) (map[string]api.Script, error) {
	var list api.Scripts
	if err := cl.get(ctx, path("apps", app, "scripts"), nil, &list); err != nil {
		return nil, err
	}
	m := map[string]api.Script{}
	for _, s := range list.Scripts {
		m[s.Name] = s
	}
	return m, nil
}

// printPlan shows what a deploy would change, like a diff.
func (c *command) printPlan(ctx context.Context, cl *client, d *deploy, done api.Deployment, before map[string]api.Script) error {
	for i, s := range done.Scripts {
		old, known := before[s.Script]
		switch {
		case !known:
			fmt.Fprintf(c.Stdout, "+ %s  version %d\n", s.Script, s.Version)
		case s.Version != s.PreviousVersion:
			fmt.Fprintf(c.Stdout, "~ %s  version %d -> %d\n", s.Script, s.PreviousVersion, s.Version)
		case s.RoutesChanged:
			fmt.Fprintf(c.Stdout, "~ %s  version %d\n", s.Script, s.Version)
		default:
			fmt.Fprintf(c.Stdout, "= %s  version %d\n", s.Script, s.Version)
			continue
		}
		c.printRouteChange(old.Routes, s.Routes)
		if known {
			if err := c.printContentChange(ctx, cl, d, d.scripts[i], old); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(c.Stderr, "dry run: nothing was changed")
	return nil
}

func (c *command) printRouteChange(old, now []string) {
	for _, r := range old {
		if !slices.Contains(now, r) {
			fmt.Fprintf(c.Stdout, "    - route %s\n", r)
		}
	}
	for _, r := range now {
		if !slices.Contains(old, r) {
			fmt.Fprintf(c.Stdout, "    + route %s\n", r)
		}
	}
}

// printContentChange shows how settings and source differ from the live ones.
func (c *command) printContentChange(ctx context.Context, cl *client, d *deploy, s api.DeployScript, old api.Script) error {
	if s.Settings != nil {
		a, b := settingLines(old.Settings), settingLines(*s.Settings)
		for _, name := range slices.Sorted(maps.Keys(a)) {
			if _, stays := b[name]; !stays {
				fmt.Fprintf(c.Stdout, "    - %s\n", name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(b)) {
			if was, there := a[name]; !there {
				fmt.Fprintf(c.Stdout, "    + %s\n", name)
			} else if was != b[name] {
				fmt.Fprintf(c.Stdout, "    ~ %s\n", name)
			}
		}
	}
	var live api.Source
	if err := cl.get(ctx, path("apps", d.app, "scripts", s.Name, "source"), url.Values{}, &live); err != nil {
		return err
	}
	text := diff.Diff("live", []byte(live.Source), d.files[s.Name], []byte(s.Source))
	if len(text) == 0 {
		return nil
	}
	// Its first line is a command of the library's, which nobody has run.
	_, body, _ := strings.Cut(string(text), "\n")
	return writeFor(c.Stdout, visible(body))
}

// settingLines is settings as names with values; the values of variables are
// compared, but never shown.
func settingLines(s picloud.Settings) map[string]string {
	lines := map[string]string{}
	for name, value := range s.Env {
		lines["env "+name] = value
	}
	for _, sub := range s.Subscriptions {
		encoded, _ := json.Marshal(sub) // texts and numbers
		lines["subscription "+string(encoded)] = ""
	}
	if s.Journal > 0 {
		lines[fmt.Sprintf("journal = %v", s.Journal)] = ""
	}
	for _, sch := range s.Schedules {
		encoded, _ := json.Marshal(sch) // texts, numbers, and JSON that was read or checked
		lines["schedule "+string(encoded)] = ""
	}
	for _, topic := range s.Streams {
		lines["stream "+topic] = ""
	}
	encoded, err := json.Marshal(s.Limits)
	if err != nil {
		return lines
	}
	var limits map[string]int64
	if err := json.Unmarshal(encoded, &limits); err != nil {
		return lines
	}
	for name, value := range limits {
		lines[fmt.Sprintf("limit %s = %d", name, value)] = ""
	}
	return lines
}

// problemFrom is the server's problem in an error.
func problemFrom(err error) (*api.Problem, bool) {
	var p *api.Problem
	ok := errors.As(err, &p)
	return p, ok
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
