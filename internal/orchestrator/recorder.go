package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// flushDelay is how long a record waits for company. A batch is one
	// transaction and one disk sync.
	flushDelay = 100 * time.Millisecond
	// fullBatch is written at once. It is above what comes within flushDelay
	// on a machine of a few processors: a transaction costs as much as some
	// hundred records.
	fullBatch = 4000
	// While the store is away records wait, up to these bounds: then lines of
	// logs and journals are dropped, the oldest first, and after them whole records.
	maxWaitingLogs    = 32 << 20 // bytes
	maxWaitingRecords = 50_000
	// flushTime bounds one attempt at writing.
	flushTime = 30 * time.Second
	// A failed attempt is tried again after retryFlush, doubled each time up to
	// maxRetryFlush.
	retryFlush    = time.Second
	maxRetryFlush = time.Minute
	// pruneEvery is how often the history is cut to its retention while
	// anything is recorded; pruneBytes of new records make it due at once.
	pruneEvery = 24 * time.Hour
)

// recorder writes records in batches, off the request's path. While nothing
// is recorded it does nothing: its timers are armed by records only.
type recorder struct {
	store     picloud.Records
	retention picloud.Retention
	now       func() time.Time
	log       *slog.Logger

	writing sync.Mutex // held by who writes a batch; taken before mu
	work    sync.WaitGroup
	life    context.Context // ends with the recorder's own work
	end     context.CancelFunc

	mu       sync.Mutex
	waiting  []picloud.Record
	spare    []picloud.Record // room for the next ones, empty
	logBytes int              // of the lines that wait
	logsFrom int              // before this index the lines have been dropped
	lost     int64            // lines and records dropped since it was last said
	timer    *time.Timer
	backoff  time.Duration
	stopped  bool

	pruned     time.Time   // when the history was last cut
	pruneTimer *time.Timer // armed while there is something new to cut
	written    int64       // bytes entered since then
}

func newRecorder(store picloud.Records, r picloud.Retention, now func() time.Time, log *slog.Logger) *recorder {
	life, end := context.WithCancel(context.Background())
	return &recorder{store: store, retention: r, now: now, log: log, life: life, end: end}
}

// start cuts the history once, in the background.
func (rc *recorder) start() { rc.goPrune() }

// add takes a record, by copying it. It never waits for the store.
func (rc *recorder) add(r *picloud.Record) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.waiting == nil {
		rc.waiting, rc.spare = rc.spare, nil
	}
	rc.waiting = append(rc.waiting, *r)
	rc.logBytes += logBytes(r)
	rc.bound()
	switch {
	case rc.timer == nil:
		rc.arm(flushDelay)
	case len(rc.waiting) == fullBatch && rc.backoff == 0:
		rc.timer.Reset(0)
	}
}

// arm has a batch written after a while. The lock is held.
func (rc *recorder) arm(d time.Duration) {
	if rc.stopped {
		return
	}
	rc.timer = time.AfterFunc(d, func() {
		ctx, cancel := context.WithTimeout(rc.life, flushTime)
		defer cancel()
		_, _ = rc.writeBatch(ctx) // it is logged, and tried again
	})
}

// bound drops what there is no room for. The lock is held.
func (rc *recorder) bound() {
	for rc.logBytes > maxWaitingLogs && rc.logsFrom < len(rc.waiting) {
		r := &rc.waiting[rc.logsFrom]
		rc.logBytes -= logBytes(r)
		rc.lost += int64(len(r.Logs))
		r.Invocation.LogsCut = r.Invocation.LogsCut || len(r.Logs) > 0
		r.Logs, r.Journal, r.Invocation.Journal = nil, nil, picloud.JournalNone
		rc.logsFrom++
	}
	if len(rc.waiting) > maxWaitingRecords {
		over := maxWaitingRecords / 10 // many at once, for the rest is copied
		for i := range over {
			rc.logBytes -= logBytes(&rc.waiting[i])
		}
		rc.lost += int64(over)
		rc.waiting = append(rc.waiting[:0:0], rc.waiting[over:]...)
		rc.logsFrom = max(0, rc.logsFrom-over)
	}
}

// logBytes is about what the lines and the journal of a record take in memory.
func logBytes(r *picloud.Record) int {
	n, lines := len(r.Journal), r.Logs
	for i := range lines {
		n += 120 + len(lines[i].Message)
	}
	return n
}

// flush writes everything that waits. What cannot be written waits on, and is
// tried again later.
func (rc *recorder) flush(ctx context.Context) error {
	for {
		if n, err := rc.writeBatch(ctx); n == 0 || err != nil {
			return err
		}
	}
}

// writeBatch writes what waits, up to a batch, and is how many that were. What
// comes meanwhile has its own delay: were it written at once, a busy server would
// write small batches all the time.
func (rc *recorder) writeBatch(ctx context.Context) (int, error) {
	rc.writing.Lock()
	defer rc.writing.Unlock()
	batch := rc.take()
	if len(batch) == 0 {
		return 0, nil
	}
	if err := rc.store.AddRecords(ctx, batch); err != nil {
		rc.putBack(batch)
		rc.log.WarnContext(ctx, "write records: they wait in memory", "err", err, "records", len(batch))
		return 0, fmt.Errorf("write records: %w", err)
	}
	rc.wrote(batch)
	rc.reuse(batch)
	return len(batch), nil
}

// take removes the next batch from the buffer.
func (rc *recorder) take() []picloud.Record {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.timer != nil {
		rc.timer.Stop()
		rc.timer = nil
	}
	n := min(len(rc.waiting), 2*fullBatch)
	batch := rc.waiting[:n]
	if n == len(rc.waiting) {
		rc.waiting = nil // the room behind them is the batch's, too
	} else {
		batch, rc.waiting = batch[:n:n], rc.waiting[n:]
		rc.arm(0)
	}
	rc.logsFrom = max(0, rc.logsFrom-n)
	for i := range batch {
		rc.logBytes -= logBytes(&batch[i])
	}
	return batch
}

// reuse keeps the room of a batch that has been written for the next records,
// unless it is much more than they take.
func (rc *recorder) reuse(batch []picloud.Record) {
	if cap(batch) > 2*fullBatch || cap(batch) > 4*len(batch) {
		return
	}
	clear(batch)
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.spare = batch[:0]
}

// putBack returns a batch to the front of the buffer.
func (rc *recorder) putBack(batch []picloud.Record) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	for i := range batch {
		rc.logBytes += logBytes(&batch[i])
	}
	rc.waiting = append(batch, rc.waiting...)
	rc.logsFrom = 0
	rc.bound()
	rc.backoff = min(max(retryFlush, 2*rc.backoff), maxRetryFlush)
	if rc.timer != nil {
		rc.timer.Stop()
	}
	rc.arm(rc.backoff)
}

// wrote tells those who wait for records, and sees to the retention.
func (rc *recorder) wrote(batch []picloud.Record) {
	bytes := int64(0)
	for i := range batch {
		r := &batch[i]
		bytes += int64(400 + len(r.Invocation.Path) + logBytes(r))
	}
	rc.mu.Lock()
	rc.backoff = 0
	lost := rc.lost
	rc.lost = 0
	rc.written += bytes
	rc.armPrune()
	rc.mu.Unlock()
	if lost > 0 {
		rc.log.Warn("records or lines of logs were dropped: they came faster than they could be written", "dropped", lost)
	}
}

// armPrune has the history cut when that is due. The lock is held.
func (rc *recorder) armPrune() {
	if rc.stopped {
		return
	}
	due := rc.pruned.Add(pruneEvery).Sub(rc.now())
	if rc.retention.MaxBytes > 0 && rc.written > rc.retention.MaxBytes/8 {
		due = 0
	}
	switch {
	case rc.pruneTimer == nil:
		rc.pruneTimer = time.AfterFunc(max(due, 0), rc.goPrune)
	case due <= 0:
		rc.pruneTimer.Reset(0)
	}
}

// goPrune cuts the history in the background.
func (rc *recorder) goPrune() {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.pruneTimer != nil {
		rc.pruneTimer.Stop()
		rc.pruneTimer = nil
	}
	if rc.stopped {
		return
	}
	rc.pruned, rc.written = rc.now(), 0
	rc.work.Go(func() {
		if _, err := rc.store.Prune(rc.life, rc.retention, rc.now()); err != nil && rc.life.Err() == nil {
			rc.log.Warn("cut the history to its retention", "err", err)
		}
	})
}

// stop writes what waits, and ends what runs in the background.
func (rc *recorder) stop(ctx context.Context) error {
	rc.mu.Lock()
	rc.stopped = true
	for _, t := range []*time.Timer{rc.timer, rc.pruneTimer} {
		if t != nil {
			t.Stop()
		}
	}
	rc.mu.Unlock()
	err := rc.flush(ctx) // after a batch that the timer may have on its way
	rc.end()
	done := make(chan struct{})
	go func() {
		rc.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return errors.Join(err, context.Cause(ctx))
	}
}
