package wire

import (
	"sync"
	"sync/atomic"
)

// maxIdle is how many goroutines wait for the next run.
const maxIdle = 256

// workers do jobs, each on a goroutine to itself. Goroutines are used again:
// the stack of a new one would have to grow, and be copied, several times in
// every run.
type workers struct {
	jobs    chan func() // to those that are idle
	idle    atomic.Int64
	working sync.WaitGroup
}

// do has a job done. It does not wait for it.
func (w *workers) do(job func()) {
	select {
	case w.jobs <- job:
	default:
		w.working.Go(func() { w.work(job) })
	}
}

func (w *workers) work(job func()) {
	for ok := true; ok; {
		job()
		if w.idle.Add(1) > maxIdle {
			w.idle.Add(-1)
			return
		}
		job, ok = <-w.jobs
		w.idle.Add(-1)
	}
}

// stop waits for what is done and ends the idle. No more jobs may come.
func (w *workers) stop() {
	close(w.jobs)
	w.working.Wait()
}
