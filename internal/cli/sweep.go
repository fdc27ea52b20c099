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

// sweep drops what has expired, or is kept no more or no more so finely. What
// fails keeps the others from nothing.
func (s *server) sweep(ctx context.Context) (dropped int64, err error) {
	at := func(drop func(context.Context, time.Time) (int64, error)) func(context.Context) (int64, error) {
		return func(ctx context.Context) (int64, error) { return drop(ctx, time.Now()) }
	}
	for _, drop := range []func(context.Context) (int64, error){
		s.auth.Sweep,
		s.auth.SweepKeys,
		at(s.store.SweepEntries),
		at(s.store.SweepDelivered),
		at(s.store.SweepAsync),
		at(s.store.SweepAnswers),
		at(s.store.SweepStreams),
		at(s.store.SweepMetrics),
		s.sweepAudit,
		s.sweepBlobs,
	} {
		n, failed := drop(ctx)
		dropped, err = dropped+n, errors.Join(err, failed)
	}
	return dropped, err
}

// sweepAudit drops entries of the audit log that are older than the instance
// keeps them.
func (s *server) sweepAudit(ctx context.Context) (int64, error) {
	o, err := s.store.ReadOptions(ctx)
	if err != nil {
		return 0, err
	}
	return s.store.PruneAudit(ctx, time.Now().AddDate(0, 0, -o.AuditDays))
}

// leadSweep sweeps while this process is the one of several to do it.
func (s *server) leadSweep(ctx context.Context) {
	s.store.Lead(ctx, "sweep", func(ctx context.Context) { keepSwept(ctx, s.sweep, s.log) })
}
