package mqtt

import (
	"context"
	"sync"
	"time"
)

// bucket bounds how fast a device publishes. Who is too fast waits, and with it
// the reading of its connection: TCP tells the device.
type bucket struct {
	rate float64 // a second

	mu   sync.Mutex
	left float64
	at   time.Time
}

func newBucket(rate float64) *bucket { return &bucket{rate: rate, left: burst, at: time.Now()} }

// take waits until one more is allowed, or ctx ends.
func (b *bucket) take(ctx context.Context) error {
	wait := b.book(time.Now())
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// book takes one out, and tells how long to wait for it.
func (b *bucket) book(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(burst, b.left+b.rate*now.Sub(b.at).Seconds())
	b.at = now
	b.left--
	return time.Duration(-b.left / b.rate * float64(time.Second))
}
