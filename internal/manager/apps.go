package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerApps() {
	register(m, operation{
		id: "list-apps", method: http.MethodGet, path: "/apps", tag: "apps", capability: ReadApps,
		summary: "List the apps",
	}, m.listApps)
	register(m, operation{
		id: "create-app", method: http.MethodPost, path: "/apps", tag: "apps", capability: WriteApps,
		summary: "Create an app",
	}, m.createApp)
	register(m, operation{
		id: "get-app", method: http.MethodGet, path: "/apps/{app}", tag: "apps", capability: ReadApps,
		summary: "Show an app",
	}, m.getApp)
}

type appsOutput struct{ Body api.Apps }

func (m *Manager) listApps(ctx context.Context, _ picloud.Principal, _ *nothing) (*appsOutput, error) {
	list, err := m.store.ListApps(ctx)
	if err != nil {
		return nil, err
	}
	out := &appsOutput{Body: api.Apps{Apps: make([]api.App, len(list))}}
	for i, a := range list {
		out.Body.Apps[i] = m.appOf(a)
	}
	return out, nil
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
	return &appOutput{Status: http.StatusCreated, Body: m.appOf(a)}, nil
}

// AppPath is the app in a path. It is exported, like the other parts of inputs,
// because huma looks into embedded structs that are.
type AppPath struct {
	App string `path:"app"`
}

func (m *Manager) getApp(ctx context.Context, _ picloud.Principal, in *AppPath) (*appOutput, error) {
	a, err := m.store.AppByName(ctx, in.App)
	if err != nil {
		return nil, err
	}
	return &appOutput{Status: http.StatusOK, Body: m.appOf(a)}, nil
}

func (m *Manager) appOf(a picloud.App) api.App {
	return api.App{Name: a.Name, URL: m.appURL(a.Name), CreatedAt: a.CreatedAt}
}
