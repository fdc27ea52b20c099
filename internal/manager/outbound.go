package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const outboundPath = "/apps/{app}/outbound"

func (m *Manager) registerOutbound() {
	register(m, operation{
		id: "get-outbound", method: http.MethodGet, path: outboundPath, tag: "outbound", capability: access.ReadOutbound,
		summary: "Tell which hosts an app's scripts may call",
	}, m.getOutbound)
	register(m, operation{
		id: "set-outbound", method: http.MethodPut, path: outboundPath, tag: "outbound", capability: access.WriteOutbound,
		summary: "Say which hosts an app's scripts may call",
	}, m.setOutbound)
	register(m, operation{
		id: "reset-outbound", method: http.MethodDelete, path: outboundPath, tag: "outbound", capability: access.WriteOutbound,
		summary: "Take an app's own list away: it may call what the instance lets apps call",
	}, m.resetOutbound)
}

type outboundOutput struct{ Body api.Outbound }

func (m *Manager) getOutbound(ctx context.Context, _ picloud.Principal, in *AppPath) (*outboundOutput, error) {
	hosts, own, err := m.store.OutHostsOf(ctx, in.App)
	if err != nil {
		return nil, err
	}
	if !own {
		hosts = m.outHosts
	}
	if hosts == nil {
		hosts = picloud.OutHosts{}
	}
	return &outboundOutput{Body: api.Outbound{Hosts: hosts, Own: own}}, nil
}

type setOutboundInput struct {
	AppPath
	Body api.SetOutbound
}

func (m *Manager) setOutbound(ctx context.Context, _ picloud.Principal, in *setOutboundInput) (*outboundOutput, error) {
	hosts, err := picloud.OutHosts(in.Body.Hosts).Clean()
	if err != nil {
		return nil, err
	}
	if err := m.store.SetOutHosts(ctx, in.App, hosts, true); err != nil {
		return nil, err
	}
	return &outboundOutput{Body: api.Outbound{Hosts: hosts, Own: true}}, nil
}

func (m *Manager) resetOutbound(ctx context.Context, _ picloud.Principal, in *AppPath) (*struct{}, error) {
	return nil, m.store.SetOutHosts(ctx, in.App, nil, false)
}
