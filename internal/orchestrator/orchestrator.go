package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/outbound"
	"github.com/picloud/picloud/internal/picloud"
)

// Store is what an orchestrator needs to be kept.
type Store interface {
	picloud.Snapshots
	picloud.Records
	picloud.Data
	picloud.QuotaKeeper
	picloud.Files
	// AppAccess answers what a user is in an app.
	AppAccess(ctx context.Context, app, userID string) (picloud.AppAccess, error)
	picloud.Events
	picloud.AsyncInvocations
	picloud.Answers
	picloud.Schedules
	// VersionByNumber and ListVersions are those of picloud.Scripts.
	VersionByNumber(ctx context.Context, app, script string, number int) (picloud.Version, string, error)
	ListVersions(ctx context.Context, app, script string, before, limit int) ([]picloud.Version, error)
	picloud.Streams
}

// Executor runs scripts.
type Executor interface {
	// Run runs a version on an event; the host answers what the run asks
	// for. It always has an outcome.
	Run(ctx context.Context, x *picloud.Execution, host picloud.Host) *picloud.Outcome
}

// Config is what an Orchestrator is made from. Fields without a default are
// required.
type Config struct {
	Store    Store
	Executor Executor
	IDs      *picloud.IDs
	Now      func() time.Time
	Log      *slog.Logger

	// Blobs keeps the contents of files; nil refuses scripts that use any.
	Blobs picloud.Blobs
	// DropFilesAfter is how long the content of a file stays that was replaced or
	// removed; 0 means a minute.
	DropFilesAfter time.Duration
	// Callers tells who calls routes that are not for everybody; nil answers
	// those with 503.
	Callers Callers
	// Secrets are the apps'; with nil, routes for webhooks answer 503, and
	// scripts have none.
	Secrets Secrets
	// Sealer seals the journals that are kept; with nil they are kept in
	// clear, without the headers that prove who somebody is.
	Sealer Sealer
	// Node is this process's part in a cluster; the zero value is none.
	Node Node
	// Alone says that no other process works on the store: what is claimed at
	// the start was claimed by one that is gone.
	Alone bool
	// NoEvents leaves events to other processes.
	NoEvents bool

	// Followers is how many clients may follow topics of one app on this node; 0
	// means 1,000.
	Followers int
	// Heartbeat is how long such a client hears nothing at most; 0 means 25 s.
	Heartbeat time.Duration
	// Outbound makes the calls of scripts to the outside; nil: there are none.
	Outbound *outbound.Client
	// OutHosts are the hosts that apps may call which have no list of their own;
	// nil means none.
	OutHosts picloud.OutHosts

	// BaseDomain is below which apps answer, as <app>.<base domain>, besides
	// <app>.localhost; "" for none.
	BaseDomain string
	// TrustedProxies are the addresses whose X-Forwarded-For and -Proto are
	// believed. From anybody else those headers are dropped.
	TrustedProxies []netip.Prefix
	// Limits are for scripts that ask for none; the zero value means
	// picloud.DefaultLimits.
	Limits picloud.Limits
	// Retention bounds the history; the zero value means
	// picloud.DefaultRetention.
	Retention picloud.Retention
	// MaxWait is how long a request waits for a slot; 0 means 2 s.
	MaxWait time.Duration
	// BodyTime is how long a body may take to arrive; 0 means 30 s.
	BodyTime time.Duration
	// BodyMemory bounds the bodies of all requests together; 0 means 256 MiB.
	BodyMemory int64
}

func (c Config) withDefaults() (Config, error) {
	if c.Store == nil || c.Executor == nil || c.IDs == nil || c.Now == nil || c.Log == nil {
		return c, errors.New("orchestrator: incomplete configuration")
	}
	c.Limits = c.Limits.Or(picloud.DefaultLimits())
	if c.Retention == (picloud.Retention{}) {
		c.Retention = picloud.DefaultRetention()
	}
	if c.MaxWait == 0 {
		c.MaxWait = 2 * time.Second
	}
	if c.BodyTime == 0 {
		c.BodyTime = 30 * time.Second
	}
	if c.Node.Withdraw == 0 {
		c.Node.Withdraw = defaultWithdraw
	}
	if c.Followers == 0 {
		c.Followers = defaultFollowers
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = heartbeat
	}
	if c.DropFilesAfter == 0 {
		c.DropFilesAfter = dropAfter
	}
	if c.BodyMemory == 0 {
		c.BodyMemory = 256 << 20
	}
	return c, nil
}

// Orchestrator is the public listener's http.Handler. It is safe for
// concurrent use. New makes one; it serves from Start to Stop.
type Orchestrator struct {
	cfg       Config
	table     atomic.Pointer[table]
	gates     gates
	meters    meters
	staging   staging
	ids       ids
	bodies    atomic.Int64 // bytes of bodies admitted and not yet done with
	recorder  *recorder
	inflight  inflight
	lanes     lanes
	lookups   chan struct{} // those of callers that are under way
	dispatch  *dispatcher
	quiet     context.CancelFunc // ends the dispatching; nil before Start
	member    member
	hub       *hub
	keepBlobs func() // ends hearing of contents without a name
	deaf      func() // ends the hub's listening; nil before Start

	reloading   sync.Mutex // held while a snapshot is loaded
	mu          sync.Mutex
	unsubscribe func()
	retry       *time.Timer // of a reload that failed
	stopped     bool
}

// New makes an orchestrator. It answers 503 until it is started.
func New(cfg Config) (*Orchestrator, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	o := &Orchestrator{cfg: cfg, ids: ids{fresh: cfg.IDs}, recorder: newRecorder(cfg.Store, cfg.Retention, cfg.Now, cfg.Log), lookups: make(chan struct{}, lookups)}
	o.member = member{node: cfg.Node, id: cfg.IDs.New(), o: o, log: cfg.Log, begun: time.Now()}
	o.dispatch = newDispatcher(o)
	o.hub = newHub(cfg.Store, cfg.Followers, cfg.Log)
	return o, nil
}

// Start loads what is live and begins to serve and to follow changes. It fails
// if the store cannot be read.
func (o *Orchestrator) Start(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped || o.unsubscribe != nil {
		return errors.New("orchestrator: it was started before")
	}
	// First, so that no change falls between loading and listening.
	o.unsubscribe = o.cfg.Store.Subscribe(o.changed)
	if err := o.reload(ctx, 0); err != nil {
		o.unsubscribe()
		o.unsubscribe = nil
		return fmt.Errorf("load what is live: %w", err)
	}
	if err := o.member.start(ctx); err != nil {
		o.unsubscribe()
		o.unsubscribe = nil
		return err
	}
	o.recorder.start()
	o.keepBlobs = o.cfg.Store.OnDropped(o.droppedBlobs)
	o.deaf = o.cfg.Store.SubscribeStreams(o.hub.tell)
	var life context.Context
	life, o.quiet = context.WithCancel(context.WithoutCancel(ctx))
	if o.cfg.NoEvents {
		return nil
	}
	if o.cfg.Alone {
		if _, err := o.cfg.Store.ReleaseEvents(ctx, ""); err != nil {
			return fmt.Errorf("release the events of the last run: %w", err)
		}
		if _, err := o.cfg.Store.ReleaseAnswers(ctx, ""); err != nil {
			return fmt.Errorf("release the idempotent requests of the last run: %w", err)
		}
	}
	o.dispatch.start(life)
	return nil
}

// Stop refuses new requests, waits for those that run until ctx ends, and
// writes down what is still in the buffer. It may be called again, and without
// Start.
func (o *Orchestrator) Stop(ctx context.Context) error {
	o.mu.Lock()
	o.stopped = true
	if o.unsubscribe != nil {
		o.unsubscribe()
		o.unsubscribe = func() {}
	}
	if o.retry != nil {
		o.retry.Stop()
	}
	if o.quiet != nil {
		o.quiet()
	}
	if o.keepBlobs != nil {
		o.keepBlobs()
		o.keepBlobs = nil
	}
	o.staging.stop()
	if o.deaf != nil {
		o.deaf()
		o.deaf = nil
	}
	o.mu.Unlock()
	o.EndStreams()
	waited := errors.Join(o.inflight.drain(ctx), o.dispatch.wait(ctx))
	written := o.recorder.stop(ctx)
	o.member.stop(ctx)
	if waited == nil {
		o.hub.work.Wait() // their followers are gone
	}
	return errors.Join(waited, written)
}

// Recorded is a channel that is closed as soon as records are entered after
// the call, on whichever node.
func (o *Orchestrator) Recorded() <-chan struct{} { return o.cfg.Store.Recorded() }

// Flush writes down what is in the buffer, for whoever wants to read it now.
func (o *Orchestrator) Flush(ctx context.Context) error { return o.recorder.flush(ctx) }

// retryAfter is how long a reload that failed waits before it is tried again.
const retryAfter = 2 * time.Second

// changed swaps the table. It returns when the change is live.
func (o *Orchestrator) changed(ctx context.Context, c picloud.Change) {
	if err := o.reload(ctx, c.Revision); err != nil {
		o.cfg.Log.ErrorContext(ctx, "load what is live: what is in memory goes on being served", "err", err, "revision", c.Revision)
		o.mu.Lock()
		defer o.mu.Unlock()
		if !o.stopped {
			o.retry = time.AfterFunc(retryAfter, func() { o.changed(context.WithoutCancel(ctx), c) })
		}
	}
}

// reload makes the table at least as new as a revision; with 0 it always
// loads.
func (o *Orchestrator) reload(ctx context.Context, revision int64) error {
	// Loading takes its turn: who waited finds that somebody has loaded what
	// it came for, and a slower load never puts an older table in place.
	o.reloading.Lock()
	defer o.reloading.Unlock()
	if t := o.table.Load(); t != nil && revision > 0 && t.revision >= revision {
		return nil
	}
	snapshot, err := o.cfg.Store.Snapshot(ctx)
	if err != nil {
		return err
	}
	o.meters.load(ctx, o, snapshot)
	if old := o.table.Swap(newTable(snapshot, o)); old != nil {
		close(old.replaced)
	}
	return nil
}
