package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// TestManyOpenAtOnce starts eight nodes on an empty database at the same time.
func TestManyOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	stores := make([]*Store, 8)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			s, err := Open(context.Background(), Config{Path: url, Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader)})
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
		})
	}
	wg.Wait()
	for _, s := range stores {
		if s == nil {
			continue
		}
		if apps, err := s.ListApps(t.Context()); err != nil || len(apps) != 1 {
			t.Errorf("apps: %v, %v; want the default app, once", apps, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// heard gathers what a store announces.
type heard struct {
	mu   sync.Mutex
	last int64
}

func listenTo(t *testing.T, s *Store) *heard {
	h := &heard{}
	t.Cleanup(s.Subscribe(func(_ context.Context, c picloud.Change) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.last = max(h.last, c.Revision)
	}))
	return h
}

func (h *heard) upTo(revision int64) func() bool {
	return func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.last >= revision
	}
}

func revisionOf(t *testing.T, s *Store) int64 {
	t.Helper()
	revision, err := s.revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestChangesReachOtherNodes(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	one, two := openAt(t, url), openAt(t, url)
	mine, theirs := listenTo(t, one), listenTo(t, two)
	started := time.Now()
	if _, err := deployOne(t.Context(), one, "hello", "1"); err != nil {
		t.Fatal(err)
	}
	revision := revisionOf(t, one)
	if !mine.upTo(revision)() {
		t.Error("the node that commits has not told its subscribers when it acknowledges")
	}
	testenv.Eventually(t, "the other node hears of the change", theirs.upTo(revision))
	t.Logf("the other node heard of it within %v", time.Since(started))

	entered := two.Recorded()
	if err := one.AddRecords(t.Context(), []picloud.Record{{Invocation: picloud.Invocation{ID: "x", StartedAt: time.Now()}}}); err != nil {
		t.Fatal(err)
	}
	<-entered
}

// cutOff ends the connections of a store that are of a kind, as an
// administrator would.
func cutOff(t *testing.T, by *Store, condition string) {
	t.Helper()
	var n int64
	err := by.write(t.Context(), "test", func(tx *tx) error {
		return tx.row("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND " + condition).Scan(&n)
	})
	if err != nil || n == 0 {
		t.Fatalf("%d connections were ended, %v", n, err)
	}
}

// TestNothingIsMissedWhileTheListenerIsAway ends listening connections again
// and again while changes are made: the last one is heard of each time.
func TestNothingIsMissedWhileTheListenerIsAway(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	one, two := openAt(t, url), openAt(t, url)
	theirs := listenTo(t, two)
	for i := range 10 {
		cutOff(t, one, "query ILIKE 'LISTEN%'")
		if _, err := deployOne(t.Context(), one, "hello", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, "the node hears of a change that was made while it was away", theirs.upTo(revisionOf(t, one)))
	}
	testenv.Eventually(t, "the node is up to date", func() bool { return two.Staleness() == 0 })
}

func TestLostConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	one, two := openAt(t, url), openAt(t, url)
	for i := range 5 {
		// Several of them, so that one new try would find another dead one.
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := two.ListApps(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		cutOff(t, one, "query NOT ILIKE 'LISTEN%'")
		if _, err := deployOne(t.Context(), two, "hello", strconv.Itoa(i)); err != nil {
			t.Errorf("round %d: %v", i, err)
		}
	}
}

func TestDatabaseAwayAndBack(t *testing.T) {
	t.Parallel()
	server := testenv.StartPostgres(t)
	url := server.Database(t)
	s := openAt(t, url)
	h := listenTo(t, s)
	if _, err := deployOne(t.Context(), s, "hello", "1"); err != nil {
		t.Fatal(err)
	}
	for _, stop := range []func(){server.Stop, server.Crash} {
		stop()
		_, err := s.Snapshot(t.Context())
		wantUnavailable(t, "a read", err)
		_, err = deployOne(t.Context(), s, "hello", "2")
		wantUnavailable(t, "a write", err)
		testenv.Eventually(t, "the node knows that it may be stale", func() bool { return s.Staleness() > 0 })
		server.Start(t)
		testenv.Eventually(t, "the node is up to date again", func() bool { return s.Staleness() == 0 })
		if _, err := deployOne(t.Context(), s, "hello", "3"); err != nil {
			t.Errorf("after the return: %v", err)
		}
		if !h.upTo(revisionOf(t, s))() {
			t.Error("a change after the return is not announced")
		}
	}
}

func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	var e *picloud.Error
	if !picloud.IsCode(err, picloud.CodeUnavailable) || !errors.As(err, &e) || e.RetryAfter <= 0 || strings.Contains(e.Message, "connect") {
		t.Errorf("%s while the database is away: %v", what, err)
	}
}

// TestOthersGetInTheWay has transactions take locks in opposite orders: those
// that PostgreSQL ends are run again.
func TestOthersGetInTheWay(t *testing.T) {
	t.Parallel()
	s := openAt(t, testenv.Database(t))
	const each = 20
	var wg sync.WaitGroup
	for _, order := range [][]string{{"records", "revision"}, {"revision", "records"}} {
		wg.Go(func() {
			for range each {
				err := s.write(t.Context(), "test", func(tx *tx) error {
					for _, counter := range order {
						if _, err := advance(tx, counter, 1); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	before := revisionOf(t, s)
	wg.Wait()
	if after := revisionOf(t, s); after < before || after < 2*each {
		t.Errorf("the counter is %d, want %d and more", after, 2*each)
	}
}

func TestZeroBytes(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		s := openAt(t, engine.path(t))
		r := picloud.Record{
			Invocation: picloud.Invocation{ID: "x", StartedAt: time.Now(), Path: "/\x00"},
			Logs:       []picloud.LogLine{{At: time.Now(), Message: "a\x00b\xff"}},
		}
		if err := s.AddRecords(t.Context(), []picloud.Record{r}); err != nil {
			t.Errorf("%s: %v", engine.name, err)
		}
	}
	s := openAt(t, testenv.Database(t))
	if _, err := deployOne(t.Context(), s, "hello", "\"a\x00b\""); !picloud.IsCode(err, picloud.CodeInvalid) {
		t.Errorf("a source with a zero byte: %v", err)
	}
}

// TestListsAreInTheSameOrder: names with what a locale would skip.
func TestListsAreInTheSameOrder(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		s := openAt(t, engine.path(t))
		for _, name := range []string{"ab", "a-c", "a1", "b", "a"} {
			if _, err := deployOne(t.Context(), s, name, "1"); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.ListScripts(t.Context(), picloud.DefaultApp)
		names := ""
		for _, l := range list {
			names += " " + l.Script.Name
		}
		if err != nil || names != " a a-c a1 ab b" {
			t.Errorf("%s: %s, %v", engine.name, names, err)
		}
	}
}

func TestPasswordsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://u:hunter2@127.0.0.1:1/x", "postgres://u:hunter2@/x?host=%zz", "postgres://u:hunter2@h:port/x"} {
		_, err := Open(t.Context(), Config{Path: url, Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader), Log: slog.New(slog.DiscardHandler)})
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "hunter2") {
			t.Errorf("Open: %v", err)
		}
	}
}
