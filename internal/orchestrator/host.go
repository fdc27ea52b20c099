package orchestrator

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// job is an invocation that is to be run, as often as it takes, with the host of
// its runs: one piece of memory.
type job struct {
	picloud.Execution
	host host
}

// host answers the calls that the runs of an invocation make back. It knows
// whose they are, so that nothing a run says can lead it to another app.
type host struct {
	o      *Orchestrator
	appID  string
	meter  *meter // nil for an app without daily quotas
	x      *picloud.Execution
	calls  calls // to the outside
	hushed hushed
}

// prepare is a job with its host; the execution is filled in but for what the
// target says.
func (o *Orchestrator) prepare(t *target, x picloud.Execution) *job {
	x.AppID, x.App, x.Script = t.script.AppID, t.script.App, t.script.Name
	x.Version, x.Hash, x.Limits, x.Env = t.version.Number, t.version.Hash, t.limits, t.version.Settings.Env
	x.KeepJournal = t.wantsJournal()
	if x.Trigger == picloud.TriggerAsync {
		x.Limits.WallTimeMS = x.Limits.EventWallTimeMS // nobody waits for it
	}
	j := &job{Execution: x, host: host{o: o, appID: t.script.AppID, meter: t.meter}}
	j.host.x = &j.Execution
	return j
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
