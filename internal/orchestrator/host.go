package orchestrator

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// host answers the calls that a run makes back. It knows whose run it is, so
// that nothing a run says can lead it to another app.
type host struct {
	o     *Orchestrator
	appID string
	meter *meter // nil for an app without daily quotas
}

// VersionSource implements picloud.Host.
func (h *host) VersionSource(ctx context.Context, hash string) (string, error) {
	return h.o.cfg.Store.VersionSource(ctx, hash)
}

// ReadEntries implements picloud.Host.
func (h *host) ReadEntries(ctx context.Context, keys []string) ([]picloud.Entry, error) {
	return h.o.cfg.Store.ReadEntries(ctx, h.appID, keys)
}

// ListEntries implements picloud.Host.
func (h *host) ListEntries(ctx context.Context, q picloud.EntryQuery) (picloud.EntryPage, error) {
	return h.o.cfg.Store.ListEntries(ctx, h.appID, q)
}

// LiveVersion implements picloud.Host.
func (h *host) LiveVersion(_ context.Context, script string) (string, error) {
	if t := h.o.table.Load(); t != nil {
		if target := t.scripts[scriptKey{h.appID, script}]; target != nil {
			return target.version.Hash, nil
		}
	}
	return "", picloud.NotFound("script", script)
}
