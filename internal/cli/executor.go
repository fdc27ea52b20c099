package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/isolate"
	"github.com/picloud/picloud/internal/lockdown"
	"github.com/picloud/picloud/internal/wire"
)

const (
	// childName is the command as which a server starts itself again to be its
	// executor.
	childName = "executor-child"
	// memoryHeadroom is what an executor may use beyond twice its soft limit:
	// the runtime, and what stands for a moment before it is collected.
	memoryHeadroom = 256 << 20
	// maxOrchestrators is how many connections an executor serves: one, and
	// those of orchestrators that are being replaced.
	maxOrchestrators = 8
)

// childCommand is for the server's own use. What it says goes to the server's
// log; it ends when the server closes the connection.
func (c *command) childCommand() *cobra.Command {
	return &cobra.Command{
		Use: childName, Hidden: true, Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			// Keys and service managers reach every process of a group: what
			// counts is that the server ends.
			signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			log := slog.New(slog.NewJSONHandler(c.Stderr, nil))
			conn, err := isolate.Inherited()
			if err != nil {
				return hinted("it is started by the server, with --isolate", "%s: %w", childName, err)
			}
			return wire.Serve(context.Background(), conn, c.lockedDown(false, log))
		},
	}
}

// lockedDown locks this process down and is what it then serves.
func (c *command) lockedDown(accept bool, log *slog.Logger) wire.ServeConfig {
	cfg := lockdown.Config{Accept: accept}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		cfg.MemoryBytes = 2*limit + memoryHeadroom
	}
	_ = time.Now().Local().String() // reads the time zone while it can be read
	measures := lockdown.Apply(cfg)
	return wire.ServeConfig{
		Runner: executor.New(executor.Config{Log: log, Slots: spareProcessor(c.Getenv)}), Log: log,
		Hello: wire.Hello{Program: c.Version, PID: os.Getpid(), Measures: measures},
	}
}

// RunExecutor runs the sandbox of a node as picloud-executor, until ctx is
// done, and is its exit code.
func RunExecutor(ctx context.Context, env Env) int {
	c := &command{Env: env}
	var s executorSettings
	cmd := &cobra.Command{
		Use: "picloud-executor", Short: "The sandbox of a PiCloud node", Args: exactly(),
		Long: `The sandbox of a PiCloud node: it runs the scripts that an orchestrator on the
same machine sends it over a Unix socket (picloud-orchestrator --executor-socket).
It has no database, no network and, once it listens, no files: on Linux it locks
itself down, and logs what it could not do. Every flag has a variable: --socket is
PICLOUD_EXECUTOR_SOCKET; flags go first.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.complete(c.Getenv, cmd.Flags().Changed); err != nil {
				return err
			}
			return c.executor(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.socket, "socket", "", "path of the Unix socket to listen on (required)")
	f.StringVar(&s.logFormat, "log-format", "auto", "text, json, or auto: text on a terminal")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	return c.service(ctx, cmd)
}

// executorSettings is what an executor is started with.
type executorSettings struct {
	socket, logFormat, logLevel string
}

func (s *executorSettings) complete(getenv func(string) string, changed func(flag string) bool) error {
	for _, v := range []struct {
		flag, name string
		value      *string
	}{
		{"socket", "PICLOUD_EXECUTOR_SOCKET", &s.socket},
		{"log-format", "PICLOUD_LOG_FORMAT", &s.logFormat},
		{"log-level", "PICLOUD_LOG_LEVEL", &s.logLevel},
	} {
		if env := getenv(v.name); env != "" && !changed(v.flag) {
			*v.value = env
		}
	}
	if s.socket == "" {
		return usagef("--socket is missing: it is where the orchestrator finds this executor (also PICLOUD_EXECUTOR_SOCKET)")
	}
	return nil
}

// executor serves orchestrators until ctx is done.
func (c *command) executor(ctx context.Context, s executorSettings) error {
	log, err := newLogger(c.Stderr, s.logFormat, s.logLevel)
	if err != nil {
		return err
	}
	limitMemory(c.Getenv, memoryShare)
	l, err := listenUnix(ctx, s.socket)
	if err != nil {
		return err
	}
	defer l.Close()
	cfg := c.lockedDown(true, log)
	for _, m := range cfg.Hello.Measures {
		level := slog.LevelInfo
		if !m.Done {
			level = slog.LevelWarn
		}
		log.Log(ctx, level, "lock-down", "measure", m.Name, "done", m.Done, "detail", m.Detail)
	}
	fmt.Fprintf(c.Stdout, "PiCloud executor %s listens on %s\n", c.Version, s.socket)
	return serveOrchestrators(ctx, l, cfg)
}

// listenUnix listens on a path, where a socket may be left from an executor
// that is gone. Who may connect is who may write to the socket: the user and
// the group of this process.
func listenUnix(ctx context.Context, path string) (*net.UnixListener, error) {
	var d net.Dialer
	if conn, err := d.DialContext(ctx, "unix", path); err == nil {
		conn.Close()
		return nil, hinted("stop it first, or choose another path with --socket", "another executor listens on %s", path)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove the socket of an executor that is gone: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of the socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false) // once locked down, it cannot
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serveOrchestrators serves connections until ctx is done.
func serveOrchestrators(ctx context.Context, l *net.UnixListener, cfg wire.ServeConfig) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	free := make(chan struct{}, maxOrchestrators)
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		select {
		case free <- struct{}{}:
		default:
			cfg.Log.Warn("a connection is refused: too many orchestrators", "most", maxOrchestrators)
			conn.Close()
			continue
		}
		serving.Go(func() {
			defer func() { <-free }()
			cfg.Log.Info("an orchestrator is connected")
			if err := wire.Serve(ctx, conn, cfg); err != nil {
				cfg.Log.Warn("the connection to an orchestrator ended", "err", err)
			}
		})
	}
}
