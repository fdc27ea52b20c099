package wire_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/executor/executortest"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/wire"
)

// pair is a socket pair, as a child process gets one.
func pair(t testing.TB) (here, there net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	t.Cleanup(func() {
		ends[0].Close()
		ends[1].Close()
	})
	return ends[0], ends[1]
}

// connect serves an executor at the other end of a connection until the test
// ends.
func connect(t testing.TB, r wire.Runner, grace time.Duration) *wire.Client {
	t.Helper()
	here, there := pair(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		err := wire.Serve(context.Background(), there, wire.ServeConfig{
			Runner: r, Hello: wire.Hello{Program: "test", PID: 42}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("serving ends with %v", err)
		}
	})
	c, err := wire.Dial(here, wire.ClientConfig{Program: "test", Log: slog.New(slog.DiscardHandler), Grace: grace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		serving.Wait()
	})
	return c
}

// wired is an executor behind a connection.
type wired struct{ *wire.Client }

func (w wired) Run(ctx context.Context, x *picloud.Execution, host picloud.Host) *picloud.Outcome {
	o, err := w.Client.Run(ctx, x, host)
	if err != nil {
		return &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeInternal, Message: err.Error()}}
	}
	return o
}

func TestExercise(t *testing.T) {
	t.Parallel()
	executortest.Exercise(t, wired{connect(t, executor.New(executor.Config{Log: slog.New(slog.DiscardHandler)}), 0)})
}
