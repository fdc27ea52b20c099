package isolate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/wire"
)

const (
	// defaultMaxWait is how long a run waits for an executor that is being
	// started: a start takes a fraction of it.
	defaultMaxWait = 3 * time.Second
	// An executor that ends within steadyTime of its start is crashing: the
	// next start waits, twice as long each time.
	steadyTime = 10 * time.Second
	firstDelay = 100 * time.Millisecond
	maxDelay   = 5 * time.Second
	// endTime is how long a child may take to end once its socket is closed.
	endTime = 2 * time.Second
)

// Config is what a Supervisor is made from. Fields without a default are
// required, and one of Command and Socket.
type Config struct {
	Command *Command // starts the executor as a child
	Socket  string   // path of the Unix socket where an executor listens
	Program string   // the version of this program
	Log     *slog.Logger

	// Lazy starts the executor when the first run comes.
	Lazy bool
	// MaxWait is how long a run waits for an executor; 0 means 3 s.
	MaxWait time.Duration
	// Grace is how long an executor may take beyond what a run was given; 0
	// means wire.DefaultGrace.
	Grace time.Duration
}

// Command says how a child is started. It gets no other environment than Env.
type Command struct {
	Path string
	Args []string // without the program's name
	Env  []string
}

// Supervisor keeps an executor process and runs scripts in it. It is safe for
// concurrent use. New makes one.
type Supervisor struct {
	cfg     Config
	ctx     context.Context // ends with Stop
	stop    context.CancelFunc
	looping sync.WaitGroup

	mu      sync.Mutex
	started bool
	stopped bool
	client  *wire.Client // nil while there is none
	status  picloud.ExecutorStatus
	changed chan struct{} // closed when any of the above changes
}

// New makes a supervisor.
func New(cfg Config) (*Supervisor, error) {
	if (cfg.Command == nil) == (cfg.Socket == "") || cfg.Program == "" || cfg.Log == nil {
		return nil, errors.New("isolate: incomplete configuration")
	}
	if cfg.MaxWait == 0 {
		cfg.MaxWait = defaultMaxWait
	}
	s := &Supervisor{cfg: cfg, changed: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.status.State, s.status.Since = picloud.ExecutorStopped, time.Now()
	return s, nil
}

// Start starts the executor, unless it is lazy, and waits until it is ready or
// ctx ends. That it does not come up the first time is an error; Stop must
// follow either way.
func (s *Supervisor) Start(ctx context.Context) error {
	if s.cfg.Lazy {
		return nil
	}
	s.begin()
	for {
		client, changed, status := s.look()
		switch {
		case client != nil:
			return nil
		case status.State == picloud.ExecutorDown && s.cfg.Command != nil:
			return fmt.Errorf("start the executor: %s", status.LastEnd)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("start the executor: %w; %s", context.Cause(ctx), status.LastEnd)
		}
	}
}

// begin starts the loop, once.
func (s *Supervisor) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started && !s.stopped {
		s.started = true
		s.looping.Go(s.loop)
	}
}

// Stop ends the executor and waits until it has. Runs that have not ended fail.
// It may be called again, and without Start.
func (s *Supervisor) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.stop()
	s.looping.Wait()
}

// Status tells how the executor is.
func (s *Supervisor) Status() picloud.ExecutorStatus {
	_, _, status := s.look()
	return status
}

// look is how things are, and a channel that is closed when that changes.
func (s *Supervisor) look() (*wire.Client, <-chan struct{}, picloud.ExecutorStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client, s.changed, s.status
}

// set changes how things are.
func (s *Supervisor) set(client *wire.Client, state picloud.ExecutorState, edit func(*picloud.ExecutorStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = client
	s.status.State, s.status.Since = state, time.Now()
	if edit != nil {
		edit(&s.status)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Run runs a version on an event in the executor. It always has an outcome:
// CodeUnavailable when there was no executor for a while, and the script has
// not run; CodeExecutorLost when the executor ended while it ran.
func (s *Supervisor) Run(ctx context.Context, x *picloud.Execution, host picloud.Host) *picloud.Outcome {
	var patience <-chan time.Time
	for {
		client, changed, _ := s.look()
		if client != nil {
			o, err := client.Run(ctx, x, host)
			if err == nil {
				return o
			}
			if !errors.Is(err, wire.ErrClosed) {
				return unavailable("the executor takes no more right now")
			}
		} else if s.cfg.Lazy {
			s.begin()
		}
		if patience == nil {
			timer := time.NewTimer(s.cfg.MaxWait)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-changed:
		case <-patience:
			return unavailable("the executor is being started again")
		case <-s.ctx.Done():
			return unavailable("the server is stopping")
		case <-ctx.Done():
			return &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeCanceled, Message: "the run was canceled"}}
		}
	}
}

func unavailable(why string) *picloud.Outcome {
	return &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeUnavailable, Message: why}}
}

// peer is an executor process with a connection to it.
type peer struct {
	conn net.Conn
	// end sees to it that the process is gone and tells how it ended. The
	// connection is closed by then. The process is given a moment to end by
	// itself if patient is set, and killed at once if not.
	end func(patient bool) string
}

// loop has one executor after another until the supervisor is stopped.
func (s *Supervisor) loop() {
	var delay time.Duration
	for s.ctx.Err() == nil {
		s.set(nil, picloud.ExecutorStarting, nil)
		began := time.Now()
		end := s.once()
		if s.ctx.Err() != nil {
			break
		}
		delay = nextDelay(delay, time.Since(began))
		s.cfg.Log.Error("the executor ended and is started again", "how", end, "lived", time.Since(began).Round(time.Millisecond), "wait", delay)
		s.set(nil, picloud.ExecutorDown, func(st *picloud.ExecutorStatus) {
			st.PID, st.LastEnd = 0, end
			st.Restarts++
		})
		s.pause(delay)
	}
	s.set(nil, picloud.ExecutorStopped, func(st *picloud.ExecutorStatus) { st.PID = 0 })
}

// nextDelay is how long to wait after an executor that lived for so long: not
// at all after one that was steady, twice as long as before after others.
func nextDelay(last, lived time.Duration) time.Duration {
	switch {
	case lived >= steadyTime:
		return 0
	case last == 0:
		return firstDelay
	}
	return min(2*last, maxDelay)
}

func (s *Supervisor) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// once has one executor until it ends, and is how it did.
func (s *Supervisor) once() string {
	p, err := s.open()
	if err != nil {
		return err.Error()
	}
	client, err := wire.Dial(p.conn, wire.ClientConfig{Program: s.cfg.Program, Log: s.cfg.Log, Grace: s.cfg.Grace})
	if err != nil {
		return fmt.Sprintf("%v (%s)", err, p.end(false))
	}
	s.announce(client.Hello())
	s.set(client, picloud.ExecutorReady, func(st *picloud.ExecutorStatus) {
		h := client.Hello()
		st.PID, st.Version, st.Measures = h.PID, h.Program, h.Measures
	})
	select {
	case <-client.Done():
	case <-s.ctx.Done():
	}
	client.Close()
	return fmt.Sprintf("%v (%s)", client.Err(), p.end(s.ctx.Err() != nil))
}

// announce tells the log what the executor could do to lock itself down, and
// loudly what it could not.
func (s *Supervisor) announce(h wire.Hello) {
	var done, missing []string
	for _, m := range h.Measures {
		if m.Done {
			done = append(done, m.Name)
		} else {
			missing = append(missing, m.Name+": "+m.Detail)
		}
	}
	s.cfg.Log.Info("the executor is ready", "pid", h.PID, "locked_down", strings.Join(done, ", "))
	if len(missing) > 0 {
		s.cfg.Log.Warn("the executor is less locked down than it could be", "missing", strings.Join(missing, "; "))
	}
}

// open starts a child, or dials an executor.
func (s *Supervisor) open() (peer, error) {
	if s.cfg.Command != nil {
		return startChild(s.cfg.Command, s.cfg.Log)
	}
	var d net.Dialer
	conn, err := d.DialContext(s.ctx, "unix", s.cfg.Socket)
	if err != nil {
		return peer{}, err
	}
	return peer{conn, func(bool) string { return "at " + s.cfg.Socket }}, nil
}
