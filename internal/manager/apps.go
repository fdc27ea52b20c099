package manager

import (
	"context"
	"net/http"
	"slices"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerApps() {
	register(m, operation{
		id: "list-apps", method: http.MethodGet, path: "/apps", tag: "apps", capability: access.ListApps,
		summary: "List the apps that one can see",
	}, m.listApps)
	register(m, operation{
		id: "create-app", method: http.MethodPost, path: "/apps", tag: "apps", capability: access.CreateApps,
		summary: "Create an app",
	}, m.createApp)
	register(m, operation{
		id: "get-app", method: http.MethodGet, path: "/apps/{app}", tag: "apps", capability: access.ReadApp,
		summary: "Show an app",
	}, m.getApp)
	register(m, operation{
		id: "delete-app", method: http.MethodDelete, path: "/apps/{app}", tag: "apps", capability: access.DeleteApp,
		summary: "Delete an app with all that it owns",
	}, m.deleteApp)
}

type appsOutput struct{ Body api.Apps }

func (m *Manager) listApps(ctx context.Context, p picloud.Principal, _ *nothing) (*appsOutput, error) {
	list, err := m.appsSeenBy(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &appsOutput{Body: api.Apps{Apps: make([]api.App, len(list))}}
	for i, a := range list {
		out.Body.Apps[i] = m.appOf(a)
	}
	return out, nil
}

// appsSeenBy lists the apps that a principal may know of.
func (m *Manager) appsSeenBy(ctx context.Context, p picloud.Principal) (list []picloud.App, err error) {
	if p.CanManage() {
		list, err = m.store.ListApps(ctx)
	} else {
		list, err = m.store.ListAppsOf(ctx, p.User.ID)
	}
	if p.Kind == picloud.PrincipalKey && p.Key.AppID != "" {
		list = slices.DeleteFunc(list, func(a picloud.App) bool { return a.ID != p.Key.AppID })
	}
	return list, err
}

type newAppInput struct{ Body api.NewApp }

type appOutput struct {
	Status int
	Body   api.App
}

func (m *Manager) createApp(ctx context.Context, _ picloud.Principal, in *newAppInput) (*appOutput, error) {
	if err := asField(picloud.ValidateAppName(in.Body.Name), "name"); err != nil {
		return nil, err
	}
	a, err := m.store.CreateApp(ctx, in.Body.Name)
	if err != nil {
		return nil, asField(err, "name")
	}
	auditing(ctx).app(a.Name).target(a.Name)
	return &appOutput{Status: http.StatusCreated, Body: m.appOf(a)}, nil
}

func (m *Manager) deleteApp(ctx context.Context, _ picloud.Principal, in *AppPath) (*nothing, error) {
	auditing(ctx).target(in.App)
	return nil, m.store.DeleteApp(ctx, in.App)
}

// AppPath is the app in a path. It is exported, like the other parts of inputs,
// because huma looks into embedded structs that are.
type AppPath struct {
	App string `path:"app"`
}

func (m *Manager) getApp(ctx context.Context, p picloud.Principal, _ *AppPath) (*appOutput, error) {
	in := accessOf(ctx)
	a := m.appOf(in.App)
	a.Role = in.Role
	for _, c := range access.CapabilitiesOf(p, in) {
		a.Capabilities = append(a.Capabilities, string(c))
	}
	return &appOutput{Status: http.StatusOK, Body: a}, nil
}

func (m *Manager) appOf(a picloud.App) api.App {
	return api.App{Name: a.Name, URL: m.appURL(a.Name), CreatedAt: a.CreatedAt}
}
