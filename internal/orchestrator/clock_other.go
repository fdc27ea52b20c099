//go:build !linux

package orchestrator

import (
	"context"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// clockLook is how often it is looked whether the clock has been set.
const clockLook = time.Minute

// watchClock calls set after the machine's clock was set, until ctx ends. Here
// nobody tells, so that it has to look.
func watchClock(ctx context.Context, set func()) error {
	ticker := time.NewTicker(clockLook)
	defer ticker.Stop()
	var j jump
	for {
		now := time.Now()
		if by := j.since(now, now); by.Abs() > picloud.ScheduleClockSlack {
			set()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
