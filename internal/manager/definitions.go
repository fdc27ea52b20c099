package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerDefinitions() {
	register(m, operation{
		id: "list-definitions", method: http.MethodGet, path: "/definitions", tag: "scripts", capability: access.CheckScripts,
		summary: "Describe what scripts can call, for editors",
	}, m.listDefinitions)
}

type definitionsOutput struct{ Body api.Definitions }

func (m *Manager) listDefinitions(context.Context, picloud.Principal, *nothing) (*definitionsOutput, error) {
	return &definitionsOutput{Body: api.Definitions{Files: append([]api.Definition{}, m.defs...)}}, nil
}
