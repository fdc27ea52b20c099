package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var eventCases = []testCase{
	{"an event is entered with its commit, and claimed by one", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		id := f.ids.New()
		f.ok(f.publish(sc, picloud.NewEvent{ID: id, Source: "orders", Kind: picloud.ValueJSON, Body: []byte(`{"n":1}`)}))
		e := f.claim("me", 10)[0]
		same(f, "id", e.ID, id)
		same(f, "script", e.Script, "hello")
		same(f, "source", e.Source, "orders")
		same(f, "trigger", e.Trigger, picloud.TriggerMessage)
		same(f, "body", string(e.Body), `{"n":1}`)
		same(f, "attempts", e.Attempts, 1)
		same(f, "claim", e.Claim, "me")
		same(f, "nothing is left", len(f.claim("other", 10)), 0)
		f.ok(f.settle(sc, picloud.Settlement{EventID: id, Claim: "me"}))
		_, err := f.EventByID(f.ctx, picloud.DefaultApp, id)
		f.code(err, picloud.CodeNotFound)
	}},
	{"a commit that is refused enters nothing and settles nothing", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		id := f.ids.New()
		f.ok(f.publish(sc, picloud.NewEvent{ID: id}))
		f.claim("me", 1)
		stale := picloud.Effects{Reads: []picloud.KeyRead{{Key: "k", Version: 9}}}
		f.stale(f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Effects: stale, Settle: []picloud.Settlement{{EventID: id, Claim: "me"}},
			Events: []picloud.NewEvent{{ID: f.ids.New(), ScriptID: sc.ID}}}))
		list, err := f.ListEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp})
		f.ok(err)
		same(f, "events", len(list), 1)
		same(f, "still claimed", list[0].Claim, "me")
	}},
	{"only who has claimed an event can settle it, and nothing of its commit happens otherwise", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		id := f.ids.New()
		f.ok(f.publish(sc, picloud.NewEvent{ID: id}))
		f.claim("me", 1)
		set := picloud.Effects{Writes: []picloud.KeyWrite{{Key: "k", Kind: picloud.ValueJSON, Value: []byte("1")}}}
		err := f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Effects: set, Settle: []picloud.Settlement{{EventID: id, Claim: "another"}}})
		same(f, "lost", errors.Is(err, picloud.ErrLost), true)
		same(f, "no effect", f.version(sc.AppID, "k"), 0)
		f.ok(f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Effects: set, Settle: []picloud.Settlement{{EventID: id, Claim: "me"}}}))
		err = f.settle(sc, picloud.Settlement{EventID: id, Claim: "me"})
		same(f, "settled twice", errors.Is(err, picloud.ErrLost), true)
	}},
	{"a claim that ends lets another take over", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}))
		list, err := f.ClaimEvents(f.ctx, "dead node", time.Now().Add(-time.Millisecond), 1, nil)
		f.ok(err)
		same(f, "claimed", len(list), 1)
		e := f.claim("another", 1)[0]
		same(f, "attempts", e.Attempts, 2)
		err = f.settle(sc, picloud.Settlement{EventID: e.ID, Claim: "dead node"})
		same(f, "the first has lost it", errors.Is(err, picloud.ErrLost), true)
	}},
	{"what a process that is gone had claimed is released at once", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}, picloud.NewEvent{ID: f.ids.New()}))
		same(f, "claimed", len(f.claim("gone", 10)), 2)
		entered := f.Entered()
		n, err := f.ReleaseEvents(f.ctx, "gone")
		f.ok(err)
		same(f, "released", n, 2)
		<-entered
		same(f, "claimed anew", len(f.claim("new", 10)), 2)
	}},
	{"the heartbeat of a node releases what nodes had claimed that are gone, and nothing else", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		_, err := f.RegisterNode(f.ctx, picloud.Node{ID: "alive-id", Name: "alive"})
		f.ok(err)
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}, picloud.NewEvent{ID: f.ids.New()}))
		same(f, "claimed by one that is gone", len(f.claim("gone-id", 1)), 1)
		same(f, "claimed by one that lives", len(f.claim("alive-id", 1)), 1)
		entered := f.Entered()
		_, err = f.RenewNode(f.ctx, "alive-id", picloud.NodeLoad{})
		f.ok(err)
		<-entered
		list := f.claim("alive-id", 10)
		same(f, "released", len(list), 1)
		same(f, "why", list[0].Error, picloud.LostRun)
		same(f, "the first time does not count", list[0].Attempts, 1)
	}},
	{"losing the process again counts, so that what takes processes down is given up one day", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}))
		for i, want := range []int{1, 1, 2, 3} {
			same(f, fmt.Sprint("attempts of claim ", i), f.claim("gone", 10)[0].Attempts, want)
			_, err := f.ReleaseEvents(f.ctx, "")
			f.ok(err)
		}
	}},
	{"an event is claimed on entering if it can be run at once, and looks as if it had been claimed after", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		until := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond)
		events := []picloud.NewEvent{
			{ID: f.ids.New(), Claim: "me", Until: until}, {ID: f.ids.New(), Claim: "me", Until: until, DueAt: time.Now().Add(time.Hour)},
			{ID: f.ids.New(), Claim: "me", Until: until, Key: "k"}, {ID: f.ids.New(), Claim: "me", Until: until, Key: "k"}, {ID: f.ids.New()},
		}
		f.ok(f.publish(sc, events...))
		list, err := f.ListEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp})
		f.ok(err)
		got := ""
		for _, e := range list {
			got += fmt.Sprintf("%s %q %d %v, ", e.State, e.Claim, e.Attempts, e.DueAt.Equal(until))
		}
		same(f, "the newest first", got, `waiting "" 0 false, blocked "" 0 false, waiting "me" 1 true, waiting "" 0 false, waiting "me" 1 true, `)
		same(f, "the rest", len(f.claim("other", 10)), 1)
		f.ok(f.settle(sc, picloud.Settlement{EventID: events[2].ID, Claim: "me"}))
		same(f, "the next with the key", f.claim("other", 10)[0].ID, events[3].ID)
	}},
	{"what was claimed and not begun is given back, and the attempt does not count", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		ids := []string{f.ids.New(), f.ids.New()}
		f.ok(f.publish(sc, picloud.NewEvent{ID: ids[0]}, picloud.NewEvent{ID: ids[1]}))
		f.claim("me", 10)
		f.ok(f.ReturnEvents(f.ctx, "me", ids[:1]))
		f.ok(f.ReturnEvents(f.ctx, "another", ids[1:]))
		list := f.claim("other", 10)
		same(f, "given back", len(list), 1)
		same(f, "which", list[0].ID, ids[0])
		same(f, "attempts", list[0].Attempts, 1)
		same(f, "no reason", list[0].Error, "")
	}},
	{"lines are left out of claims and of what is next", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New(), Source: "a"}, picloud.NewEvent{ID: f.ids.New(), Source: "b"}))
		a, b := picloud.EventLine{ScriptID: sc.ID, Source: "a"}, picloud.EventLine{ScriptID: sc.ID, Source: "b"}
		_, ok, err := f.NextEvent(f.ctx, []picloud.EventLine{a, b})
		f.ok(err)
		same(f, "none is next", ok, false)
		list, err := f.ClaimEvents(f.ctx, "me", time.Now().Add(time.Minute), 10, []picloud.EventLine{a})
		f.ok(err)
		same(f, "claimed", len(list), 1)
		same(f, "of", list[0].Source, "b")
		list, err = f.ClaimEvents(f.ctx, "me", time.Now().Add(time.Minute), 10, []picloud.EventLine{{ScriptID: sc.ID}})
		f.ok(err)
		same(f, "none of the script", len(list), 0)
	}},
	{"one claim takes no more than so many bytes, but one event", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		for range 20 {
			f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New(), Kind: picloud.ValueBytes, Body: make([]byte, picloud.MaxValueBytes)}))
		}
		same(f, "first", len(f.claim("me", 100)), 16)
		same(f, "then", len(f.claim("me", 100)), 4)
	}},
	{"many settle, publish and write in one group, and each is as if it were alone", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		const n = 300
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				err := f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Effects: picloud.Effects{
					Reads:  []picloud.KeyRead{{Key: fmt.Sprint("k", i), Version: 0}},
					Writes: []picloud.KeyWrite{{Key: fmt.Sprint("k", i), Kind: picloud.ValueJSON, Value: []byte("1")}, {Key: "all", Kind: picloud.ValueJSON, Value: []byte("1")}},
				}, Events: []picloud.NewEvent{{ID: f.ids.New(), ScriptID: sc.ID, Trigger: picloud.TriggerMessage, Kind: picloud.ValueJSON}}})
				if err != nil {
					f.Error(err)
				}
			})
		}
		all.Wait()
		usage, err := f.Usage(f.ctx, sc.AppID)
		f.ok(err)
		same(f, "keys", usage.Keys, n+1)
		seen := 0
		for _, e := range f.claim("me", 2*n) {
			all.Go(func() {
				if err := f.settle(sc, picloud.Settlement{EventID: e.ID, Claim: "me"}); err != nil {
					f.Error(err)
				}
			})
			seen++
		}
		all.Wait()
		same(f, "events", seen, n)
		list, err := f.ListEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp})
		f.ok(err)
		same(f, "left", len(list), 0)
	}},
	{"a message with a name is accepted once, while the name is remembered", func(f *fixture) {
		sc, other := f.deploy("hello", "1").Script, f.deploy("other", "1").Script
		say := func(name string, window time.Duration, topics ...string) (entered int) {
			f.Helper()
			c := picloud.Commit{AppID: sc.AppID}
			for i, topic := range topics {
				c.Effects.Messages = append(c.Effects.Messages, picloud.Message{Topic: topic, Dedupe: name, Window: window})
				for _, id := range []string{sc.ID, other.ID} {
					e := picloud.NewEvent{ID: f.ids.New(), ScriptID: id, Trigger: picloud.TriggerMessage, Source: topic, Kind: picloud.ValueJSON}
					if name != "" {
						e.Once = i + 1
					}
					c.Events = append(c.Events, e)
				}
			}
			f.ok(f.Commit(f.ctx, c))
			for _, e := range c.Events {
				if e.Seq > 0 {
					entered++
				}
			}
			return entered
		}
		same(f, "first", say("a", 0, "t"), 2)
		same(f, "again", say("a", 0, "t"), 0)
		same(f, "of another topic", say("a", 0, "u"), 2)
		same(f, "another name", say("b", 0, "t"), 2)
		same(f, "twice in one commit", say("c", 0, "t", "t", "u"), 4)
		same(f, "no name", say("", 0, "t", "t"), 4)
		same(f, "briefly", say("d", time.Microsecond, "t"), 2)
		same(f, "after it is over", say("d", 0, "t"), 2)
		var all sync.WaitGroup
		var entered atomic.Int64
		for range 20 {
			all.Go(func() { entered.Add(int64(say("together", 0, "t"))) })
		}
		all.Wait()
		same(f, "many at once", entered.Load(), 2)
		stale := picloud.Effects{Reads: []picloud.KeyRead{{Key: "k", Version: 9}}, Messages: []picloud.Message{{Topic: "t", Dedupe: "refused"}}}
		f.stale(f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Effects: stale}))
		same(f, "after a commit that was refused", say("refused", 0, "t"), 2)
	}},
	{"an event is due when it is, and the next is known", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		_, ok, err := f.NextEvent(f.ctx, nil)
		f.ok(err)
		same(f, "none", ok, false)
		later := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New(), DueAt: later}))
		same(f, "not yet", len(f.claim("me", 10)), 0)
		due, ok, err := f.NextEvent(f.ctx, nil)
		f.ok(err)
		same(f, "there is one", ok, true)
		same(f, "due", due, later)
		_, ok, err = f.NextEvent(f.ctx, []picloud.EventLine{{ScriptID: sc.ID}})
		f.ok(err)
		same(f, "not of another script", ok, false)
	}},
	{"a failed event comes back when it is to, or is given up", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		id := f.ids.New()
		f.ok(f.publish(sc, picloud.NewEvent{ID: id}))
		f.claim("me", 1)
		f.ok(f.settle(sc, picloud.Settlement{EventID: id, Claim: "me", RetryAt: time.Now().Add(time.Hour), Error: "upstream"}))
		same(f, "not yet", len(f.claim("me", 1)), 0)
		e, err := f.EventByID(f.ctx, picloud.DefaultApp, id)
		f.ok(err)
		same(f, "why", e.Error, "upstream")
		same(f, "nobody's", e.Claim, "")
		f.ok(f.publish(sc, picloud.NewEvent{ID: "x-" + id}))
		again := f.claim("me", 1)[0]
		f.ok(f.settle(sc, picloud.Settlement{EventID: again.ID, Claim: "me", Dead: true, Error: "poison"}))
		same(f, "never", len(f.claim("me", 1)), 0)
		list, err := f.ListEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp, State: picloud.EventDead})
		f.ok(err)
		same(f, "dead", len(list), 1)
		same(f, "why", list[0].Error, "poison")
	}},
	{"a dead event is redriven, also with another body, and starts anew", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		id := f.dead(sc, "orders", "")
		f.ok(f.RedriveEvent(f.ctx, picloud.DefaultApp, id, picloud.ValueJSON, []byte(`"mended"`)))
		f.code(f.RedriveEvent(f.ctx, picloud.DefaultApp, id, "", nil), picloud.CodeConflict)
		e := f.claim("me", 1)[0]
		same(f, "body", string(e.Body), `"mended"`)
		same(f, "attempts", e.Attempts, 1)
		same(f, "error", e.Error, "")
		f.code(f.DropEvent(f.ctx, picloud.DefaultApp, id), picloud.CodeConflict)
		f.code(f.RedriveEvent(f.ctx, picloud.DefaultApp, "none", "", nil), picloud.CodeNotFound)
	}},
	{"all dead events of a topic are redriven or dropped, and no others", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		for range 3 {
			f.dead(sc, "orders", "")
		}
		f.dead(sc, "other", "")
		n, err := f.RedriveEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp, Source: "orders"})
		f.ok(err)
		same(f, "redriven", n, 3)
		n, err = f.DropEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp, State: picloud.EventDead})
		f.ok(err)
		same(f, "dropped", n, 1)
		same(f, "left", len(f.claim("me", 10)), 3)
		n, err = f.DropEvents(f.ctx, picloud.EventQuery{App: picloud.DefaultApp})
		f.ok(err)
		same(f, "what is being run stays", n, 0)
	}},
	{"events with a key are run one after the other, in their order", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		var ids []string
		for i := range 3 {
			ids = append(ids, f.ids.New())
			f.ok(f.publish(sc, picloud.NewEvent{ID: ids[i], Key: "k"}, picloud.NewEvent{ID: f.ids.New(), Key: fmt.Sprint("other", i)}))
		}
		for i, id := range ids {
			mine := ""
			for _, e := range f.claim("me", 10) {
				if e.Key == "k" {
					same(f, "one at a time", mine, "")
					mine = e.ID
				}
			}
			same(f, "in order", mine, id)
			switch i {
			case 0: // a retry holds the others up
				f.ok(f.settle(sc, picloud.Settlement{EventID: id, Claim: "me", RetryAt: time.Now().Add(-time.Second)}))
				same(f, "the same again", f.claim("me", 10)[0].ID, id)
				f.ok(f.settle(sc, picloud.Settlement{EventID: id, Claim: "me"}))
			case 1: // one that is given up does not
				f.ok(f.settle(sc, picloud.Settlement{EventID: id, Claim: "me", Dead: true}))
			}
		}
		// The one that was given up may come back when it is nobody's turn.
		f.ok(f.RedriveEvent(f.ctx, picloud.DefaultApp, ids[1], "", nil))
		same(f, "behind the one that is run", len(f.claim("me", 10)), 0)
		f.ok(f.settle(sc, picloud.Settlement{EventID: ids[2], Claim: "me"}))
		same(f, "its turn", f.claim("me", 10)[0].ID, ids[1])
	}},
	{"dropping the first of a key lets the next go on", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		first, second := f.ids.New(), f.ids.New()
		f.ok(f.publish(sc, picloud.NewEvent{ID: first, Key: "k", DueAt: time.Now().Add(time.Hour)}, picloud.NewEvent{ID: second, Key: "k"}))
		same(f, "blocked", len(f.claim("me", 10)), 0)
		f.ok(f.DropEvent(f.ctx, picloud.DefaultApp, first))
		same(f, "goes on", f.claim("me", 10)[0].ID, second)
	}},
	{"an event entered twice is one", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		e := picloud.NewEvent{ID: f.ids.New()}
		f.ok(f.publish(sc, e))
		f.ok(f.publish(sc, e))
		same(f, "claimed", len(f.claim("me", 10)), 1)
	}},
	{"the events of a script go with it, and none are entered for one that is gone", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}))
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "hello"))
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New()}))
		same(f, "claimed", len(f.claim("me", 10)), 0)
	}},
	{"counts tell script, source, state and age", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		f.dead(sc, "orders", "")
		f.ok(f.publish(sc, picloud.NewEvent{ID: f.ids.New(), Source: "orders"}, picloud.NewEvent{ID: f.ids.New(), Source: "orders"}))
		counts, err := f.CountEvents(f.ctx, picloud.DefaultApp)
		f.ok(err)
		var got []string
		for _, c := range counts {
			got = append(got, fmt.Sprintf("%s/%s/%s=%d", c.Script, c.Source, c.State, c.Count))
			same(f, "age is known", time.Since(c.Oldest) < time.Hour, true)
		}
		same(f, "counts", strings.Join(got, " "), "hello/orders/dead=1 hello/orders/waiting=2")
	}},
	{"claims of several at once never give one event to two", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		const total = 120
		for range total / 20 {
			var batch []picloud.NewEvent
			for range 20 {
				batch = append(batch, picloud.NewEvent{ID: f.ids.New()})
			}
			f.ok(f.publish(sc, batch...))
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		seen := map[string]int{}
		for c := range 4 {
			wg.Go(func() {
				for {
					list, err := f.ClaimEvents(f.ctx, fmt.Sprint("c", c), time.Now().Add(time.Minute), 7, nil)
					if err != nil {
						f.Error(err)
					}
					if len(list) == 0 {
						return
					}
					mu.Lock()
					for _, e := range list {
						seen[e.ID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		same(f, "events", len(seen), total)
		for id, n := range seen {
			same(f, "claims of "+id, n, 1)
		}
	}},
}

// publish enters events of a script, as messages unless they say otherwise.
func (f *fixture) publish(sc picloud.Script, events ...picloud.NewEvent) error {
	for i := range events {
		events[i].ScriptID = sc.ID
		if events[i].Trigger == "" {
			events[i].Trigger = picloud.TriggerMessage
		}
		if events[i].Kind == "" {
			events[i].Kind = picloud.ValueJSON
		}
	}
	return f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Events: events})
}

func (f *fixture) settle(sc picloud.Script, s picloud.Settlement) error {
	return f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Settle: []picloud.Settlement{s}})
}

// claim claims what is due for a minute.
func (f *fixture) claim(who string, limit int) []picloud.Event {
	f.Helper()
	list, err := f.ClaimEvents(f.ctx, who, f.clock.now().Add(time.Minute), limit, nil)
	f.ok(err)
	return list
}

// dead makes an event that has been given up.
func (f *fixture) dead(sc picloud.Script, source, key string) string {
	f.Helper()
	id := f.ids.New()
	f.ok(f.publish(sc, picloud.NewEvent{ID: id, Source: source, Key: key}))
	f.claim("undertaker", 1)
	f.ok(f.settle(sc, picloud.Settlement{EventID: id, Claim: "undertaker", Dead: true, Error: "no"}))
	return id
}
