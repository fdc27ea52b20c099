package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves connections. Its exported fields are set before Serve, and not
// changed afterwards; those with a default may be left zero.
type Server struct {
	Handler http.Handler // required
	Log     *slog.Logger // for panics; required

	MaxHead        int           // bytes of a request's head; 0 means 64 KiB
	MaxConnections int           // open at once; 0 means 10,000
	HeaderTime     time.Duration // from the first byte of a head to its last; 0 means 10 s
	IdleTime       time.Duration // between requests; 0 means 2 min
	WriteTime      time.Duration // for a client to take a part of an answer; 0 means 1 min

	stopping atomic.Bool
	dated    atomic.Pointer[stamp]

	mu        sync.Mutex
	prepared  bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	empty     chan struct{} // closed when the last connection has ended; nil while nobody waits
}

// prepare fills in the defaults, once.
func (s *Server) prepare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared {
		return
	}
	s.prepared = true
	s.listeners, s.conns = map[net.Listener]struct{}{}, map[*conn]struct{}{}
	s.MaxHead, s.MaxConnections = or(s.MaxHead, 64<<10), or(s.MaxConnections, 10_000)
	s.HeaderTime, s.IdleTime, s.WriteTime = or(s.HeaderTime, 10*time.Second), or(s.IdleTime, 2*time.Minute), or(s.WriteTime, time.Minute)
}

func or[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Serve takes connections until the server is shut down or closed, when it is
// http.ErrServerClosed, or the listener fails. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	s.prepare()
	defer l.Close()
	if !s.listen(l) {
		return http.ErrServerClosed
	}
	for pause := time.Duration(0); ; {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			s.take(nc)
			continue
		}
		if s.stopping.Load() {
			return http.ErrServerClosed
		}
		// Out of files, as a rule: it passes when connections end.
		//lint:ignore SA1019 net/http asks the same
		if ne, ok := err.(net.Error); !ok || !ne.Temporary() {
			return err
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.Log.Warn("accept a connection", "err", err, "retry", pause)
		time.Sleep(pause)
	}
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

// busy is the answer to a connection that is one too many.
const busy = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

// take serves a connection, if there is room for it.
func (s *Server) take(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	full := len(s.conns) >= s.MaxConnections
	stopping := s.stopping.Load()
	if !full && !stopping {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	if full && !stopping {
		_ = nc.SetWriteDeadline(time.Now().Add(time.Second)) // it fits what the system buffers
		_, _ = nc.Write([]byte(busy))
	}
	if full || stopping {
		nc.Close()
		return
	}
	go func() {
		defer s.ended(c)
		c.serve()
	}()
}

func (s *Server) ended(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// Shutdown takes no more connections or requests, and waits until the requests
// that run are answered or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	empty, n := s.stop()
	if empty == nil {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d connections were open: %w", n, context.Cause(ctx))
	}
}

// stop closes all that is idle. The channel is closed when nothing is left; it
// is nil when nothing is.
func (s *Server) stop() (empty chan struct{}, conns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping.Store(true)
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		if c.state.CompareAndSwap(idle, closed) {
			c.net.Close()
		}
	}
	if len(s.conns) == 0 {
		return nil, 0
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	return s.empty, len(s.conns)
}

// Close ends every connection, and waits until no handler runs.
func (s *Server) Close() error {
	empty, _ := s.stop()
	s.mu.Lock()
	var errs []error
	for c := range s.conns {
		if err := c.net.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.mu.Unlock()
	if empty != nil {
		<-empty
	}
	return errors.Join(errs...)
}

// stamp is the Date of a second.
type stamp struct {
	second int64
	text   []byte
}

// date is the value of Date.
func (s *Server) date() []byte {
	now := time.Now()
	if d := s.dated.Load(); d != nil && d.second == now.Unix() {
		return d.text
	}
	d := &stamp{now.Unix(), []byte(now.UTC().Format(http.TimeFormat))}
	s.dated.Store(d)
	return d.text
}

func (s *Server) noURL() *url.URL { return new(url.URL) }
