package fair

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// work holds a slot for so long, yielding as it is asked to.
func work(t *testing.T, q *Queue, class string, weight int, d time.Duration) {
	turn, err := q.Enter(t.Context(), class, weight)
	if err != nil {
		t.Error(err)
		return
	}
	defer turn.Leave()
	for ; d > 0; d -= Slice / 4 {
		time.Sleep(Slice / 4)
		if turn.Due() {
			if err := turn.Yield(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAFloodDelaysOthersByASliceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(2)
		var flood sync.WaitGroup
		for range 64 {
			flood.Go(func() { work(t, q, "flood", 1, 50*time.Millisecond) })
		}
		for range 100 {
			time.Sleep(3 * time.Millisecond)
			asked := time.Now()
			turn, err := q.Enter(t.Context(), "hello", 1)
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(asked); waited > Slice {
				t.Fatalf("hello waited %v", waited)
			}
			time.Sleep(20 * time.Microsecond)
			turn.Leave()
		}
		flood.Wait()
	})
}

func TestSharesFollowWeights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1)
		ctx, stop := context.WithCancel(t.Context())
		got := map[string]time.Duration{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for class, weight := range map[string]int{"one": 1, "two": 2, "many": 1} {
			workers := 3 // there is always one that waits
			if class == "many" {
				workers = 20 // more workers are no larger share
			}
			for range workers {
				all.Go(func() {
					for ctx.Err() == nil {
						turn, err := q.Enter(t.Context(), class, weight)
						if err != nil {
							t.Error(err)
						}
						time.Sleep(time.Millisecond)
						mu.Lock()
						got[class] += time.Millisecond
						mu.Unlock()
						turn.Leave()
					}
				})
			}
		}
		time.Sleep(4 * time.Second)
		stop()
		all.Wait()
		for class, want := range map[string]time.Duration{"one": time.Second, "two": 2 * time.Second, "many": time.Second} {
			if d := (got[class] - want).Abs(); d > 50*time.Millisecond {
				t.Errorf("%s got %v, want %v", class, got[class], want)
			}
		}
	})
}

func TestFirstComeFirstServedWithinAClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1)
		first, _ := q.Enter(t.Context(), "a", 1)
		var order []int
		for i := range 5 {
			go func() {
				turn, _ := q.Enter(t.Context(), "a", 1)
				order = append(order, i)
				turn.Leave()
			}()
			synctest.Wait()
		}
		first.Leave()
		synctest.Wait()
		if got := fmt.Sprint(order); got != "[0 1 2 3 4]" {
			t.Errorf("served as %s", got)
		}
	})
}

// A class that was idle has not saved up time with which it could keep others
// out.
func TestIdleTimeIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1)
		work(t, q, "late", 1, time.Millisecond)
		work(t, q, "busy", 1, time.Second)
		var late, busy time.Duration
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for class, sum := range map[string]*time.Duration{"late": &late, "busy": &busy} {
			all.Go(func() {
				for ctx.Err() == nil {
					work(t, q, class, 1, time.Millisecond)
					*sum += time.Millisecond
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		stop()
		all.Wait()
		if d := (late - busy).Abs(); d > 10*time.Millisecond {
			t.Errorf("late got %v, busy %v", late, busy)
		}
	})
}

func TestGivingUpLosesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(2)
		gone := errors.New("gone")
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(i%7)*time.Millisecond, gone)
				defer cancel()
				turn, err := q.Enter(ctx, fmt.Sprint(i%3), 1)
				if err != nil {
					if !errors.Is(err, gone) {
						t.Error(err)
					}
					turn.Leave() // which is harmless
					return
				}
				time.Sleep(time.Millisecond)
				if turn.Due() && turn.Yield(ctx) != nil {
					return
				}
				turn.Leave()
			})
		}
		all.Wait()
		if q.free != 2 || q.waiters.Load() != 0 || len(q.waiting) != 0 {
			t.Errorf("%d slots are free, %d wait", q.free, q.waiters.Load())
		}
	})
}

func TestManyClassesAreForgotten(t *testing.T) {
	q := New(1)
	for i := range 10 * maxIdle {
		turn, err := q.Enter(t.Context(), fmt.Sprint(i), 1)
		if err != nil {
			t.Fatal(err)
		}
		turn.Leave()
	}
	if n := len(q.classes); n > maxIdle+1 {
		t.Errorf("%d classes are remembered", n)
	}
}

func BenchmarkUncontended(b *testing.B) {
	q := New(2)
	b.ReportAllocs()
	for b.Loop() {
		turn, _ := q.Enter(b.Context(), "app", 1)
		turn.Leave()
	}
}
