package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/isolate"
	"github.com/picloud/picloud/internal/manager"
	"github.com/picloud/picloud/internal/orchestrator"
	"github.com/picloud/picloud/internal/outbound"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/secrets"
	"github.com/picloud/picloud/internal/store"
)

const (
	// drainTime is how long requests in flight may take when the server stops:
	// the usual wall time of a script, and some.
	drainTime = 15 * time.Second
	// flushTime is how long the records that are left may take after that.
	flushTime = 10 * time.Second

	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// role is which of the services a process is. Each has an orchestrator: that
// of a manager on its own has no listener, and runs what the admin API asks for.
type role struct {
	public  bool // it answers the public
	admin   bool // it is the control plane
	cluster bool // it is one of several processes: it needs a database that they share
}

func (c *command) serveCommand() *cobra.Command {
	return c.serverCommand("serve", role{public: true, admin: true}, "Run the server, with everything in one process",
		`Run the server until it is interrupted. Every flag has a variable: --data is
PICLOUD_DATA, --admin-listen PICLOUD_ADMIN_LISTEN, and so on; flags go first.

On its first start the server prints a link with which the owner is created, once.
PICLOUD_OWNER_USERNAME, PICLOUD_OWNER_EMAIL and PICLOUD_OWNER_PASSWORD do the same
without a hand on the keyboard; when there is an owner they change nothing.

With PostgreSQL several servers can share one database. A URL with a password goes
into PICLOUD_DATABASE, or into a file that PICLOUD_DATABASE_FILE names.`)
}

// serverCommand makes the command that runs the services of a role.
func (c *command) serverCommand(use string, r role, short, long string) *cobra.Command {
	s := serverSettings{role: r}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.complete(c.Getenv, cmd.Flags().Changed); err != nil {
				return err
			}
			return c.serve(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	if !r.cluster {
		f.StringVar(&s.data, "data", defaultData, "folder of the embedded database")
	}
	f.StringVar(&s.files, "files", "", filesUsage(r))
	f.StringVar(&s.database, "database", "", databaseUsage(r))
	if r.public {
		f.StringVar(&s.name, "node-name", "", "name of this node among those that share a database (default made from the machine's name and the port)")
		f.StringVar(&s.listen, "listen", defaultListen, "address that scripts answer on; port 0 picks a free one")
	}
	if r.public {
		f.StringVar(&s.mqttListen, "mqtt-listen", "", "address on which devices speak MQTT, like :1883 (default none)")
		f.StringVar(&s.mqttCert, "mqtt-tls-cert", "", "file of a certificate, to speak MQTT over TLS")
		f.StringVar(&s.mqttKey, "mqtt-tls-key", "", "file of the certificate's key")
	}
	f.StringVar(&s.proxies, "trusted-proxies", "", "addresses or networks of the proxies in front, like 127.0.0.1,10.0.0.0/8: what they say of a client is believed")
	if r.admin {
		f.StringVar(&s.adminListen, "admin-listen", defaultAdminListen, "address of the admin API; port 0 picks a free one")
		f.StringVar(&s.adminURL, "admin-url", "", "how browsers reach the admin API, like https://admin.example.org; passkeys are for its host (default made from --admin-listen)")
		s.oidc.flags(cmd)
		f.StringVar(&s.resolver, "domain-resolver", "", "DNS server, as HOST:PORT, at which proofs of custom domains are looked up (default the system's)")
		f.StringVar(&s.networks, "domain-networks", "", "networks, like 192.168.0.0/16, in which proofs of custom domains may be fetched besides public addresses")
	}
	f.StringVar(&s.outHosts, "outbound-hosts", "*", "hosts that scripts may call, for apps that have no list of their own, separated by commas; * is every public host, none is nobody")
	f.StringVar(&s.outNetworks, "outbound-networks", "", "networks, like 192.168.1.0/24, in which scripts may call hosts that their app's list names, besides public addresses")
	f.BoolVar(&s.isolate, "isolate", r.cluster, "run scripts in a child process that is locked down")
	if r.public {
		f.StringVar(&s.socket, "executor-socket", "", "path of the Unix socket of a picloud-executor that runs the scripts, in place of a child")
	}
	f.StringVar(&s.publicURL, "public-url", "", "how clients reach the public listener, like https://example.org"+defaultPublicURL(r))
	f.StringVar(&s.readyFile, "ready-file", "", "file to write the addresses to, as JSON, once the server serves")
	f.StringVar(&s.logFormat, "log-format", "auto", "text, json, or auto: text on a terminal")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	return cmd
}

func databaseUsage(r role) string {
	if r.cluster {
		return "URL of the PostgreSQL database that the cluster shares, like postgres://USER@HOST/DB, without a password (required)"
	}
	return "URL of a PostgreSQL database to use in place of the embedded one, like postgres://USER@HOST/DB, without a password"
}

func defaultPublicURL(r role) string {
	if r.public {
		return " (default made from --listen)"
	}
	return " (required)"
}

// serve runs a server until ctx is done.
func (c *command) serve(ctx context.Context, s serverSettings) error {
	log, err := newLogger(c.Stderr, s.logFormat, s.logLevel)
	if err != nil {
		return err
	}
	share := memoryShare
	if s.isolate || s.socket != "" {
		share = isolatedServerShare
	}
	if limit := limitMemory(c.Getenv, share); limit > 0 {
		log.Debug("soft memory limit", "bytes", limit)
	}
	srv := &server{settings: s, log: log, version: c.Version, getenv: c.Getenv}
	defer srv.close()
	if err := srv.open(ctx); err != nil {
		return err
	}
	// One that is left from a server that was killed would tell of addresses
	// where nobody listens. Not before the lock is ours: until then it could be
	// that of a server that runs.
	if err := removeReadyFile(s.readyFile); err != nil {
		return err
	}
	if err := srv.listen(ctx); err != nil {
		return err
	}
	if err := srv.openAuth(ctx); err != nil {
		return err
	}
	srv.openOutbound()
	if err := srv.assemble(ctx); err != nil {
		return err
	}
	return srv.run(ctx, func(setupLink string) error { return c.announce(srv, setupLink) })
}

// announce tells that the server serves, and where.
func (c *command) announce(srv *server, setupLink string) error {
	if path := srv.settings.readyFile; path != "" {
		data, err := json.Marshal(srv.addresses())
		if err != nil {
			return err
		}
		if err := writeFileAtomic(path, append(data, '\n')); err != nil {
			return fmt.Errorf("write the ready file: %w", err)
		}
		srv.onClose(func() error { return removeReadyFile(path) })
	}
	fmt.Fprintf(c.Stdout, "PiCloud %s serves\n", c.Version)
	if srv.public != nil {
		fmt.Fprintf(c.Stdout, "  public  %s\n", srv.publicURL)
	}
	if srv.admin != nil {
		fmt.Fprintf(c.Stdout, "  admin   %s\n", srv.adminURL())
	}
	if srv.mqtt != nil {
		fmt.Fprintf(c.Stdout, "  mqtt    %s\n", srv.mqtt.Addr())
	}
	if setupLink != "" {
		fmt.Fprintf(c.Stdout, "\nThere is no owner yet. Create one here, within %.0f hours; the link works once:\n  %s\n", auth.SetupTTL.Hours(), setupLink)
	}
	return nil
}

// addresses are the listeners' addresses, as the ready file has them.
func (s *server) addresses() map[string]string {
	found := map[string]string{}
	if s.public != nil {
		found["public"] = reachable(s.public.Addr())
	}
	if s.admin != nil {
		found["admin"] = s.adminURL()
	}
	if s.mqtt != nil {
		found["mqtt"] = s.mqtt.Addr().String()
	}
	return found
}

func removeReadyFile(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the ready file: %w", err)
	}
	return nil
}

// server is the services of one process: all of PiCloud, or its role of it. Its
// fields are filled in the order of open, listen and assemble, those that its
// role has; close undoes whatever has been done.
type server struct {
	settings serverSettings
	version  string
	getenv   func(string) string
	log      *slog.Logger

	ids   *picloud.IDs
	store *store.Store
	blobs picloud.Blobs // nil: there is no place for files
	auth  *auth.Service
	// sealer seals journals; nil without a key.
	sealer orchestrator.Sealer
	vault  *secrets.Vault

	outbound *outbound.Client

	public, admin net.Listener
	mqtt          net.Listener // nil when no MQTT is spoken
	publicURL     *url.URL
	manager       *manager.Manager
	orchestrator  *orchestrator.Orchestrator
	isolated      *isolate.Supervisor // nil when the executor is a value of this process

	undo []func() error // what close does, last first
}

// onClose has close call f.
func (s *server) onClose(f func() error) { s.undo = append(s.undo, f) }

// close gives back what the server holds.
func (s *server) close() {
	for i := len(s.undo) - 1; i >= 0; i-- {
		if err := s.undo[i](); err != nil {
			s.log.Error("closing", "err", err)
		}
	}
	s.undo = nil
}

// open opens the database and what stands on it.
func (s *server) open(ctx context.Context) (err error) {
	s.ids = picloud.NewIDs(time.Now, rand.Reader)
	if s.store, err = s.openStore(ctx); err != nil {
		return err
	}
	s.onClose(s.store.Close)
	return s.openBlobs()
}

// openStore opens the database: PostgreSQL, or the embedded one, whose folder
// it takes.
func (s *server) openStore(ctx context.Context) (*store.Store, error) {
	path := s.settings.database
	if path == "" {
		lock, err := lockData(s.settings.data)
		if err != nil {
			return nil, err
		}
		s.onClose(lock.Close)
		path = filepath.Join(s.settings.data, "picloud.db")
	}
	return store.Open(ctx, store.Config{Path: path, Now: time.Now, IDs: s.ids, Log: s.log})
}

// listen takes the addresses, so that nobody is told of one that is not ours.
func (s *server) listen(ctx context.Context) (err error) {
	if s.settings.role.public {
		if s.public, err = s.take(ctx, "--listen", s.settings.listen); err != nil {
			return err
		}
	}
	if s.settings.role.admin {
		if s.admin, err = s.take(ctx, "--admin-listen", s.settings.adminListen); err != nil {
			return err
		}
		if overheard(s.adminURL()) || exposed(s.admin.Addr()) {
			s.log.Warn("the admin API is reachable from other machines without encryption; put Caddy with TLS in front of it", "address", s.admin.Addr().String())
		}
	}
	if s.mqtt, err = s.listenMQTT(ctx); err != nil {
		return err
	}
	s.publicURL, err = s.settings.public(s.public)
	return err
}

// take listens on the address of a flag.
func (s *server) take(ctx context.Context, flag, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, hinted("choose another address with "+flag+", or port 0 for a free one", "listen on %s: %w", address, errors.Unwrap(err))
	}
	s.onClose(ignoreClosed(l))
	return l, nil
}

// ignoreClosed closes a listener that its server has mostly closed before.
func ignoreClosed(l net.Listener) func() error {
	return func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// exposed reports whether a listener takes connections from everywhere.
func exposed(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

func (s *server) adminURL() string { return reachable(s.admin.Addr()) }

// setUp sees to an owner: it makes the one that the environment names, or the
// link with which somebody becomes it. The link is "" when there is one, or
// when this is not the control plane's process.
func (s *server) setUp(ctx context.Context) (link string, err error) {
	if !s.settings.role.admin {
		return "", nil
	}
	if s.settings.owner != (auth.NewOwner{}) {
		created, err := s.auth.Bootstrap(ctx, s.settings.owner)
		if err != nil {
			return "", hinted("the owner is made from PICLOUD_OWNER_USERNAME, PICLOUD_OWNER_EMAIL and PICLOUD_OWNER_PASSWORD", "create the owner: %w", message(err))
		}
		if created {
			s.log.Info("owner created from the environment", "username", s.settings.owner.Username)
			if err := s.store.AddAudit(ctx, picloud.AuditEntry{
				Actor: picloud.ActorSystem, Action: "setup", Outcome: picloud.OutcomeOK, Target: s.settings.owner.Username,
			}); err != nil {
				return "", err
			}
		}
		return "", nil
	}
	required, err := s.auth.SetupRequired(ctx)
	if err != nil || !required {
		return "", err
	}
	token, err := s.auth.NewSetupToken(ctx)
	if err != nil {
		return "", err
	}
	return s.adminURL() + "/setup?token=" + url.QueryEscape(token), nil
}

// adminServer is the HTTP server of the admin listener. How long bodies and
// answers may take is up to the manager's operations.
func (s *server) adminServer() *http.Server {
	return &http.Server{
		Handler: s.manager, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// run serves until ctx is done or a listener fails, and then stops in order:
// no new requests, those in flight finish, what they left is written.
func (s *server) run(ctx context.Context, ready func(setupLink string) error) error {
	link, err := s.setUp(ctx)
	if err != nil {
		return err
	}
	var serving sync.WaitGroup
	servers := s.servers()
	failed := make(chan error, len(servers))
	for l, srv := range servers {
		serving.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	serving.Go(func() { s.tellStatus(background) })
	if s.settings.role.admin {
		serving.Go(func() { s.leadSweep(background) })
	}

	err = ready(link)
	if err == nil {
		select {
		case <-ctx.Done():
			s.log.Info("stopping", "grace", drainTime)
		case err = <-failed:
		}
	}
	stopBackground()
	s.stop(servers)
	serving.Wait()
	return err
}

// webServer is what the servers of both listeners can do.
type webServer interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

// servers are the HTTP servers of the process by what they listen on.
func (s *server) servers() map[net.Listener]webServer {
	servers := map[net.Listener]webServer{}
	if s.public != nil {
		servers[s.public] = orchestrator.NewServer(s.orchestrator, s.log)
	}
	if s.admin != nil {
		servers[s.admin] = s.adminServer()
	}
	return servers
}

// stop ends the servers. Followers would never end by themselves.
func (s *server) stop(servers map[net.Listener]webServer) {
	if s.manager != nil {
		s.manager.Drain()
	}
	// Balancers learn it first, so that they do not run into a closed door.
	s.orchestrator.Withdraw(context.Background())
	s.orchestrator.EndStreams()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var stopping sync.WaitGroup
	for _, srv := range servers {
		stopping.Go(func() {
			if err := srv.Shutdown(ctx); err != nil {
				s.log.Warn("requests are cut off", "err", err)
				srv.Close()
			}
		})
	}
	stopping.Wait()
}
