package mqtt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// town is an app's topics and devices in memory, which fail when they are told
// to.
type town struct {
	mu      sync.Mutex
	log     []picloud.StreamMessage
	moved   chan struct{}
	changed chan struct{}
	gone    map[string]bool
	full    bool // nothing can be written
	breaks  int  // so many messages on, following fails
}

func newTown() *town {
	return &town{moved: make(chan struct{}), changed: make(chan struct{}), gone: map[string]bool{}}
}

func (w *town) Publish(_ context.Context, _ string, messages []picloud.Message) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full {
		return 0, errors.New("the disk is full")
	}
	for _, m := range messages {
		w.log = append(w.log, picloud.StreamMessage{ID: int64(len(w.log) + 1), Key: m.Key, Kind: m.Kind, Body: m.Body})
	}
	close(w.moved)
	w.moved = make(chan struct{})
	return 0, nil
}

func (w *town) StreamTopics(string) []string { return []string{"t"} }

func (w *town) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

func (w *town) FollowTopic(ctx context.Context, _, _ string, after int64, ready func(int64), f func(*picloud.StreamMessage)) (int64, error) {
	w.mu.Lock()
	if after == 0 {
		after = int64(len(w.log))
	}
	w.mu.Unlock()
	ready(after)
	for {
		w.mu.Lock()
		list, moved := w.log[after:len(w.log):len(w.log)], w.moved
		fails := w.breaks > 0 && len(list) > 0
		if fails {
			w.breaks--
			list = list[:1]
		}
		w.mu.Unlock()
		for i := range list {
			f(&list[i])
			after = list[i].ID
		}
		if fails {
			return after, errors.New("the store is away")
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return after, ctx.Err()
		}
	}
}

func (w *town) DeviceSecret(_ context.Context, app, name string) (picloud.Device, picloud.TokenHash, error) {
	return picloud.Device{ID: name, AppID: "id-of-" + app, App: app, Name: name}, sha256.Sum256([]byte("secret of " + name)), nil
}

func (w *town) DevicesLeft(_ context.Context, ids []string) (left []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if !w.gone[id] {
			left = append(left, id)
		}
	}
	return left, nil
}

// startBroker starts a broker, and is its address.
func startBroker(t *testing.T, w *town, cfg Config) string {
	t.Helper()
	cfg.Topics, cfg.Devices, cfg.Log = w, w, slog.New(slog.DiscardHandler)
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.sessions)+len(b.bridges) > 0 {
			t.Errorf("%d sessions and %d bridges are left", len(b.sessions), len(b.bridges))
		}
	})
	return l.Addr().String()
}

// device signs a device in.
func device(t *testing.T, addr, name, id string) (*paho.Client, chan string, chan byte, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	got, ended := make(chan string, 1000), make(chan byte, 10)
	c := paho.NewClient(paho.ClientConfig{
		Conn: conn, PacketTimeout: testenv.Patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			got <- p.Packet.Topic + " " + string(p.Packet.Payload)
			return true, nil
		}},
		OnServerDisconnect: func(d *paho.Disconnect) { ended <- d.ReasonCode },
	})
	_, err = c.Connect(t.Context(), &paho.Connect{
		ClientID: id, CleanStart: true, KeepAlive: 30, Username: "app/" + name, UsernameFlag: true, Password: []byte("secret of " + name), PasswordFlag: true,
	})
	return c, got, ended, err
}

func publish(t *testing.T, c *paho.Client, payload string) (byte, error) {
	t.Helper()
	r, err := c.Publish(t.Context(), &paho.Publish{Topic: "t", QoS: 1, Payload: []byte(payload)})
	if r == nil {
		return 0, err
	}
	return r.ReasonCode, err
}

// TestAcknowledgedOnlyWhenWritten has the disk full for a while.
func TestAcknowledgedOnlyWhenWritten(t *testing.T) {
	t.Parallel()
	w := newTown()
	c, _, _, err := device(t, startBroker(t, w, Config{}), "one", "id")
	if err != nil {
		t.Fatal(err)
	}
	if code, err := publish(t, c, "1"); err != nil || code != 0 {
		t.Errorf("a message that is written: %#x, %v", code, err)
	}
	w.mu.Lock()
	w.full = true
	w.mu.Unlock()
	if code, err := publish(t, c, "2"); err == nil || code != 0x83 {
		t.Errorf("a message that is not written: %#x, %v", code, err)
	}
	w.mu.Lock()
	w.full = false
	n := len(w.log)
	w.mu.Unlock()
	if code, err := publish(t, c, "3"); err != nil || code != 0 || n != 1 {
		t.Errorf("afterwards: %#x, %v; %d were written before", code, err, n)
	}
}

// TestFollowingGoesOn has following a topic fail in between: nothing is missed,
// doubled or in another order.
func TestFollowingGoesOn(t *testing.T) {
	t.Parallel()
	w := newTown()
	addr := startBroker(t, w, Config{})
	c, got, _, err := device(t, addr, "one", "id")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish(t, c, "before"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "t", QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.breaks = 2
	w.mu.Unlock()
	for i := range 20 {
		if _, err := publish(t, c, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		if m := <-got; m != fmt.Sprint("t ", i) {
			t.Fatalf("got %q, want %d", m, i)
		}
	}
}

// TestTooManyDevices has one more come than may, and go when another may not
// stay.
func TestTooManyDevices(t *testing.T) {
	t.Parallel()
	w := newTown()
	addr := startBroker(t, w, Config{Clients: 2})
	_, _, ended, err := device(t, addr, "one", "1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := device(t, addr, "two", "2"); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := device(t, addr, "three", "3"); err == nil {
		t.Error("a third one is let in")
	}
	w.mu.Lock()
	w.gone["one"] = true
	close(w.changed)
	w.changed = make(chan struct{})
	w.mu.Unlock()
	if code := <-ended; code != 0x87 {
		t.Errorf("the device that is gone was told %#x", code)
	}
	testenv.Eventually(t, "there is room", func() bool {
		_, _, _, err := device(t, addr, "three", "3")
		return err == nil
	})
}
