package executor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadline(t *testing.T) {
	gone := errors.New("gone")
	end := map[string]func(*deadline, context.CancelCauseFunc){
		"time":   func(*deadline, context.CancelCauseFunc) { time.Sleep(time.Second) },
		"parent": func(_ *deadline, cancel context.CancelCauseFunc) { cancel(gone) },
	}
	for how, end := range end {
		for _, waits := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				d := &deadline{}
				d.begin(parent, time.Second)
				defer d.release()
				if waits {
					child, stop := context.WithCancel(d) // as whoever calls out does
					defer stop()
					defer func() { <-child.Done() }()
				}
				if err := d.Err(); err != nil {
					t.Errorf("it is over before: %v", err)
				}
				end(d, cancel)
				synctest.Wait()
				if d.Err() == nil {
					t.Errorf("%s: it goes on", how)
				}
				want := context.DeadlineExceeded
				if how == "parent" {
					want = gone
				} else if waits {
					want = errWallTime
				}
				if cause := context.Cause(d); !errors.Is(cause, want) {
					t.Errorf("%s, waits %v: the cause is %v, want %v", how, waits, cause, want)
				}
				<-d.Done()
			})
		}
	}
}

func TestReleaseEndsTheTimer(t *testing.T) {
	d := &deadline{}
	d.begin(t.Context(), time.Hour)
	done := d.Done()
	d.release()
	<-done
}
