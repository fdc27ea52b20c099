package manager

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/backup"
	"github.com/picloud/picloud/internal/domains"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// Store is what the manager needs to be kept.
type Store interface {
	picloud.Apps
	picloud.Domains
	picloud.Scripts
	picloud.Records
	picloud.MetricsReader
	picloud.QuotaKeeper
	picloud.Files
	picloud.Data
	picloud.Events
	picloud.AsyncInvocations
	picloud.Schedules
	picloud.Devices
	picloud.Users
	picloud.Members
	picloud.APIKeys
	picloud.Audits
	picloud.InstanceOptions
	picloud.Nodes
	picloud.OutHostLists
	picloud.Secrets
	// Clustered reports whether several processes may share the store.
	Clustered() bool
}

// Invoker runs a script by name. The orchestrator is one.
type Invoker interface {
	// Invoke runs the live version of a script on a request, and is its
	// response. A script that fails is no error, but a response with a
	// status of 500 or more. The caller closes the response's body.
	Invoke(ctx context.Context, app, script string, r *http.Request) (*http.Response, error)
	// Publish publishes messages on topics of an app, and tells how many
	// scripts get them. When it returns, they are on disk.
	Publish(ctx context.Context, app string, messages []picloud.Message) (int, error)
	// Journal is the journal of an invocation; CodeNoJournal, with the reason,
	// when none was kept.
	Journal(ctx context.Context, app, id string) (picloud.Invocation, *picloud.JournalRecord, error)
	// Replay runs an invocation again with its journal. Nothing of what it
	// wants to change happens.
	Replay(ctx context.Context, app, id string) (*picloud.Replayed, error)
	// InvokeLater accepts a request to a script to be run after a delay, and
	// is its id. When it returns, it is on disk.
	InvokeLater(ctx context.Context, app, script string, r *http.Request, delay time.Duration) (string, error)
	// AsyncResult is a request that is answered later, with its response once
	// it has ended.
	AsyncResult(ctx context.Context, app, id string) (picloud.AsyncInvocation, *picloud.Response, error)
	// CancelAsync ends a request that is answered later: CodeConflict if it
	// has ended.
	CancelAsync(ctx context.Context, app, id string) (picloud.AsyncInvocation, error)
}

// Recorder is what stands between invocations and the store's records. The
// orchestrator is one.
type Recorder interface {
	// Flush enters what is still waiting, for whoever wants to read it now.
	Flush(ctx context.Context) error
	// Recorded is a channel that is closed as soon as records are entered
	// after the call.
	Recorded() <-chan struct{}
}

// Pages is the dashboard: pages that use the admin API. dashboard.Site is one.
type Pages interface {
	http.Handler
	// Holds reports whether a path is that of a file, and not of a page.
	Holds(path string) bool
}

// Config is what a Manager is made from. Fields without a default are required.
type Config struct {
	Auth  *auth.Service
	Store Store
	// Check compiles a source with the settings that its script asks for, of
	// which zero fields are the defaults. It can be deployed when nothing but
	// warnings are found.
	Check func(source string, settings picloud.Settings) []picloud.Diagnostic
	// Definitions describe what scripts can call, for editors.
	Definitions []api.Definition
	Invoker     Invoker
	Records     Recorder
	Blobs       picloud.Blobs    // the contents of files; nil refuses what is about them
	Backups     *backup.Shelf    // nil means that the database has other tools for that
	Domains     *domains.Checker // of custom domains; nil means one for the public internet
	Secrets     Vault            // nil: no secrets can be set
	// OutHosts are the hosts that apps may call which have no list of their own.
	OutHosts picloud.OutHosts
	Ready    func(context.Context) error // whether the instance can serve
	Pages    Pages                       // what people see with a browser; nil means forms to set up and sign in with
	Public   *url.URL                    // the public listener's address, as clients reach it
	// TrustedProxies are the networks of proxies whose headers say where a
	// request comes from; none is believed otherwise.
	TrustedProxies []netip.Prefix
	Ceiling        picloud.Limits // what a script may ask for at most
	Version        string         // of the program
	IDs            *picloud.IDs
	Now            func() time.Time
	Log            *slog.Logger
}

func (c Config) validate() error {
	if c.Auth == nil || c.Store == nil || c.Check == nil || c.Invoker == nil || c.Records == nil || c.Ready == nil ||
		c.Public == nil || c.Version == "" || c.IDs == nil || c.Now == nil || c.Log == nil {
		return errors.New("manager: incomplete configuration")
	}
	return nil
}

// Manager is the control plane as an http.Handler for the admin listener. It is
// safe for concurrent use. New makes one.
type Manager struct {
	auth     *auth.Service
	store    Store
	check    func(string, picloud.Settings) []picloud.Diagnostic
	defs     []api.Definition
	invoker  Invoker
	records  Recorder
	ready    func(context.Context) error
	pages    Pages
	checker  *domains.Checker
	backups  *backup.Shelf
	vault    Vault
	outHosts picloud.OutHosts
	public   *url.URL
	proxies  []netip.Prefix
	ceiling  picloud.Limits
	ids      *picloud.IDs
	now      func() time.Time
	log      *slog.Logger

	mux     *http.ServeMux
	api     huma.API
	blobs   picloud.Blobs
	version string // of the program
	spec    []byte // the OpenAPI description
	handler http.Handler

	draining context.Context // done when followers are to end
	drain    context.CancelFunc
}

// New makes a manager.
func New(cfg Config) (*Manager, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Domains == nil {
		cfg.Domains = domains.NewChecker(domains.Config{})
	}
	adoptHuma()
	m := &Manager{
		auth: cfg.Auth, store: cfg.Store, check: cfg.Check, defs: cfg.Definitions, invoker: cfg.Invoker, records: cfg.Records, ready: cfg.Ready, pages: cfg.Pages,
		checker: cfg.Domains, backups: cfg.Backups, vault: cfg.Secrets, outHosts: cfg.OutHosts, public: cfg.Public, proxies: cfg.TrustedProxies, ceiling: cfg.Ceiling, ids: cfg.IDs, now: cfg.Now, log: cfg.Log,
		version: cfg.Version, blobs: cfg.Blobs, mux: http.NewServeMux(),
	}
	m.draining, m.drain = context.WithCancel(context.Background())
	m.api = humago.New(m.mux, humaConfig(cfg.Version))
	m.registerAccounts()
	m.registerSignIn()
	m.registerFactors()
	m.registerProvider()
	m.registerApps()
	m.registerDomains()
	m.registerEvents()
	m.registerSchedules()
	m.registerOutbound()
	m.registerSecrets()
	m.registerDevices()
	m.registerData()
	m.registerScripts()
	m.registerDeploys()
	m.registerInvoke()
	m.registerDefinitions()
	m.registerRecords()
	m.registerMetrics()
	m.registerJournal()
	m.registerAsync()
	m.registerQuotas()
	m.registerFiles()
	m.registerAudit()
	m.registerUsers()
	m.registerMembers()
	m.registerKeys()
	m.registerOptions()
	m.registerNodes()
	m.registerBackups()
	if err := m.registerPages(); err != nil {
		return nil, err
	}
	m.handler = m.wrap(m.mux)
	return m, nil
}

// ServeHTTP implements http.Handler.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// Drain ends the requests that would last for ever, those of followers. It is
// called when the server stops, and may be called again.
func (m *Manager) Drain() { m.drain() }
