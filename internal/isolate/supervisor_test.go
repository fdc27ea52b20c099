//go:build unix

package isolate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/executor/executortest"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
	"github.com/picloud/picloud/internal/wire"
)

// The ways in which this test binary, run again, is a child.
const (
	childGood    = "child"
	childDies    = "child-that-dies" // before it says anything
	childLies    = "child-that-lies" // and answers with nonsense
	childChatter = "child-that-chatters"
	childDeaf    = "child-that-is-deaf" // to signals that ask it to end, and to the end of its connection
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], "child") {
		os.Exit(child(os.Args[1]))
	}
	os.Exit(m.Run())
}

func child(how string) int {
	if len(os.Environ()) != 1 || os.Getenv("GOTRACEBACK") != "none" {
		fmt.Fprintln(os.Stderr, "the environment is", os.Environ())
		return 9
	}
	if how == childDies {
		return 7
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
	conn, err := Inherited()
	if err != nil {
		return 8
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	switch how {
	case childLies:
		conn.Write(bytes.Repeat([]byte("nonsense"), 100))
		wait := make([]byte, 1)
		for {
			if _, err := conn.Read(wait); err != nil {
				return 0
			}
		}
	case childChatter:
		for i := range 10 * maxChildLines {
			fmt.Fprintln(os.Stderr, "line", i, strings.Repeat("x", 2*maxChildLine))
		}
		log.Warn("a warning", "of", "mine")
	case childDeaf:
		defer func() { select {} }()
	}
	hello := wire.Hello{Program: "test", PID: os.Getpid(), Measures: []picloud.Measure{{Name: "seccomp", Detail: "this is a test"}}}
	if wire.Serve(context.Background(), conn, wire.ServeConfig{Runner: executor.New(executor.Config{Log: log}), Hello: hello, Log: log}) != nil {
		return 6
	}
	return 0
}

// lines is a log that tests read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// supervise makes a supervisor of a child, and is its log.
func supervise(t *testing.T, how string, edits ...func(*Config)) (*Supervisor, *lines) {
	t.Helper()
	log := new(lines)
	cfg := Config{
		Command: &Command{Path: os.Args[0], Args: []string{how}, Env: []string{"GOTRACEBACK=none"}},
		Program: "test", Log: slog.New(slog.NewJSONHandler(log, nil)), MaxWait: testenv.Patience,
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		s.Stop()
		if status := s.Status(); status.State != picloud.ExecutorStopped || status.PID != 0 {
			t.Errorf("stopped, it is %+v", status)
		}
	})
	return s, log
}

func start(t *testing.T, s *Supervisor) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// run runs a script that is quickly done.
func run(t *testing.T, s *Supervisor) *picloud.Outcome {
	t.Helper()
	return s.Run(t.Context(), executortest.Execution("quick"), executortest.Shelf{"quick": `"done"`})
}

func TestExercise(t *testing.T) {
	t.Parallel()
	s, _ := supervise(t, childGood)
	start(t, s)
	executortest.Exercise(t, s)
}

// TestAKilledExecutorIsBack kills the child under runs that go on and others
// that come: those that ran are lost, the others are answered.
func TestAKilledExecutorIsBack(t *testing.T) {
	t.Parallel()
	s, log := supervise(t, childGood)
	start(t, s)
	host := &startedHost{Shelf: executortest.Shelf{"endless": `loop { }`}, started: make(chan struct{}, 8)}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			x := executortest.Execution("endless")
			x.Hash = "endless"
			x.Limits.Operations, x.Limits.WallTimeMS = 1<<40, 300_000
			o := s.Run(t.Context(), x, host)
			if o.Error == nil || o.Error.Code != picloud.CodeExecutorLost {
				t.Errorf("a run whose executor was killed: %+v, %+v", o.Response, o.Error)
			}
		})
	}
	<-host.started
	first := s.Status().PID
	testenv.Eventually(t, "all of them run", func() bool { return inFlight(s) == 8 })
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	if o := run(t, s); o.Error != nil {
		t.Errorf("after the kill: %+v", o.Error)
	}
	status := s.Status()
	if status.State != picloud.ExecutorReady || status.PID == first || status.Restarts != 1 || !strings.Contains(status.LastEnd, "signal: killed") || len(status.Measures) != 1 {
		t.Errorf("%+v", status)
	}
	if !strings.Contains(log.String(), "started again") || !strings.Contains(log.String(), "seccomp: this is a test") {
		t.Errorf("the log says nothing:\n%s", log)
	}
}

// startedHost tells when a program is asked for.
type startedHost struct {
	executortest.Shelf
	started chan struct{}
}

func (h *startedHost) VersionSource(ctx context.Context, hash string) (string, error) {
	h.started <- struct{}{}
	return h.Shelf.VersionSource(ctx, hash)
}

// inFlight is how many runs the executor has.
func inFlight(s *Supervisor) int {
	client, _, _ := s.look()
	if client == nil {
		return 0
	}
	return client.Running()
}

func TestAStuckExecutorIsReplaced(t *testing.T) {
	t.Parallel()
	s, log := supervise(t, childGood, func(c *Config) { c.Grace = 100 * time.Millisecond })
	start(t, s)
	first := s.Status().PID
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	x := executortest.Execution("endless")
	x.Limits.WallTimeMS = 20
	if o := s.Run(t.Context(), x, executortest.Shelf{"endless": `loop { }`}); o.Error == nil || o.Error.Code != picloud.CodeTimeout {
		t.Errorf("a run on an executor that is stopped: %+v", o.Error)
	}
	testenv.Eventually(t, "another executor is there", func() bool {
		st := s.Status()
		return st.State == picloud.ExecutorReady && st.PID != first
	})
	if o := run(t, s); o.Error != nil {
		t.Errorf("on the next one: %+v", o.Error)
	}
	if !strings.Contains(log.String(), wire.ErrStuck.Error()) {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestAnExecutorThatCrashesIsStartedLessAndLessOften(t *testing.T) {
	t.Parallel()
	s, log := supervise(t, childDies, func(c *Config) { c.MaxWait = 10 * time.Millisecond })
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("start: %v", err)
	}
	if o := run(t, s); o.Error == nil || o.Error.Code != picloud.CodeUnavailable {
		t.Errorf("without an executor: %+v", o.Error)
	}
	testenv.Eventually(t, "it is tried again", func() bool { return s.Status().Restarts >= 3 })
	for _, wait := range []time.Duration{firstDelay, 2 * firstDelay, 4 * firstDelay} {
		if !strings.Contains(log.String(), fmt.Sprintf(`"wait":%d`, wait)) {
			t.Errorf("no wait of %v:\n%s", wait, log)
		}
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	if got := nextDelay(maxDelay, steadyTime); got != 0 {
		t.Errorf("after a steady one: %v", got)
	}
	var d, total time.Duration
	for range 20 {
		d = nextDelay(d, 0)
		total += d
	}
	if d != maxDelay || nextDelay(0, time.Second) > time.Second/2 {
		t.Errorf("delays end at %v", d)
	}
}

func TestAnExecutorThatLiesIsKilled(t *testing.T) {
	t.Parallel()
	s, log := supervise(t, childLies)
	if err := s.Start(t.Context()); err == nil {
		t.Error("it starts")
	}
	if !strings.Contains(log.String(), "protocol") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestADeafExecutorIsKilledAtTheEnd(t *testing.T) {
	t.Parallel()
	s, _ := supervise(t, childDeaf)
	start(t, s)
	pid := s.Status().PID
	s.Stop()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if o := run(t, s); o.Error == nil || o.Error.Code != picloud.CodeUnavailable {
		t.Errorf("after the end: %+v", o.Error)
	}
}

func TestALazyExecutorIsStartedByTheFirstRun(t *testing.T) {
	t.Parallel()
	s, _ := supervise(t, childGood, func(c *Config) { c.Lazy = true })
	start(t, s)
	if st := s.Status(); st.State != picloud.ExecutorStopped {
		t.Errorf("%+v", st)
	}
	if o := run(t, s); o.Error != nil {
		t.Errorf("the first run: %+v", o.Error)
	}
}

func TestChatterIsBounded(t *testing.T) {
	t.Parallel()
	s, log := supervise(t, childChatter)
	start(t, s)
	if o := run(t, s); o.Error != nil {
		t.Errorf("%+v", o.Error)
	}
	s.Stop()
	if n := len(log.String()); n > 4*maxChildLines*maxChildLine { // what two seconds allow, as JSON
		t.Errorf("%d bytes are in the log", n)
	}
	if !strings.Contains(log.String(), "lines_dropped") {
		t.Error("nothing was dropped")
	}
}

func TestChildLog(t *testing.T) {
	t.Parallel()
	log := new(lines)
	l := &childLog{log: slog.New(slog.NewTextHandler(log, nil))}
	for _, part := range []string{"panic: ", "oh no\n{\"level\":\"WARN\",\"msg\":\"careful\",\"time\":\"x\",\"n\":7}\n", "\n", "{\"level\":\"INFO\"", ",\"msg\":\"half\"}"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	l.flush()
	for _, want := range []string{`level=ERROR msg="executor: panic: oh no"`, `level=WARN msg=careful executor=map[n:7]`, `level=INFO msg=half`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in\n%s", want, log)
		}
	}
	if got := strings.Count(log.String(), "\n"); got != 3 {
		t.Errorf("%d lines", got)
	}
}

// TestASocketOfSomebodyElse uses an executor that is not our child, before it
// is there, and after it has been replaced.
func TestASocketOfSomebodyElse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "executor.sock")
	s, _ := supervise(t, "", func(c *Config) { c.Command, c.Socket = nil, path })
	serve := func() (stop func()) {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var serving sync.WaitGroup
		serving.Go(func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			log := slog.New(slog.DiscardHandler)
			_ = wire.Serve(ctx, conn, wire.ServeConfig{Runner: executor.New(executor.Config{Log: log}), Hello: wire.Hello{Program: "test"}, Log: log})
		})
		return func() { l.Close(); cancel(); serving.Wait() }
	}
	early, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Start(early); err == nil {
		t.Error("it starts without an executor")
	}
	for range 2 {
		stop := serve()
		if o := run(t, s); o.Error != nil {
			t.Errorf("%+v", o.Error)
		}
		stop()
		testenv.Eventually(t, "that it is gone is noticed", func() bool { return s.Status().State != picloud.ExecutorReady })
	}
}
