package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// The scripts of the checker do what their body says, on few keys. What they
// write depends on all that they have read, so that a stale read shows.
const serialScript = `
	fn mix(acc, v) { (acc * 31 + if v == () { 17 } else { v }) % 1000003 }
	fn handle(req) {
		let seen = [];
		let acc = req.json().seed;
		for op in req.json().ops {
			switch op.kind {
				"get" => { let v = kv::get(op.key); seen.push(v); acc = mix(acc, v); }
				"list" => {
					for e in kv::entries(op.key) { seen.push(e.key); seen.push(e.value); acc = mix(acc, e.value); }
					seen.push("end");
				}
				"set" => { kv::set(op.key, acc); }
				"incr" => { let v = kv::incr(op.key); seen.push(v); acc = mix(acc, v); }
				"delete" => { let had = kv::delete(op.key); seen.push(had); acc = mix(acc, if had { 1 } else { 2 }); }
			}
		}
		seen
	}`

type serialOp struct {
	Do  string `json:"kind"`
	Key string `json:"key"`
}

// serialRun is one invocation: what it was to do, what it says that it saw, and
// when it was, in ticks of a clock that all share.
type serialRun struct {
	Seed       int64      `json:"seed"`
	Ops        []serialOp `json:"ops"`
	saw        string
	start, end int64
}

// state is the data by key.
type state map[string]int64

func mix(acc, v int64) int64 { return (acc*31 + v) % 1000003 }

// do is what the run sees when it is alone, on a state that it changes.
func (r *serialRun) do(s state) string {
	seen, acc := []any{}, r.Seed
	for _, op := range r.Ops {
		v, there := s[op.Key]
		switch op.Do {
		case "get":
			if there {
				seen, acc = append(seen, v), mix(acc, v)
			} else {
				seen, acc = append(seen, nil), mix(acc, 17)
			}
		case "list":
			for _, k := range slices.Sorted(maps.Keys(s)) {
				if strings.HasPrefix(k, op.Key) {
					seen, acc = append(seen, k, s[k]), mix(acc, s[k])
				}
			}
			seen = append(seen, "end")
		case "set":
			s[op.Key] = acc
		case "incr":
			s[op.Key] = v + 1
			seen, acc = append(seen, v+1), mix(acc, v+1)
		case "delete":
			delete(s, op.Key)
			if there {
				seen, acc = append(seen, true), mix(acc, 1)
			} else {
				seen, acc = append(seen, false), mix(acc, 2)
			}
		}
	}
	text, err := json.Marshal(seen)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// serial finds an order in which the runs, one after the other, see what they
// saw and leave the final state. No run comes before one that had ended when
// it began.
func serial(runs []*serialRun, from, final state) bool {
	if len(runs) == 0 {
		return fmt.Sprint(from) == fmt.Sprint(final)
	}
	for i, r := range runs {
		late := slices.ContainsFunc(runs, func(other *serialRun) bool { return other.end < r.start })
		if late {
			continue
		}
		next := maps.Clone(from)
		if r.do(next) != r.saw {
			continue
		}
		if serial(slices.Concat(runs[:i], runs[i+1:]), next, final) {
			return true
		}
	}
	return false
}

// TestTheCheckerRefuses makes sure that the test below can fail.
func TestTheCheckerRefuses(t *testing.T) {
	t.Parallel()
	incr := func(saw string, start, end int64) *serialRun {
		return &serialRun{Ops: []serialOp{{"incr", "k"}}, saw: saw, start: start, end: end}
	}
	for _, c := range []struct {
		name  string
		runs  []*serialRun
		final state
		want  bool
	}{
		{"one after the other", []*serialRun{incr("[2]", 1, 4), incr("[1]", 2, 3)}, state{"k": 2}, true},
		{"a lost update", []*serialRun{incr("[1]", 1, 4), incr("[1]", 2, 3)}, state{"k": 1}, false},
		{"an update that nobody sees", []*serialRun{incr("[1]", 1, 4)}, state{"k": 5}, false},
		{"an order against time", []*serialRun{incr("[2]", 1, 2), incr("[1]", 3, 4)}, state{"k": 2}, false},
	} {
		if got := serial(c.runs, state{}, c.final); got != c.want {
			t.Errorf("%s: serial %v", c.name, got)
		}
	}
}

// dawdling is a store whose readers are overtaken.
type dawdling struct{ Store }

func (d dawdling) ReadEntries(ctx context.Context, app string, keys []string) ([]picloud.Entry, error) {
	e, err := d.Store.ReadEntries(ctx, app, keys)
	for range rand.IntN(200) {
		runtime.Gosched()
	}
	return e, err
}

// Whatever scripts do on few keys at the same time, it comes out as if they
// had run one after the other.
func TestInvocationsAreSerialisable(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	n := startNode(t, nil, func(c *Config) { c.Store = dawdling{c.Store} })
	n.deploy("serial", serialScript)
	n.deploy("all", `let all = #{}; for e in kv::entries("") { all[e.key] = e.value } all`)
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	before := state{}
	var clock atomic.Int64
	for round := range rounds {
		runs := make([]*serialRun, 2+rng.IntN(6))
		for i := range runs {
			runs[i] = randomRun(rng)
		}
		var wg sync.WaitGroup
		for _, r := range runs {
			wg.Go(func() {
				body, _ := json.Marshal(r)
				r.start = clock.Add(1)
				a := n.do("POST", "/serial", string(body))
				r.end = clock.Add(1)
				a.want(t, "run", 200, "")
				r.saw = a.body
			})
		}
		wg.Wait()
		after := state{}
		if err := json.Unmarshal([]byte(n.do("GET", "/all", "").body), &after); err != nil {
			t.Fatal(err)
		}
		if !serial(runs, before, after) {
			for _, r := range runs {
				t.Logf("%d to %d: %+v saw %s", r.start, r.end, r.Ops, r.saw)
			}
			t.Fatalf("seed %d, round %d: no order explains this, from %v to %v", seed, round, before, after)
		}
		before = after
	}
}

func randomRun(rng *rand.Rand) *serialRun {
	r := &serialRun{Seed: rng.Int64N(1000)}
	keys := []string{"a", "b", "p/1", "p/2", "p/3"}
	for range 1 + rng.IntN(5) {
		op := serialOp{[]string{"get", "get", "set", "set", "incr", "delete", "list"}[rng.IntN(7)], keys[rng.IntN(len(keys))]}
		if op.Do == "list" {
			op.Key = []string{"p/", ""}[rng.IntN(2)]
		}
		r.Ops = append(r.Ops, op)
	}
	return r
}
