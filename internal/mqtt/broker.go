package mqtt

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/picloud/picloud/internal/picloud"
)

// What devices are bounded by.
const (
	maxPacket      = 256 << 10
	maxInflight    = 256   // messages on their way to or from a device
	maxPending     = 1024  // packets that a device has yet to take; more are dropped
	defaultClients = 1_000 // connected to one node
	defaultRate    = 50    // messages a second of one device, once it has
	burst          = 200   // published so many
	connectTime    = 10 * time.Second
	publishTime    = 30 * time.Second
	readyTime      = 10 * time.Second
	lookups        = 8 // sign-ins that are looked up at once
)

// Topics is what the broker speaks with an app by.
type Topics interface {
	// Publish publishes messages on topics of an app. When it returns without an
	// error, they are on disk.
	Publish(ctx context.Context, app string, messages []picloud.Message) (int, error)
	// StreamTopics lists the topics of an app that are streams.
	StreamTopics(appID string) []string
	// Changed is a channel that is closed when something that is live has
	// changed after the call.
	Changed() <-chan struct{}
	// FollowTopic gives each message of a stream to f, in order, until ctx ends or
	// it cannot go on: those after a message, or with 0 those that come after it
	// has called ready, which it does once. It returns the last that it gave.
	FollowTopic(ctx context.Context, appID, topic string, after int64, ready func(at int64), f func(*picloud.StreamMessage)) (last int64, err error)
}

// Devices is what the broker knows devices by.
type Devices interface {
	DeviceSecret(ctx context.Context, app, name string) (picloud.Device, picloud.TokenHash, error)
	DevicesLeft(ctx context.Context, ids []string) ([]string, error)
}

// Config is what a Broker is made from. Fields without a default are required.
type Config struct {
	Topics  Topics
	Devices Devices
	Log     *slog.Logger
	Clients int     // connected at once; 0 means 1,000
	Rate    float64 // messages a second that a device may publish; 0 means 50
}

// Broker serves devices on one listener. New makes one.
type Broker struct {
	cfg     Config
	server  *mochi.Server
	lookups chan struct{}
	life    context.Context
	end     context.CancelFunc
	work    sync.WaitGroup // watching, and bridges

	mu       sync.Mutex
	sessions map[net.Conn]*session
	bridges  map[string]*bridge // by app
	stopped  bool
}

// session is a device that is connected.
type session struct {
	device     picloud.Device
	client     *mochi.Client
	rate       *bucket
	subscribes bool // under Broker.mu
}

// New makes a broker.
func New(cfg Config) (*Broker, error) {
	if cfg.Topics == nil || cfg.Devices == nil || cfg.Log == nil {
		return nil, errors.New("mqtt: incomplete configuration")
	}
	if cfg.Clients == 0 {
		cfg.Clients = defaultClients
	}
	if cfg.Rate == 0 {
		cfg.Rate = defaultRate
	}
	b := &Broker{cfg: cfg, lookups: make(chan struct{}, lookups), sessions: map[net.Conn]*session{}, bridges: map[string]*bridge{}}
	b.life, b.end = context.WithCancel(context.Background())
	abilities := mochi.NewDefaultServerCapabilities()
	abilities.MaximumClients = int64(cfg.Clients)
	abilities.MaximumPacketSize = maxPacket
	abilities.MaximumInflight, abilities.ReceiveMaximum = maxInflight, maxInflight
	abilities.MaximumClientWritesPending = maxPending
	abilities.MaximumSessionExpiryInterval = 0
	abilities.SharedSubAvailable = 0
	b.server = mochi.New(&mochi.Options{
		Capabilities: abilities, InlineClient: true, SysTopicResendInterval: int64(time.Hour / time.Second), Logger: slog.New(slog.DiscardHandler),
	})
	return b, b.server.AddHook(&hook{b: b}, nil)
}

// Serve takes devices on a listener until Stop. It returns at once.
func (b *Broker) Serve(l net.Listener) error {
	if err := b.server.AddListener(&door{b: b, l: l, open: map[net.Conn]bool{}}); err != nil {
		return err
	}
	b.work.Go(b.watch)
	return b.server.Serve()
}

// Stop says goodbye to the devices and waits until nothing runs any more. Their
// last wills are published.
func (b *Broker) Stop() error {
	b.mu.Lock()
	stopped := b.stopped
	b.stopped = true
	b.mu.Unlock()
	if stopped {
		return nil
	}
	err := b.server.Close()
	b.end()
	b.work.Wait()
	return err
}

// signIn tells who signs in.
func (b *Broker) signIn(username, password string) (picloud.Device, error) {
	app, name, _ := strings.Cut(username, "/")
	if picloud.ValidateDeviceName(name) != nil || app == "" {
		return picloud.Device{}, errors.New("the user name is not APP/NAME")
	}
	select {
	case b.lookups <- struct{}{}:
		defer func() { <-b.lookups }()
	case <-b.life.Done():
		return picloud.Device{}, b.life.Err()
	}
	ctx, cancel := context.WithTimeout(b.life, connectTime)
	defer cancel()
	d, secret, err := b.cfg.Devices.DeviceSecret(ctx, app, name)
	if err != nil {
		return d, err
	}
	given := sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(given[:], secret[:]) != 1 {
		return d, errors.New("the secret is wrong")
	}
	return d, nil
}

// enter takes a device in.
func (b *Broker) enter(cl *mochi.Client, d picloud.Device) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions[cl.Net.Conn] = &session{device: d, client: cl, rate: newBucket(b.cfg.Rate)}
}

// of is the session of a client; nil for one that has not signed in.
func (b *Broker) of(cl *mochi.Client) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions[cl.Net.Conn]
}

// gone forgets a connection.
func (b *Broker) gone(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[conn]
	if s == nil {
		return
	}
	delete(b.sessions, conn)
	if s.subscribes {
		b.leave(s.device.AppID)
	}
}

// watch follows what changes: devices that are gone are disconnected, topics
// that have become streams are followed.
func (b *Broker) watch() {
	for {
		changed := b.cfg.Topics.Changed()
		if err := b.refresh(); err != nil {
			b.cfg.Log.Warn("look which devices may stay", "err", err)
		}
		select {
		case <-changed:
		case <-b.life.Done():
			return
		}
	}
}

func (b *Broker) refresh() error {
	b.mu.Lock()
	for _, br := range b.bridges {
		b.adjust(br)
	}
	byID := map[string][]*session{}
	var ids []string
	for _, s := range b.sessions {
		if byID[s.device.ID] == nil {
			ids = append(ids, s.device.ID)
		}
		byID[s.device.ID] = append(byID[s.device.ID], s)
	}
	b.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(b.life, connectTime)
	defer cancel()
	left, err := b.cfg.Devices.DevicesLeft(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range left {
		delete(byID, id)
	}
	for _, list := range byID {
		for _, s := range list {
			_ = b.server.DisconnectClient(s.client, packets.ErrNotAuthorized) // it says how it ended
		}
	}
	return nil
}
