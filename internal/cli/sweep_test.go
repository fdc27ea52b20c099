package cli

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestSweepingIsOneTimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var at []time.Duration
		start := time.Now()
		go keepSwept(ctx, func(context.Context) (int64, error) {
			at = append(at, time.Since(start))
			return 0, errors.New("the disk is slow") // is no reason to give up
		}, slog.New(slog.DiscardHandler))
		time.Sleep(49 * time.Hour)
		synctest.Wait()
		if want := []time.Duration{firstSweep, firstSweep + sweepEvery, firstSweep + 2*sweepEvery}; !slices.Equal(at, want) {
			t.Errorf("swept at %v, want %v", at, want)
		}
		stop()
		synctest.Wait()
	})
}
