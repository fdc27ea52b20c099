package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

func TestEffectsHappenOnlyWithSuccess(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "write", `
		fn handle(req) {
			kv::set("a", 1);
			kv::set("b", req.query.how);
			switch req.query.how {
				"throw" => throw "no",
				"refuse" => throw #{status: 404, message: "no"},
				"spin" => loop { },
				"answer" => return |x| x,
			}
			kv::get("a")
		}`, picloud.Settings{Limits: picloud.Limits{Operations: 100_000}})
	n.deploy("read", `[kv::get("a"), kv::get("b")]`)
	for _, c := range []struct {
		how    string
		status int
		code   string
		after  string
	}{
		{"throw", 500, "script_error", "[null,null]"},
		{"refuse", 404, "thrown", "[null,null]"},
		{"spin", 500, "operations", "[null,null]"},
		{"answer", 500, "bad_response", "[null,null]"},
		{"fine", 200, "", `[1,"fine"]`},
	} {
		n.do("GET", "/write?how="+c.how, "").want(t, c.how, c.status, c.code)
		if a := n.do("GET", "/read", ""); a.body != c.after {
			t.Errorf("after %s: %s, want %s", c.how, a.body, c.after)
		}
	}
	// Each is recorded once, the one with effects among them.
	got := map[string]int{}
	for _, v := range n.records() {
		if v.Script == "write" {
			got[string(v.Status)]++
		}
	}
	if fmt.Sprint(got) != "map[error:2 limit:1 ok:2]" {
		t.Errorf("recorded %v", got)
	}
}

func TestConcurrentCountersLoseNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("count", `kv::incr(req.query.key)`)
	const callers, each = 8, 25
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				n.do("GET", "/count?key=one", "").want(t, "count", 200, "")
			}
		})
	}
	wg.Wait()
	if a := n.do("GET", "/count?key=one", ""); a.body != fmt.Sprint(callers*each+1) {
		t.Errorf("counted %s, want %d", a.body, callers*each+1)
	}
}

// contested is a store on which somebody else always is faster.
type contested struct {
	Store
	commits int
}

func (c *contested) Commit(context.Context, picloud.Commit) error {
	c.commits++
	return picloud.ErrStale
}

func TestConflictsEnd(t *testing.T) {
	t.Parallel()
	var store *contested
	n := startNode(t, nil, func(c *Config) {
		store = &contested{Store: c.Store}
		c.Store = store
	})
	n.deploy("count", `kv::incr("n")`)
	a := n.do("GET", "/count", "")
	a.want(t, "contested", 503, "stale")
	if a.header.Get("Retry-After") == "" || a.header.Get("PiCloud-Error") != "stale" {
		t.Errorf("headers %v", a.header)
	}
	if store.commits != maxAttempts {
		t.Errorf("%d attempts, want %d", store.commits, maxAttempts)
	}
	if v := n.records(); len(v) != 1 || v[0].Error == nil || v[0].Error.Code != picloud.CodeStale {
		t.Errorf("recorded %+v", v)
	}
}

// broken is a store that cannot be written.
type broken struct{ Store }

func (broken) Commit(context.Context, picloud.Commit) error { return errors.New("disk full") }

func TestACommitThatFailsIsNoSuccess(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, func(c *Config) { c.Store = broken{c.Store} })
	n.deploy("count", `kv::incr("n"); "done"`)
	a := n.do("GET", "/count", "")
	a.want(t, "broken", 503, "unavailable")
	if strings.Contains(a.body, "disk full") || a.header.Get("Retry-After") == "" {
		t.Errorf("%v %s", a.header, a.body)
	}
}

// skewed lets another invocation change the data between two reads of one, and
// at no other time.
type skewed struct {
	Store
	change func()
	once   sync.Once
}

func (s *skewed) ReadEntries(ctx context.Context, app string, keys []string) ([]picloud.Entry, error) {
	e, err := s.Store.ReadEntries(ctx, app, keys)
	s.once.Do(s.change)
	return e, err
}

// A script that only reads sees one moment, too.
func TestReadersSeeOneMoment(t *testing.T) {
	t.Parallel()
	var store *skewed
	n := startNode(t, nil, func(c *Config) {
		store = &skewed{Store: c.Store, change: func() {}}
		c.Store = store
	})
	n.deploy("set", `kv::set("a", req.query.v); kv::set("b", req.query.v); ()`)
	n.deploy("get", `if kv::get("a") != kv::get("b") { throw "torn" } kv::get("a")`)
	n.do("GET", "/set?v=1", "").want(t, "set", 204, "")
	store.change = func() { n.do("GET", "/set?v=2", "").want(t, "set between", 204, "") }
	if a := n.do("GET", "/get", ""); a.status != 200 || a.body != "2" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
