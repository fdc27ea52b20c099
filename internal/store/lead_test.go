package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// candidate leads when it can, and tells which it is.
func candidate(t *testing.T, s *Store, name string, leads chan<- string, done chan<- string) (resign func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Lead(ctx, "test", func(ctx context.Context) {
			leads <- name
			<-ctx.Done()
			done <- name
		})
	}()
	resign = func() { cancel(); <-ended }
	t.Cleanup(resign)
	return resign
}

func TestOneLeadsAndIsFollowed(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	stores := map[string]*Store{"a": openAt(t, url), "b": openAt(t, url)}
	leads, done := make(chan string, 10), make(chan string, 10)
	resign := map[string]func(){}
	for name, s := range stores {
		resign[name] = candidate(t, s, name, leads, done)
	}
	first := <-leads
	// Its connection ends, as when it is killed: it notices, and somebody leads.
	cutOff(t, stores["a"], "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted)")
	if name := <-done; name != first {
		t.Errorf("%s ended, %s led", name, first)
	}
	second := <-leads
	resign[second]()
	<-done
	third := <-leads
	if third == second {
		t.Errorf("%s leads after it resigned", third)
	}
	select {
	case name := <-leads:
		t.Errorf("%s leads, too", name)
	default:
	}
}

func TestOneProcessLeads(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	led := false
	s.Lead(t.Context(), "test", func(context.Context) { led = true })
	if !led {
		t.Error("the only process does not lead")
	}
}

func TestLeasesRunOut(t *testing.T) {
	t.Parallel()
	s := openAt(t, testenv.Database(t))
	for _, name := range []string{"a", "b"} {
		if _, err := s.RegisterNode(t.Context(), picloud.Node{ID: name, Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		age    int64 // microseconds
		health picloud.NodeHealth
		active int
	}{
		{picloud.NodeCutOff.Microseconds() - 5e6, picloud.NodeLive, 2},
		{picloud.NodeCutOff.Microseconds(), picloud.NodeLate, 2},
		{picloud.NodeLease.Microseconds(), picloud.NodeLost, 1},
	} {
		if _, err := s.writer.Exec("UPDATE nodes SET heartbeat_at = CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) - $1 WHERE id = 'a'", c.age); err != nil {
			t.Fatal(err)
		}
		m, err := s.RenewNode(t.Context(), "b", picloud.NodeLoad{})
		if err != nil || m.Active != c.active {
			t.Errorf("with a heartbeat of %d µs ago %d nodes are active, %v", c.age, m.Active, err)
		}
		if list, err := s.ListNodes(t.Context()); err != nil || list[0].Health() != c.health {
			t.Errorf("with a heartbeat of %d µs ago the health is %s, %v", c.age, list[0].Health(), err)
		}
	}
	if err := s.RemoveNode(t.Context(), "a"); err != nil {
		t.Errorf("removing a lost node: %v", err)
	}
}
