package cli

import (
	"context"
	"path/filepath"
	"time"

	"github.com/picloud/picloud/dashboard"
	"github.com/picloud/picloud/internal/backup"
	"github.com/picloud/picloud/internal/domains"
	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/manager"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/orchestrator"
	"github.com/picloud/picloud/internal/picloud"
)

// assemble makes the services of the process and wires them by function calls.
func (s *server) assemble(ctx context.Context) (err error) {
	exec, err := s.executor(ctx)
	if err != nil {
		return err
	}
	hosts, err := s.settings.hostsOfApps()
	if err != nil {
		return err
	}
	s.orchestrator, err = orchestrator.New(orchestrator.Config{
		Outbound: s.outbound, OutHosts: hosts,
		Store: s.store, IDs: s.ids, Now: time.Now, Log: s.log, BaseDomain: domains.Base(s.publicURL),
		Callers:        s.auth,
		TrustedProxies: s.settings.trustedProxies(),
		Executor:       exec,
		Alone:          !s.store.Clustered(),
		NoEvents:       !s.settings.role.public,
		Node:           s.node(),
		Sealer:         s.sealer,
		Secrets:        s.vault,
		Blobs:          s.blobs,
	})
	if err != nil {
		return err
	}
	if err := s.assembleManager(); err != nil {
		return err
	}
	if err := s.orchestrator.Start(ctx); err != nil {
		return err
	}
	s.onClose(func() error {
		// Its own time: whatever made the server stop, what ran is written down.
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		return s.orchestrator.Stop(ctx)
	})
	return s.startMQTT()
}

// assembleManager makes the control plane, where the process is it. It
// compiles by itself: to check a source runs nothing.
func (s *server) assembleManager() (err error) {
	if !s.settings.role.admin {
		return nil
	}
	pages, err := dashboardPages()
	if err != nil {
		return err
	}
	hosts, err := s.settings.hostsOfApps()
	if err != nil {
		return err
	}
	exec := executor.New(executor.Config{Log: s.log})
	s.manager, err = manager.New(manager.Config{
		Pages: pages, OutHosts: hosts, Secrets: s.vault,
		Auth: s.auth, Store: s.store, Check: exec.CheckSettings, Definitions: definitionsOf(exec),
		Invoker: s.orchestrator, Records: s.orchestrator,
		Domains: s.settings.domainChecker(), Backups: s.backups(), Blobs: s.blobs,
		Ready: s.store.Ready, Public: s.publicURL, TrustedProxies: s.settings.trustedProxies(), Ceiling: picloud.MaxLimits(), Version: s.version,
		IDs: s.ids, Now: time.Now, Log: s.log,
	})
	return err
}

// node is the part that this process takes among those that share a database,
// where it answers the public.
func (s *server) node() orchestrator.Node {
	if !s.store.Clustered() || s.public == nil {
		return orchestrator.Node{}
	}
	return orchestrator.Node{
		Nodes: s.store, Name: s.settings.nodeName(s.public.Addr()), Address: s.public.Addr().String(), Version: s.version,
		Staleness: s.store.Staleness,
	}
}

// dashboardPages is the dashboard, or nil in a program that was built without.
func dashboardPages() (manager.Pages, error) {
	site, err := dashboard.New(dashboard.Built())
	if err != nil || site == nil {
		return nil, err
	}
	return site, nil
}

// definitionsOf is what scripts can call, for the editor of the dashboard.
func definitionsOf(e *executor.Executor) []api.Definition {
	var list []api.Definition
	for _, f := range e.Definitions() {
		list = append(list, api.Definition{Name: f.Name, Text: f.Text})
	}
	return list
}

// backups is where copies of the database are kept; nil where it is PostgreSQL.
func (s *server) backups() *backup.Shelf {
	if s.store.Clustered() {
		return nil
	}
	return backup.NewShelf(filepath.Join(s.settings.data, "backups"), s.store, time.Now)
}
