package cli

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// tellStatus writes to the log how the server is each time that it gets
// SIGUSR1, until ctx ends: how many statements the database has seen, and what
// is in memory.
func (s *server) tellStatus(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	defer signal.Stop(asked)
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			s.log.Info("status", "statements", s.store.Statements(), "goroutines", runtime.NumGoroutine(),
				"heap_bytes", m.HeapAlloc, "from_system_bytes", m.Sys-m.HeapReleased, "collections", m.NumGC)
		}
	}
}

// spareProcessor gives Go one processor more than the machine has, unless the
// operator has chosen how many. As many runs as there are real ones compute at
// a time; while they do, the one more is free for connections, whose next bytes
// Go would notice only every 10 ms otherwise. It is how many runs may compute.
func spareProcessor(getenv func(string) string) int {
	n := runtime.GOMAXPROCS(0)
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(n + 1)
	}
	return n
}
