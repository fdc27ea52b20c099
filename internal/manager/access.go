package manager

import (
	"context"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/picloud"
)

type contextKey int

const (
	principalKey contextKey = iota
	requestKey
	accessKey
)

// principalOf is whom a request acts for: nobody unless it was authenticated.
func principalOf(ctx context.Context) picloud.Principal {
	p, _ := ctx.Value(principalKey).(picloud.Principal)
	return p
}

// accessOf is the app that a request is about, with what its principal is in
// it; the zero value for a request that is about none.
func accessOf(ctx context.Context) picloud.AppAccess {
	a, _ := ctx.Value(accessKey).(picloud.AppAccess)
	return a
}

// allow decides whether a principal may use an operation, on the app of that
// name where it is about one. Who must not know of an app is told that it is
// not there, whatever they ask of it.
func (m *Manager) allow(ctx context.Context, p picloud.Principal, c access.Capability, app string) (picloud.AppAccess, error) {
	if !c.InApp() || !p.Authenticated() {
		return picloud.AppAccess{}, access.Authorize(p, c, picloud.AppAccess{})
	}
	in, err := m.store.AppAccess(ctx, app, p.User.ID)
	if err != nil {
		return in, err
	}
	if !access.Sees(p, in) {
		return in, picloud.NotFound("app", app)
	}
	return in, access.Authorize(p, c, in)
}
