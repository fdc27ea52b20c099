package mqtt

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// door is the broker's listener. The library's own ends at the first error of
// accept, and gives who connects all the time in the world.
type door struct {
	b *Broker
	l net.Listener

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
	work   sync.WaitGroup
}

// Init implements listeners.Listener.
func (d *door) Init(*slog.Logger) error { return nil }

// ID implements listeners.Listener.
func (d *door) ID() string { return "mqtt" }

// Address implements listeners.Listener.
func (d *door) Address() string { return d.l.Addr().String() }

// Protocol implements listeners.Listener.
func (d *door) Protocol() string { return d.l.Addr().Network() }

// Serve implements listeners.Listener.
func (d *door) Serve(establish listeners.EstablishFn) {
	for pause := time.Duration(0); ; {
		conn, err := d.l.Accept()
		switch {
		case err == nil:
			pause = 0
			d.take(conn, establish)
		case errors.Is(err, net.ErrClosed):
			return
		default: // out of files, as a rule: it passes when connections end
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			d.b.cfg.Log.Warn("accept a device", "err", err, "retry", pause)
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-d.b.life.Done():
				timer.Stop()
				return
			}
		}
	}
}

// take serves a connection, if there is room for it. Twice as many connections
// as devices leaves some for those who have yet to say who they are.
func (d *door) take(conn net.Conn, establish listeners.EstablishFn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.open) >= 2*d.b.cfg.Clients {
		conn.Close()
		return
	}
	d.open[conn] = true
	_ = conn.SetDeadline(time.Now().Add(connectTime)) // for the first packet; a failure shows when it is read
	d.work.Go(func() {
		if err := establish(d.ID(), conn); err != nil {
			d.b.cfg.Log.Debug("a device has gone", "from", conn.RemoteAddr(), "err", err)
		}
		d.b.gone(conn)
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.open, conn)
	})
}

// goodbyeTime is how long devices have to take a goodbye.
const goodbyeTime = time.Second

// Close implements listeners.Listener. It waits until all devices have gone.
func (d *door) Close(goodbye listeners.CloseFn) {
	d.mu.Lock()
	d.closed = true
	for conn := range d.open {
		_ = conn.SetDeadline(time.Now().Add(goodbyeTime)) // a device that takes nothing must not hold up the others
	}
	d.mu.Unlock()
	_ = d.l.Close() // it may be closed
	goodbye(d.ID())
	d.work.Wait()
}
