package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/cron"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// maxDeployBody holds a handful of scripts of the largest size, or hundreds of
// usual ones.
const maxDeployBody = 16 << 20

// deployTimeout leaves a small machine time to compile them.
const deployTimeout = 2 * time.Minute

func (m *Manager) registerDeploys() {
	register(m, operation{
		id: "deploy", method: http.MethodPost, path: "/apps/{app}/deployments", tag: "scripts", capability: access.Deploy,
		summary: "Make scripts live, all of them or none", maxBody: maxDeployBody, timeout: deployTimeout,
	}, m.deploy)
	register(m, operation{
		id: "check-script", method: http.MethodPost, path: "/check", tag: "scripts", capability: access.CheckScripts,
		summary: "Compile a source without deploying it", maxBody: maxDeployBody,
	}, m.checkSource)
}

type checkInput struct{ Body api.Check }

type checkOutput struct{ Body api.Checked }

func (m *Manager) checkSource(_ context.Context, _ picloud.Principal, in *checkInput) (*checkOutput, error) {
	if err := picloud.ValidateSource(in.Body.Source); err != nil {
		return nil, err
	}
	out := &checkOutput{Body: api.Checked{Diagnostics: []api.Diagnostic{}}}
	found := m.check(in.Body.Source, picloud.Settings{})
	for _, d := range found {
		out.Body.Diagnostics = append(out.Body.Diagnostics, api.NewDiagnostic("", d))
	}
	out.Body.OK = picloud.Deployable(found)
	return out, nil
}

type deployInput struct {
	AppPath
	Body api.Deploy
}

type deployOutput struct{ Body api.Deployment }

func (m *Manager) deploy(ctx context.Context, p picloud.Principal, in *deployInput) (*deployOutput, error) {
	// Asked first: whoever mistypes the app should not read about the script.
	if _, err := m.store.AppByName(ctx, in.App); err != nil {
		return nil, err
	}
	d := picloud.Deployment{App: in.App, By: p.User.Username, DryRun: in.Body.DryRun, Scripts: make([]picloud.ScriptDeploy, len(in.Body.Scripts))}
	for i, s := range in.Body.Scripts {
		var err error
		if d.Scripts[i], err = m.scriptDeploy(s); err != nil {
			return nil, inField(err, fmt.Sprintf("scripts[%d]", i))
		}
	}
	warnings, err := m.compile(ctx, d)
	if err != nil {
		return nil, err
	}
	done, err := m.store.Deploy(ctx, d)
	if err != nil {
		return nil, err
	}
	out := &deployOutput{Body: api.Deployment{DryRun: in.Body.DryRun, Scripts: make([]api.Deployed, len(done)), Warnings: warnings}}
	for i, v := range done {
		out.Body.Scripts[i] = m.deployedOf(v)
	}
	auditing(ctx).target(scriptNames(done)).before(versionsOf(done, func(v picloud.Deployed) any { return v.Previous })).
		after(versionsOf(done, func(v picloud.Deployed) any {
			return map[string]any{"version": v.Script.LiveVersion, "hash": v.Version.Hash, "routes": routeTexts(v.Routes)}
		}))
	if d.DryRun {
		auditing(ctx).action("deploy-dry-run")
	}
	return out, nil
}

// scriptNames is the scripts of a deploy as the audit log names them.
func scriptNames(done []picloud.Deployed) string {
	names := make([]string, len(done))
	for i, v := range done {
		names[i] = v.Script.Name
	}
	return strings.Join(names, " ")
}

// versionsOf is what the audit log shows of a deploy, by script.
func versionsOf(done []picloud.Deployed, of func(picloud.Deployed) any) map[string]any {
	fields := map[string]any{}
	for _, v := range done {
		fields[v.Script.Name] = of(v)
	}
	return fields
}

func routeTexts(routes []picloud.Route) []string {
	texts := make([]string, len(routes))
	for i, r := range routes {
		texts[i] = r.String()
	}
	return texts
}

// scriptDeploy validates one script of a deploy, all but that it compiles.
func (m *Manager) scriptDeploy(in api.DeployScript) (picloud.ScriptDeploy, error) {
	out := picloud.ScriptDeploy{Name: in.Name, Source: in.Source, Settings: in.Settings, Note: in.Note, IfVersion: in.IfVersion}
	if err := picloud.ValidateScriptName(in.Name); err != nil {
		return out, err
	}
	if err := picloud.ValidateSource(in.Source); err != nil {
		return out, err
	}
	if err := picloud.ValidateNote(in.Note); err != nil {
		return out, err
	}
	if in.Settings != nil {
		if err := in.Settings.Validate(m.ceiling); err != nil {
			return out, inField(err, "settings")
		}
		if err := cron.Validate(in.Settings.Schedules); err != nil {
			return out, inField(err, "settings")
		}
	}
	var err error
	out.Routes, err = parseRoutes(in.Routes)
	return out, err
}

// parseRoutes reads routes; nil stays nil, and empty stays empty.
func parseRoutes(texts []string) ([]picloud.Route, error) {
	if texts == nil {
		return nil, nil
	}
	if len(texts) > picloud.MaxRoutesPerScript {
		return nil, picloud.Invalid("routes", "there are %d routes, at most %d are allowed", len(texts), picloud.MaxRoutesPerScript)
	}
	routes := make([]picloud.Route, len(texts))
	for i, text := range texts {
		r, err := picloud.ParseRoute(text)
		if err != nil {
			return nil, asField(err, fmt.Sprintf("routes[%d]", i))
		}
		routes[i] = r
	}
	return routes, nil
}

// compile fails with everything that does not compile in any of the scripts.
// Otherwise it gives the warnings.
func (m *Manager) compile(ctx context.Context, d picloud.Deployment) (warnings []api.Diagnostic, err error) {
	var p *api.Problem
	for i, s := range d.Scripts {
		settings, err := m.settingsOf(ctx, d.App, s)
		if err != nil {
			return nil, err
		}
		found := m.check(s.Source, settings)
		if picloud.Deployable(found) {
			for _, d := range found {
				warnings = append(warnings, api.NewDiagnostic(s.Name, d))
			}
			continue
		}
		found = slices.DeleteFunc(found, func(d picloud.Diagnostic) bool { return d.Warning })
		if p == nil {
			p = newProblem(picloud.HTTPStatus(picloud.CodeScriptInvalid), picloud.CodeScriptInvalid,
				fmt.Sprintf("the script %q does not compile: %s", s.Name, found[0].Message))
		}
		p.Errors = append(p.Errors, fieldError(fmt.Sprintf("scripts[%d].source", i), found[0].Message))
		for _, d := range found {
			p.Diagnostics = append(p.Diagnostics, api.NewDiagnostic(s.Name, d))
		}
	}
	if p == nil {
		return warnings, nil
	}
	return nil, p
}

// settingsOf is the limits that a script will have: those that it is deployed
// with, or else those that it has.
func (m *Manager) settingsOf(ctx context.Context, app string, s picloud.ScriptDeploy) (picloud.Settings, error) {
	if s.Settings != nil {
		return *s.Settings, nil
	}
	live, err := m.store.ScriptByName(ctx, app, s.Name)
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return picloud.Settings{}, nil
	}
	return live.Version.Settings, err
}

func (m *Manager) deployedOf(v picloud.Deployed) api.Deployed {
	out := api.Deployed{
		Script: v.Script.Name, App: v.Script.App, Version: v.Script.LiveVersion, PreviousVersion: v.Previous,
		Hash: v.Version.Hash, Created: v.Created, NewVersion: v.NewVersion, RoutesChanged: v.RoutesChanged, Enabled: v.Script.Enabled,
	}
	out.Routes, out.URLs = m.describeRoutes(v.Script.App, v.Routes)
	return out
}

// asField is err with the field at fault renamed to what it is called here.
func asField(err error, field string) error {
	var e *picloud.Error
	if errors.As(err, &e) && e.Field != "" {
		e.Field = field
	}
	return err
}

// inField is err with the field at fault put below a prefix.
func inField(err error, prefix string) error {
	var e *picloud.Error
	if errors.As(err, &e) && e.Field != "" {
		e.Field = prefix + "." + e.Field
	}
	return err
}
