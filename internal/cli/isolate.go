package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/isolate"
	"github.com/picloud/picloud/internal/orchestrator"
)

// executorStart is how long an executor may take to come up when the server
// starts.
const executorStart = 30 * time.Second

// executor makes what runs the scripts: a value of this process, a child, or
// an executor that somebody else has started.
func (s *server) executor(ctx context.Context) (orchestrator.Executor, error) {
	if !s.settings.isolate && s.settings.socket == "" {
		return executor.New(executor.Config{Log: s.log, Slots: spareProcessor(s.getenv)}), nil
	}
	cfg := isolate.Config{
		Program: s.version, Log: s.log, Socket: s.settings.socket,
		// A manager runs what people try out, and most of the time nothing.
		Lazy: !s.settings.role.public,
	}
	if cfg.Socket == "" {
		path, err := isolate.Self()
		if err != nil {
			return nil, err
		}
		cfg.Command = &isolate.Command{Path: path, Args: []string{childName}, Env: childEnv(s.getenv)}
	}
	supervisor, err := isolate.New(cfg)
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { supervisor.Stop(); return nil })
	s.isolated = supervisor
	ctx, cancel := context.WithTimeout(ctx, executorStart)
	defer cancel()
	if err := supervisor.Start(ctx); err != nil {
		return nil, hinted("see the log for why; with --executor-socket, is picloud-executor running?", "%w", err)
	}
	return supervisor, nil
}

// childEnv is the whole environment of a child: what Go's runtime reads, and
// the time zone. Nothing in it is a secret, and nothing else is there.
func childEnv(getenv func(string) string) []string {
	var env []string
	for _, name := range []string{"GOMEMLIMIT", "GOGC", "GOMAXPROCS", "GODEBUG", "GOTRACEBACK", "TZ"} {
		if value := getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	if limit := memoryLimit(getenv, isolatedChildShare); limit > 0 {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(limit, 10))
		if getenv("GOGC") == "" {
			env = append(env, "GOGC="+strconv.Itoa(relaxedGC))
		}
	}
	return env
}
