package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/socket"
)

// Runner runs scripts. An executor is one.
type Runner interface {
	// Run runs a version on an event; the host answers what the run asks
	// for. It always has an outcome.
	Run(ctx context.Context, x *picloud.Execution, host picloud.Host) *picloud.Outcome
}

// ServeConfig is what a connection is served with. All fields are required.
type ServeConfig struct {
	Runner Runner
	Hello  Hello
	Log    *slog.Logger
}

// maxRuns is how many runs an executor takes at a time: more than orchestrators
// let in.
const maxRuns = 64 << 10

// Serve is the executor's side of a connection, which it takes over. It runs
// what it is sent until the other side closes the connection, which is no
// error, or ctx ends; then it cancels what still runs and waits for it.
func Serve(ctx context.Context, conn net.Conn, cfg ServeConfig) error {
	defer conn.Close()
	conn = socket.Quick(conn)
	s := &server{cfg: cfg, w: newWriter(conn), r: newReader(conn), workers: workers{jobs: make(chan func())}, runs: map[uint64]*serving{}}
	if _, err := greet(conn, s.r, cfg.Hello, false); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var writing sync.WaitGroup
	writing.Go(func() {
		if s.w.run() != nil {
			conn.Close() // and so the end of reading
		}
	})
	err := s.read()
	s.cancelAll()
	s.workers.stop()
	s.w.close(net.ErrClosed)
	writing.Wait()
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// server is a connection that is served.
type server struct {
	cfg     ServeConfig
	w       *writer
	r       *reader
	workers workers

	mu   sync.Mutex
	runs map[uint64]*serving
}

// serving is a run on its way.
type serving struct {
	cancel context.CancelFunc
	host   *remoteHost
}

func (s *server) read() error {
	for {
		h, err := s.r.head()
		if err != nil {
			return err
		}
		if err := s.receive(h); err != nil {
			return err
		}
	}
}

func (s *server) receive(h head) error {
	switch h.kind {
	case kindRun:
		b, owned, err := s.r.payload(h, maxRun)
		if err != nil {
			return err
		}
		x, wait, err := decodeExecution(b, owned)
		if err != nil {
			return err
		}
		return s.begin(h.id, x, wait)
	case kindCancel:
		if run := s.run(h.id); run != nil {
			run.cancel()
		}
		return s.r.skip(h, 0)
	case kindAnswer:
		b, _, err := s.r.payload(h, maxAnswer)
		if err != nil {
			return err
		}
		d := &decoder{s: string(b)}
		seq := d.uint()
		if run := s.run(h.id); run != nil && d.err == nil {
			run.host.calls.answer(seq, d)
		}
		return d.err
	case kindPing:
		if err := s.w.send(kindPong, h.id, nil); err != nil {
			return err
		}
		return s.r.skip(h, 0)
	}
	return broken("a frame of kind %d", h.kind)
}

func (s *server) run(id uint64) *serving {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[id]
}

// begin starts a run.
func (s *server) begin(id uint64, x *picloud.Execution, wait time.Duration) error {
	ctx, cancel := within(wait)
	run := &serving{cancel: cancel, host: &remoteHost{w: s.w, id: id}}
	s.mu.Lock()
	_, taken := s.runs[id]
	if !taken && len(s.runs) < maxRuns {
		s.runs[id] = run
	}
	n := len(s.runs)
	s.mu.Unlock()
	if taken || n >= maxRuns {
		cancel()
		return broken("run %d begins twice, or as one of %d", id, n)
	}
	s.workers.do(func() {
		out := s.guarded(ctx, x, run.host)
		cancel()
		s.mu.Lock()
		delete(s.runs, id)
		s.mu.Unlock()
		s.answer(id, x, out)
	})
	return nil
}

// within is a context that ends after a while, or with 0 only when it is told.
// It has no parent, whose lock all runs would meet at: cancelAll is for that.
func within(d time.Duration) (context.Context, context.CancelFunc) {
	if d > 0 {
		return context.WithTimeout(context.Background(), d)
	}
	return context.WithCancel(context.Background())
}

// guarded runs an execution. A panic is a bug of ours and the end of that run,
// not of the process.
func (s *server) guarded(ctx context.Context, x *picloud.Execution, host picloud.Host) (out *picloud.Outcome) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Log.Error("a run made the executor panic", "invocation", x.ID, "app", x.App, "script", x.Script, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			out = &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeInternal, Message: "something went wrong inside the server"}}
		}
	}()
	return s.cfg.Runner.Run(ctx, x, host)
}

// answer sends an outcome. One that is larger than the limits of its run allow
// is not sent: the other side would take it for an attack.
func (s *server) answer(id uint64, x *picloud.Execution, out *picloud.Outcome) {
	if r := out.Response; r != nil && int64(len(r.Body)) > x.Limits.ResponseBytes {
		out = &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeResponseSize, Message: "the response is larger than allowed"}}
	}
	if err := s.w.send(kindOutcome, id, func(b []byte) []byte { return appendOutcome(b, out) }); err != nil && !errors.Is(err, net.ErrClosed) {
		s.cfg.Log.Warn("an outcome was not sent", "invocation", x.ID, "err", err)
	}
}

func (s *server) cancelAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, run := range s.runs {
		run.cancel()
	}
}

// calls are the calls of a run whose answers have not come. The zero value has
// none.
type calls struct {
	mu   sync.Mutex
	last uint64
	due  map[uint64]chan *decoder
}

func (c *calls) open() (seq uint64, answer <-chan *decoder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.due == nil {
		c.due = map[uint64]chan *decoder{}
	}
	c.last++
	due := make(chan *decoder, 1)
	c.due[c.last] = due
	return c.last, due
}

func (c *calls) close(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.due, seq)
}

// answer hands an answer over, once; nobody may want it any more.
func (c *calls) answer(seq uint64, d *decoder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if due := c.due[seq]; due != nil {
		due <- d
		delete(c.due, seq)
	}
}
