package mqtt

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestBucket publishes as fast as it may for ten seconds.
func TestBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(10)
		began := time.Now()
		for range burst + 100 {
			if err := b.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if b.take(ctx) == nil {
			t.Error("it does not end with its context")
		}
	})
}
