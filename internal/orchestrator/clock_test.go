package orchestrator

import (
	"context"
	"testing"
	"time"
)

func TestJumps(t *testing.T) {
	t.Parallel()
	wall, mono := time.Unix(1_000_000, 0), time.Now()
	var j jump
	for i, c := range []struct{ wall, mono, want time.Duration }{
		{0, 0, 0}, // nothing to compare with
		{time.Minute, time.Minute, 0},
		{time.Hour, time.Second, time.Hour - time.Second},
		{-time.Hour, time.Second, -time.Hour - time.Second},
		{0, 30 * time.Second, -30 * time.Second},
	} {
		wall, mono = wall.Add(c.wall), mono.Add(c.mono)
		if got := j.since(wall, mono); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
}

// The clock of the machine that tests run on is left alone: what can be seen is
// that watching it begins, and ends when it is to.
func TestWatchClockEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- watchClock(ctx, func() {}) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
