package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const scriptPath = "/apps/{app}/scripts/{script}"

func (m *Manager) registerScripts() {
	register(m, operation{
		id: "list-scripts", method: http.MethodGet, path: "/apps/{app}/scripts", tag: "scripts", capability: access.ReadScripts,
		summary: "List an app's scripts",
	}, m.listScripts)
	register(m, operation{
		id: "get-script", method: http.MethodGet, path: scriptPath, tag: "scripts", capability: access.ReadScripts,
		summary: "Show a script",
	}, m.getScript)
	register(m, operation{
		id: "delete-script", method: http.MethodDelete, path: scriptPath, tag: "scripts", capability: access.Delete,
		summary: "Delete a script with its versions and routes",
	}, m.deleteScript)
	register(m, operation{
		id: "get-source", method: http.MethodGet, path: scriptPath + "/source", tag: "scripts", capability: access.ReadScripts,
		summary: "Show the source of a version",
	}, m.getSource)
	register(m, operation{
		id: "list-versions", method: http.MethodGet, path: scriptPath + "/versions", tag: "scripts", capability: access.ReadScripts,
		summary: "List a script's versions, newest first",
	}, m.listVersions)
	register(m, operation{
		id: "rollback-script", method: http.MethodPost, path: scriptPath + "/rollback", tag: "scripts", capability: access.Deploy,
		summary: "Make another version live",
	}, m.rollback)
	register(m, operation{
		id: "enable-script", method: http.MethodPost, path: scriptPath + "/enable", tag: "scripts", capability: access.Switch,
		summary: "Switch a script on",
	}, m.switchTo(true))
	register(m, operation{
		id: "disable-script", method: http.MethodPost, path: scriptPath + "/disable", tag: "scripts", capability: access.Switch,
		summary: "Switch a script off; its routes answer 503",
	}, m.switchTo(false))
}

// ScriptPath is the script in a path.
type ScriptPath struct {
	App    string `path:"app"`
	Script string `path:"script"`
}

type scriptOutput struct{ Body api.Script }

type scriptsOutput struct{ Body api.Scripts }

func (m *Manager) listScripts(ctx context.Context, _ picloud.Principal, in *AppPath) (*scriptsOutput, error) {
	list, err := m.store.ListScripts(ctx, in.App)
	if err != nil {
		return nil, err
	}
	out := &scriptsOutput{Body: api.Scripts{Scripts: make([]api.Script, len(list))}}
	for i, s := range list {
		out.Body.Scripts[i] = m.scriptOf(s)
	}
	return out, nil
}

func (m *Manager) getScript(ctx context.Context, _ picloud.Principal, in *ScriptPath) (*scriptOutput, error) {
	return m.scriptAnswer(m.store.ScriptByName(ctx, in.App, in.Script))
}

func (m *Manager) deleteScript(ctx context.Context, _ picloud.Principal, in *ScriptPath) (*nothing, error) {
	auditing(ctx).target(in.Script)
	return nil, m.store.DeleteScript(ctx, in.App, in.Script)
}

type sourceInput struct {
	ScriptPath
	Version int `query:"version" minimum:"0" doc:"Absent or 0 is the live version"`
}

type sourceOutput struct{ Body api.Source }

func (m *Manager) getSource(ctx context.Context, _ picloud.Principal, in *sourceInput) (*sourceOutput, error) {
	v, source, err := m.store.VersionByNumber(ctx, in.App, in.Script, in.Version)
	if err != nil {
		return nil, err
	}
	return &sourceOutput{Body: api.Source{Version: v, Source: source}}, nil
}

type versionsInput struct {
	ScriptPath
	Before int `query:"before" minimum:"0" doc:"Only versions with a lower number"`
	Limit  int `query:"limit" minimum:"0" maximum:"1000" doc:"100 if absent"`
}

type versionsOutput struct{ Body api.Versions }

func (m *Manager) listVersions(ctx context.Context, _ picloud.Principal, in *versionsInput) (*versionsOutput, error) {
	live, err := m.store.ScriptByName(ctx, in.App, in.Script)
	if err != nil {
		return nil, err
	}
	limit := pageSize(in.Limit)
	list, err := m.store.ListVersions(ctx, in.App, in.Script, in.Before, limit)
	if err != nil {
		return nil, err
	}
	out := &versionsOutput{Body: api.Versions{Live: live.Script.LiveVersion, Versions: list}}
	if n := len(list); n == limit && list[n-1].Number > 1 {
		out.Body.Before = list[n-1].Number
	}
	return out, nil
}

type rollbackInput struct {
	ScriptPath
	Body api.Rollback
}

func (m *Manager) rollback(ctx context.Context, _ picloud.Principal, in *rollbackInput) (*scriptOutput, error) {
	before, err := m.store.ScriptByName(ctx, in.App, in.Script)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(in.Script).before(map[string]any{"version": before.Script.LiveVersion})
	live, err := m.store.Rollback(ctx, in.App, in.Script, in.Body.Version)
	if err == nil {
		auditing(ctx).after(map[string]any{"version": live.Script.LiveVersion})
	}
	return m.scriptAnswer(live, err)
}

func (m *Manager) switchTo(on bool) func(context.Context, picloud.Principal, *ScriptPath) (*scriptOutput, error) {
	return func(ctx context.Context, _ picloud.Principal, in *ScriptPath) (*scriptOutput, error) {
		auditing(ctx).target(in.Script).after(map[string]any{"enabled": on})
		return m.scriptAnswer(m.store.SetEnabled(ctx, in.App, in.Script, on))
	}
}

func (m *Manager) scriptAnswer(s picloud.LiveScript, err error) (*scriptOutput, error) {
	if err != nil {
		return nil, err
	}
	return &scriptOutput{Body: m.scriptOf(s)}, nil
}

func (m *Manager) scriptOf(s picloud.LiveScript) api.Script {
	out := api.Script{
		App: s.Script.App, Name: s.Script.Name, Enabled: s.Script.Enabled,
		Version: s.Script.LiveVersion, LatestVersion: s.Script.LatestVersion,
		Hash: s.Version.Hash, SourceBytes: s.Version.SourceBytes, Settings: s.Version.Settings, Note: s.Version.Note,
		CreatedAt: s.Script.CreatedAt, UpdatedAt: s.Script.UpdatedAt,
	}
	out.Routes, out.URLs = m.describeRoutes(s.Script.App, s.Routes)
	return out
}

// pageSize is how many rows a page has that was asked for with limit.
func pageSize(limit int) int {
	if limit <= 0 {
		return picloud.DefaultPage
	}
	return min(limit, picloud.MaxPage)
}
