package cli

import (
	"context"
	"log/slog"
	"time"
)

const (
	// firstSweep lets a server that is restarted every day still tidy up.
	firstSweep = 5 * time.Minute
	sweepEvery = 24 * time.Hour
)

// keepSwept drops what has expired, once a day, until ctx is done. In between
// it holds one timer. The history of invocations is kept within its bounds by
// the orchestrator, which knows when it grows.
func keepSwept(ctx context.Context, sweep func(context.Context) (int64, error), log *slog.Logger) {
	timer := time.NewTimer(firstSweep)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		dropped, err := sweep(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.Warn("expired sessions are not dropped", "err", err)
		case dropped > 0:
			log.Info("expired sessions dropped", "sessions", dropped)
		}
		timer.Reset(sweepEvery)
	}
}
