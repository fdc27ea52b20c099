// Package fair shares a few slots, such as processors, between many classes,
// such as apps, so that none of them gets less because another asks for more.
//
// It is weighted fair queueing: each class has a virtual time, which moves on
// with the time that it holds slots, the slower the larger its weight. A slot
// that is free goes to the waiting class that is furthest behind. A class that
// was idle does not save up: it begins where the others are. Within a class it
// is first come, first served.
//
// Who holds a slot for long is asked to yield: when others wait and its slice
// is over, it goes to the end of its class's line. So one class's long work
// delays another's short work by a slice at most, for each slot.
package fair

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Slice is how long a holder keeps its slot while others wait: long beside
// what a switch costs, and short beside what a client notices.
const Slice = 500 * time.Microsecond

// Queue shares slots out. It is safe for concurrent use. New makes one.
type Queue struct {
	began   time.Time    // turns are timed from here: telling what has passed since costs half of what telling the time does
	waiters atomic.Int64 // of all classes; read without the lock by those who may yield

	mu      sync.Mutex
	free    int
	clock   time.Duration // the virtual time of the class that was served last
	classes map[string]*class
	waiting []*class // those in which somebody waits
}

// class is those who share one share.
type class struct {
	name    string
	weight  int64
	time    time.Duration // virtual
	holding int
	line    []*waiter
}

// waiter waits for a slot.
type waiter struct {
	ready chan struct{} // closed when the slot is its own
}

// New makes a queue of so many slots.
func New(slots int) *Queue {
	return &Queue{began: time.Now(), free: slots, classes: map[string]*class{}}
}

func (q *Queue) now() time.Duration { return time.Since(q.began) }

// Turn is a slot that somebody holds, or held. It belongs to one goroutine.
type Turn struct {
	q      *Queue
	class  string
	weight int64
	held   bool
	since  time.Duration // by the queue's clock
}

// Enter waits for a slot for a class, which has a weight of 1 or more. The
// error is the context's cause. Whoever gets a turn must leave it.
func (q *Queue) Enter(ctx context.Context, class string, weight int) (Turn, error) {
	t := Turn{q: q, class: class, weight: int64(max(weight, 1))}
	return t, t.Resume(ctx)
}

// Leave gives the slot back, if it is held.
func (t *Turn) Leave() {
	if !t.held {
		return
	}
	t.held = false
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	t.q.charge(t)
	t.q.free++
	t.q.serve()
}

// Resume waits for a slot again after Leave, as around something that needs no
// slot. The error is the context's cause: no slot is held then.
func (t *Turn) Resume(ctx context.Context) error {
	if t.held {
		return nil
	}
	q := t.q
	q.mu.Lock()
	c := q.classOf(t)
	if q.free > 0 && len(q.waiting) == 0 {
		q.free--
		q.start(c)
		q.mu.Unlock()
	} else {
		w := &waiter{ready: make(chan struct{})}
		q.join(c, w)
		q.mu.Unlock()
		if err := q.await(ctx, c, w); err != nil {
			return err
		}
	}
	t.held, t.since = true, q.now()
	return nil
}

// Due reports whether it is time to yield. It costs next to nothing while
// nobody waits.
func (t *Turn) Due() bool {
	return t.held && t.q.waiters.Load() > 0 && t.q.now()-t.since >= Slice
}

// Yield gives the slot to who waits, and waits for one again. The error is the
// context's cause: no slot is held then.
func (t *Turn) Yield(ctx context.Context) error {
	t.Leave()
	return t.Resume(ctx)
}

// classOf finds or makes the class of a turn. The lock is held.
func (q *Queue) classOf(t *Turn) *class {
	c := q.classes[t.class]
	if c == nil {
		c = &class{name: t.class, time: q.clock}
		q.classes[t.class] = c
	}
	c.weight = t.weight
	if c.holding == 0 && len(c.line) == 0 {
		c.time = max(c.time, q.clock) // nothing is saved up
	}
	return c
}

// start counts a slot that was given to a class. The lock is held.
func (q *Queue) start(c *class) {
	c.holding++
	q.clock = max(q.clock, c.time)
}

// join puts a waiter into its class's line. The lock is held.
func (q *Queue) join(c *class, w *waiter) {
	if len(c.line) == 0 {
		q.waiting = append(q.waiting, c)
	}
	c.line = append(c.line, w)
	q.waiters.Add(1)
}

// serve gives the free slots to those who are furthest behind. The lock is
// held.
func (q *Queue) serve() {
	for q.free > 0 && len(q.waiting) > 0 {
		c := slices.MinFunc(q.waiting, func(a, b *class) int {
			return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.holding, b.holding))
		})
		w := c.line[0]
		q.drop(c, w)
		q.free--
		q.start(c)
		close(w.ready)
	}
}

// drop takes a waiter out of its line; false means that it is not there. The
// lock is held.
func (q *Queue) drop(c *class, w *waiter) bool {
	i := slices.Index(c.line, w)
	if i < 0 {
		return false
	}
	c.line = slices.Delete(c.line, i, i+1)
	if len(c.line) == 0 {
		q.waiting = slices.DeleteFunc(q.waiting, func(x *class) bool { return x == c })
	}
	q.waiters.Add(-1)
	return true
}

// charge bills a class for the time that a turn was held, and forgets classes
// that owe nothing. The lock is held.
func (q *Queue) charge(t *Turn) {
	c := q.classes[t.class]
	c.holding--
	c.time += (q.now() - t.since) / time.Duration(c.weight)
	if c.holding == 0 && len(c.line) == 0 && c.time <= q.clock {
		delete(q.classes, c.name)
	}
	if len(q.classes) > maxIdle {
		q.forget()
	}
}

// maxIdle is how many classes may be remembered before those that only owe time
// are looked at.
const maxIdle = 1024

// forget drops the idle classes. What they owe is a slice or so. The lock is
// held.
func (q *Queue) forget() {
	for name, c := range q.classes {
		if c.holding == 0 && len(c.line) == 0 {
			delete(q.classes, name)
		}
	}
}

// await waits for a slot that a waiter stands in line for.
func (q *Queue) await(ctx context.Context, c *class, w *waiter) error {
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.drop(c, w) { // its turn came just now
		c.holding--
		q.free++
		q.serve()
	}
	return context.Cause(ctx)
}
