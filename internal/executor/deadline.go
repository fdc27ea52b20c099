package executor

import (
	"context"
	"sync/atomic"
	"time"
)

// deadline is a context that ends with its parent or when the wall time is
// over. Most runs end before anybody waits for that: the machine asks Err from
// time to time, which looks at the clock. A timer is made only when somebody
// asks for Done.
type deadline struct {
	parent context.Context
	at     time.Time
	timed  atomic.Pointer[timer]
}

// timer is the usual context, for those who wait.
type timer struct {
	context.Context
	cancel context.CancelFunc
}

// begin makes a new deadline a context, which must be released.
func (d *deadline) begin(parent context.Context, wall time.Duration) {
	d.parent, d.at = parent, time.Now().Add(wall)
}

// release ends what waits for the context.
func (d *deadline) release() {
	if t := d.timed.Load(); t != nil {
		t.cancel()
	}
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) {
	if at, ok := d.parent.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} {
	if t := d.timed.Load(); t != nil {
		return t.Done()
	}
	t := new(timer)
	t.Context, t.cancel = context.WithDeadlineCause(d.parent, d.at, errWallTime)
	if !d.timed.CompareAndSwap(nil, t) {
		t.cancel()
	}
	return d.timed.Load().Done()
}

// Err implements context.Context.
func (d *deadline) Err() error {
	if t := d.timed.Load(); t != nil {
		return t.Err()
	}
	if err := d.parent.Err(); err != nil {
		return err
	}
	if time.Until(d.at) <= 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context. Once there is a timer, the cause is its.
func (d *deadline) Value(key any) any {
	if t := d.timed.Load(); t != nil {
		return t.Value(key)
	}
	return d.parent.Value(key)
}
