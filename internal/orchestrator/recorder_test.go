package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// shelf takes records, or refuses them.
type shelf struct {
	picloud.Records

	mu      sync.Mutex
	away    bool
	batches [][]picloud.Record
	pruned  chan struct{}
	wrote   chan struct{} // a batch was
}

func (s *shelf) AddRecords(_ context.Context, batch []picloud.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errors.New("the database is away")
	}
	s.batches = append(s.batches, append([]picloud.Record(nil), batch...))
	s.wrote <- struct{}{}
	return nil
}

func (s *shelf) Prune(context.Context, picloud.Retention, time.Time) (picloud.Pruned, error) {
	s.pruned <- struct{}{}
	return picloud.Pruned{}, nil
}

func (s *shelf) all() (list []picloud.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		list = append(list, b...)
	}
	return list
}

func (s *shelf) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func newShelf(t *testing.T) (*shelf, *recorder) {
	t.Helper()
	s := &shelf{pruned: make(chan struct{}, 100), wrote: make(chan struct{}, 1000)}
	rc := newRecorder(s, picloud.Retention{MaxBytes: 1 << 20}, time.Now, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := rc.stop(context.Background()); err != nil && !s.away {
			t.Error(err)
		}
	})
	return s, rc
}

func record(id string, lines ...string) *picloud.Record {
	r := &picloud.Record{Invocation: picloud.Invocation{ID: id}}
	for _, l := range lines {
		r.Logs = append(r.Logs, picloud.LogLine{Message: l})
	}
	return r
}

func TestRecordsAreWrittenInBatches(t *testing.T) {
	t.Parallel()
	s, rc := newShelf(t)
	for i := range 50 {
		rc.add(record(fmt.Sprint(i), "line"))
	}
	<-s.wrote // by the timer, without anybody asking
	if got := s.all(); len(got) != 50 || got[0].Invocation.ID != "0" || got[49].Invocation.ID != "49" || len(got[0].Logs) != 1 {
		t.Errorf("%d records are written", len(got))
	}
	if len(s.batches) > 5 {
		t.Errorf("50 records take %d batches", len(s.batches))
	}
	rc.mu.Lock()
	armed := rc.timer != nil
	rc.mu.Unlock()
	if armed {
		t.Error("a timer is armed while there is nothing to write")
	}
}

// slowShelf takes a while for each batch.
type slowShelf struct {
	picloud.Records
	takes            time.Duration
	batches, records int
}

func (s *slowShelf) AddRecords(_ context.Context, batch []picloud.Record) error {
	time.Sleep(s.takes)
	s.batches++
	s.records += len(batch)
	return nil
}

func (s *slowShelf) Prune(context.Context, picloud.Retention, time.Time) (picloud.Pruned, error) {
	return picloud.Pruned{}, nil
}

// TestABusyRecorderWaitsForCompany has records come all the time: those that
// come while a batch is written are not written right behind it.
func TestABusyRecorderWaitsForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowShelf{takes: 5 * time.Millisecond}
		rc := newRecorder(s, picloud.Retention{}, time.Now, slog.New(slog.DiscardHandler))
		const n = 1000
		for i := range n {
			rc.add(record(fmt.Sprint(i)))
			time.Sleep(time.Millisecond)
		}
		if err := rc.stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if most := n/int(flushDelay.Milliseconds()) + 1; s.batches > most {
			t.Errorf("%d batches in %d ms, want %d at most", s.batches, n, most)
		}
		if s.records != n {
			t.Errorf("%d records are written, want %d", s.records, n)
		}
	})
}

// TestMoreThanABatchIsWritten has so many come that batches are full.
func TestMoreThanABatchIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowShelf{}
		rc := newRecorder(s, picloud.Retention{}, time.Now, slog.New(slog.DiscardHandler))
		const n = 10*fullBatch + 1
		for i := range n {
			rc.add(record(fmt.Sprint(i)))
		}
		time.Sleep(flushDelay + 100*time.Millisecond) // in the test's own time: all are written, without a flush
		synctest.Wait()
		if s.records != n {
			t.Errorf("%d records are written, want %d", s.records, n)
		}
		if err := rc.stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRecordsSurviveAnAbsentStore(t *testing.T) {
	t.Parallel()
	s, rc := newShelf(t)
	s.setAway(true)
	for i := range 10 {
		rc.add(record(fmt.Sprint(i)))
	}
	if err := rc.flush(t.Context()); err == nil {
		t.Error("there is no error")
	}
	rc.mu.Lock()
	backoff := rc.backoff
	rc.mu.Unlock()
	if backoff == 0 {
		t.Error("it is not tried again later")
	}
	rc.add(record("10"))
	s.setAway(false)
	if err := rc.flush(t.Context()); err != nil {
		t.Error(err)
	}
	got := s.all()
	for i, r := range got {
		if r.Invocation.ID != fmt.Sprint(i) {
			t.Errorf("record %d is %s: the order is lost", i, r.Invocation.ID)
		}
	}
	if len(got) != 11 {
		t.Errorf("%d records are written, want 11", len(got))
	}
}

func TestLinesGoBeforeRecords(t *testing.T) {
	t.Parallel()
	s, rc := newShelf(t)
	s.setAway(true)
	line := strings.Repeat("x", 1<<20)
	const over = 10
	for i := range maxWaitingLogs>>20 + over {
		rc.add(record(fmt.Sprint(i), line))
	}
	s.setAway(false)
	if err := rc.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := s.all()
	if len(got) != maxWaitingLogs>>20+over {
		t.Fatalf("%d records are written", len(got))
	}
	first, last := got[0], got[len(got)-1]
	if first.Logs != nil || !first.Invocation.LogsCut {
		t.Errorf("the oldest lines are there, or nothing tells that they were cut")
	}
	if len(last.Logs) != 1 || last.Invocation.LogsCut {
		t.Errorf("the newest lines are gone")
	}
	if rc.logBytes != 0 {
		t.Errorf("%d bytes of lines are accounted for and gone", rc.logBytes)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	t.Parallel()
	s, rc := newShelf(t)
	s.setAway(true)
	for i := range maxWaitingRecords + 100 {
		rc.add(record(fmt.Sprint(i)))
	}
	s.setAway(false)
	if err := rc.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := s.all()
	if len(got) > maxWaitingRecords || got[len(got)-1].Invocation.ID != fmt.Sprint(maxWaitingRecords+99) {
		t.Errorf("%d records are written, the last %s", len(got), got[len(got)-1].Invocation.ID)
	}
}

func TestHistoryIsCut(t *testing.T) {
	t.Parallel()
	s, rc := newShelf(t)
	rc.start()
	<-s.pruned
	rc.add(record("1"))
	if err := rc.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rc.mu.Lock()
	armed := rc.pruneTimer != nil
	rc.mu.Unlock()
	if !armed {
		t.Error("the history is not cut once there is something new in it")
	}
	// A lot of it makes it due at once.
	rc.add(record("2", strings.Repeat("x", 1<<18)))
	if err := rc.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-s.pruned
}

func TestRecordsAndLogsArrive(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(_ context.Context, x *picloud.Execution) *picloud.Outcome {
		return &picloud.Outcome{
			Response: &picloud.Response{Status: 201, Body: []byte("abc")}, Operations: 5, PeakBytes: 6, Duration: 7 * time.Millisecond,
			Logs: []picloud.LogLine{{At: time.Now(), Level: picloud.LevelWarn, Message: "careful", Line: 9}},
		}
	})
	n.deploy("hello", "1")
	news := n.Recorded()
	a := n.do("POST", "/hello?a=secret", "body")
	testenv.Eventually(t, "somebody who waits is told", func() bool {
		select {
		case <-news:
			return true
		default:
			return false
		}
	})
	v := n.records()[0]
	if v.ID != a.header.Get(idHeader) || v.Method != "POST" || v.Path != "/hello" || v.HTTPStatus != 201 || v.Operations != 5 || v.PeakBytes != 6 ||
		v.RequestBytes != 4 || v.ResponseBytes != 3 || v.Duration != 7*time.Millisecond || v.Status != picloud.StatusOK || v.Version != 1 {
		t.Errorf("recorded as %+v", v)
	}
	logs := n.logs()
	if len(logs) != 1 || logs[0].Message != "careful" || logs[0].Level != picloud.LevelWarn || logs[0].Line != 9 || logs[0].InvocationID != v.ID {
		t.Errorf("logged as %+v", logs)
	}
}

// TestNothingRunsWhileNothingHappens serves requests without effects and
// counts the statements that the database sees.
func TestNothingRunsWhileNothingHappens(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hello", "1")
	n.records() // what the start had to do is done
	if err := n.recorderIdle(t); err != nil {
		t.Fatal(err)
	}
	before := n.store.Statements()
	n.recorder.writing.Lock() // no batch is written now
	for range 100 {
		n.do("GET", "/hello", "").want(t, "hello", 200, "")
	}
	if got := n.store.Statements(); got != before {
		t.Errorf("100 requests ran %d statements", got-before)
	}
	n.recorder.writing.Unlock()
	if got := len(n.records()); got != 100 {
		t.Errorf("%d invocations are recorded", got)
	}
}

// recorderIdle waits for the pruning of the start.
func (n *node) recorderIdle(t *testing.T) error {
	t.Helper()
	n.recorder.work.Wait()
	testenv.Eventually(t, "the dispatcher sleeps", func() bool { return n.dispatch.resting.Load() == n.table.Load() })
	return n.Flush(t.Context())
}
