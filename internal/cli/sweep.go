package cli

import (
	"context"
	"errors"
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
			log.Warn("what has expired is not all dropped", "err", err)
		case dropped > 0:
			log.Info("what had expired is dropped", "rows", dropped)
		}
		timer.Reset(sweepEvery)
	}
}

// sweep drops what has expired: sessions, API keys, what scripts keep for a
// while, the memory of webhooks, and entries of the audit log that are older than the instance keeps
// them. What fails keeps the others from
// nothing.
func (s *server) sweep(ctx context.Context) (int64, error) {
	sessions, err1 := s.auth.Sweep(ctx)
	keys, err2 := s.auth.SweepKeys(ctx)
	kept, err3 := s.store.SweepEntries(ctx, time.Now())
	hooks, err5 := s.store.SweepDelivered(ctx, time.Now())
	dropped := sessions + keys + kept + hooks
	o, err4 := s.store.ReadOptions(ctx)
	if err4 != nil {
		return dropped, errors.Join(err1, err2, err3, err5, err4)
	}
	entries, err4 := s.store.PruneAudit(ctx, time.Now().AddDate(0, 0, -o.AuditDays))
	return dropped + entries, errors.Join(err1, err2, err3, err5, err4)
}

// leadSweep sweeps while this process is the one of several to do it.
func (s *server) leadSweep(ctx context.Context) {
	s.store.Lead(ctx, "sweep", func(ctx context.Context) { keepSwept(ctx, s.sweep, s.log) })
}
