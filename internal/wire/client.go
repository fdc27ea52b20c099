package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/socket"
)

const (
	// DefaultGrace is how long an executor may take beyond what it was given:
	// to end a run whose wall time is over, to answer a ping.
	DefaultGrace = 3 * time.Second
	// stuckGraces is how many graces a run may go on that was told to end, in
	// an executor that does speak: it may just be very busy.
	stuckGraces = 10
	// cancelGrace is how long the outcome of a run is waited for that nobody
	// wants any more, for the sake of its record.
	cancelGrace = time.Second
)

// ErrClosed means that a connection is closed and that a run was not sent.
var ErrClosed = errors.New("the connection to the executor is closed")

// ErrStuck is why a connection is closed whose executor says nothing, or does
// not end what it was told to.
var ErrStuck = errors.New("the executor is stuck")

// ClientConfig is what a Client is made from. Fields without a default are
// required.
type ClientConfig struct {
	Program string // the version of this program
	Log     *slog.Logger
	Grace   time.Duration // 0: DefaultGrace
}

// Client is the orchestrator's side of a connection. It is safe for concurrent
// use. Dial makes one; Close must follow.
type Client struct {
	cfg   ClientConfig
	conn  net.Conn
	w     *writer
	r     *reader
	hello Hello

	beside sync.WaitGroup // what answers calls and watches
	done   chan struct{}  // closed when all goroutines have ended
	closed chan struct{}  // closed with err
	heard  atomic.Int64   // frames that have come

	mu       sync.Mutex
	runs     map[uint64]*pending
	given    map[uint64]int // runs that were given up and have not ended, and for how many graces
	watching bool
	last     uint64 // the last id that was given
	err      error  // why it is closed
}

// Dial greets the executor at the other end of conn, which it takes over: an
// error closes it.
func Dial(conn net.Conn, cfg ClientConfig) (*Client, error) {
	if cfg.Grace == 0 {
		cfg.Grace = DefaultGrace
	}
	conn = socket.Quick(conn)
	c := &Client{
		cfg: cfg, conn: conn, w: newWriter(conn), r: newReader(conn), runs: map[uint64]*pending{}, given: map[uint64]int{},
		done: make(chan struct{}), closed: make(chan struct{}),
	}
	var err error
	if c.hello, err = greet(conn, c.r, Hello{Program: cfg.Program}, true); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var sides sync.WaitGroup
	sides.Go(func() { c.fail(c.w.run()) })
	sides.Go(func() { c.fail(c.read()) })
	go func() {
		sides.Wait()
		c.beside.Wait()
		close(c.done)
	}()
	return c, nil
}

// Hello is what the executor said about itself.
func (c *Client) Hello() Hello { return c.hello }

// Running is how many runs have been sent and have no outcome yet.
func (c *Client) Running() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.runs)
}

// Done is closed when the connection is and everything that belonged to it has
// ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the connection is closed; nil while it is open.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close closes the connection. Runs that have not ended fail with
// CodeExecutorLost. It waits for everything that belongs to the connection,
// and may be called again.
func (c *Client) Close() {
	c.fail(ErrClosed)
	<-c.done
}

// fail closes the connection for a reason, of which the first one counts, and
// ends every run.
func (c *Client) fail(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	lost := slices.Collect(maps.Values(c.runs))
	clear(c.runs)
	c.mu.Unlock()
	close(c.closed)
	c.w.close(err)
	c.conn.Close()
	for _, p := range lost {
		p.end(lostOutcome())
	}
}

// lostOutcome is that of a run whose executor has gone.
func lostOutcome() *picloud.Outcome {
	return &picloud.Outcome{Error: &picloud.ScriptError{
		Code: picloud.CodeExecutorLost, Message: "the process that ran the script ended before it did",
	}}
}

// Run has the executor run a version on an event and waits for the end. An
// error means that it has not been sent: ErrClosed, or that the executor takes
// no more. What has been sent always has an outcome: when the executor goes
// away CodeExecutorLost, when ctx ends CodeCanceled, and when it does not end
// in time CodeTimeout.
func (c *Client) Run(ctx context.Context, x *picloud.Execution, host picloud.Host) (*picloud.Outcome, error) {
	started := time.Now()
	p := &pending{x: x, host: host, parent: ctx, outcome: make(chan *picloud.Outcome, 1)}
	if x.Replay != nil {
		for _, hash := range x.Replay.Versions {
			p.name(hash)
		}
	}
	id, err := c.begin(p)
	if err != nil {
		return nil, err
	}
	overdue := time.NewTimer(x.WallTime() + c.cfg.Grace)
	defer overdue.Stop()
	select {
	case o := <-p.outcome:
		return o, nil
	case <-ctx.Done():
		_ = c.w.send(kindCancel, id, nil) // should it fail, the outcome is on its way
		overdue.Reset(min(cancelGrace, c.cfg.Grace))
	case <-overdue.C:
	}
	return c.giveUp(ctx, id, p, started, overdue), nil
}

// giveUp is the outcome of a run that was canceled, which is waited for a
// little, or that is overdue.
func (c *Client) giveUp(ctx context.Context, id uint64, p *pending, started time.Time, patience *time.Timer) *picloud.Outcome {
	e := &picloud.ScriptError{Code: picloud.CodeTimeout, Message: "the script took longer than " + p.x.WallTime().String()}
	if ctx.Err() != nil {
		e = &picloud.ScriptError{Code: picloud.CodeCanceled, Message: "the run was canceled"}
		select {
		case o := <-p.outcome:
			return o
		case <-patience.C:
		}
	}
	if !c.abandon(id) {
		return <-p.outcome
	}
	p.drop()
	return &picloud.Outcome{Error: e, Duration: time.Since(started)}
}

// begin enters a run and sends it.
func (c *Client) begin(p *pending) (uint64, error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return 0, ErrClosed
	}
	c.last++
	id := c.last
	c.runs[id] = p
	c.mu.Unlock()
	var wait time.Duration
	if deadline, ok := p.parent.Deadline(); ok {
		wait = max(time.Until(deadline), 1)
	}
	err := c.w.send(kindRun, id, func(b []byte) []byte { return appendExecution(b, p.x, wait) })
	if err == nil {
		return id, nil
	}
	if c.take(id) == nil {
		<-p.outcome // the connection was closed in between, and the run with it
		return 0, ErrClosed
	}
	return 0, err
}

// take takes a run out: nobody else ends it then. It is nil if somebody has.
func (c *Client) take(id uint64) *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.runs[id]
	delete(c.runs, id)
	return p
}

// read takes what the executor says until the connection ends.
func (c *Client) read() error {
	for {
		h, err := c.r.head()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the executor has closed the connection")
		case err != nil:
			return err
		}
		c.heard.Add(1)
		if err := c.receive(h); err != nil {
			return err
		}
	}
}

func (c *Client) receive(h head) error {
	switch h.kind {
	case kindOutcome:
		return c.receiveOutcome(h)
	case kindCall:
		return c.receiveCall(h)
	case kindPong:
		return c.r.skip(h, 0) // that it has come is what matters
	}
	return broken("a frame of kind %d", h.kind)
}

// maxStray bounds what comes for a run that nobody waits for any more, whose
// limits are not known.
const maxStray = 1 << 30

func (c *Client) receiveOutcome(h head) error {
	p := c.take(h.id)
	if p == nil {
		return c.stray(h, maxStray)
	}
	b, owned, err := c.r.payload(h, outcomeSize(&p.x.Limits))
	if err == nil {
		var o *picloud.Outcome
		if o, err = decodeOutcome(b, owned, &p.x.Limits); err == nil {
			p.end(o)
			return nil
		}
	}
	p.end(lostOutcome())
	return fmt.Errorf("outcome of %s: %w", p.x.ID, err)
}

// stray reads over what comes for a run that has been given up. One that never
// was is a lie.
func (c *Client) stray(h head, most int) error {
	c.mu.Lock()
	last := c.last
	if h.kind == kindOutcome {
		delete(c.given, h.id)
	}
	c.mu.Unlock()
	if h.id == 0 || h.id > last {
		return broken("a frame of kind %d for a run that never was", h.kind)
	}
	return c.r.skip(h, most)
}

// receiveCall answers a call beside the connection's goroutine: it may take a
// while.
func (c *Client) receiveCall(h head) error {
	c.mu.Lock()
	p := c.runs[h.id]
	c.mu.Unlock()
	if p == nil {
		return c.stray(h, maxCall)
	}
	payload, _, err := c.r.payload(h, maxCall)
	if err != nil {
		return err
	}
	d := &decoder{s: string(payload)}
	seq := d.uint()
	if d.s == "" {
		return broken("a call that says nothing")
	}
	answer := answerings(callKind(d.s[0]))
	if answer == nil {
		return broken("a call of kind %d", d.s[0])
	}
	d.s = d.s[1:]
	ctx, ok := p.open()
	if !ok {
		return broken("a run that makes more than %d calls at once", maxCallsOfRun)
	}
	c.beside.Go(func() {
		defer p.close()
		result, err := answer(ctx, p, d, nil)
		if errors.Is(err, errProtocol) {
			c.fail(err)
			return
		}
		if err != nil && picloud.ErrorCode(err) == picloud.CodeInternal && ctx.Err() == nil {
			c.cfg.Log.Warn("a call of a script was not answered", "invocation", p.x.ID, "script", p.x.Script, "err", err)
		}
		_ = c.w.send(kindAnswer, h.id, func(b []byte) []byte { return appendAnswer(b, seq, result, err) })
	})
	return nil
}
