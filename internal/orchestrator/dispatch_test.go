package orchestrator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// subscribing is the settings of a script that gets the messages of a topic.
func subscribing(topic string, edits ...func(*picloud.Subscription)) picloud.Settings {
	s := picloud.Subscription{Topic: topic, RetryDelayMS: 1}
	for _, edit := range edits {
		edit(&s)
	}
	return picloud.Settings{Subscriptions: []picloud.Subscription{s}}
}

// await waits until a script of the app says so: its answer is true.
func (n *node) await(what, script string) {
	n.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		a := n.do("GET", "/"+script, "")
		if a.body == "true" {
			return
		}
		if time.Now().After(deadline) {
			list, err := n.store.ListEvents(n.t.Context(), picloud.EventQuery{App: picloud.DefaultApp})
			n.t.Fatalf("%s: it never came to be: %s, events %+v %v", what, a.body, list, err)
		}
		<-n.store.Recorded()
	}
}

// events are those of the default app, in a state.
func (n *node) events(state picloud.EventState) []picloud.Event {
	n.t.Helper()
	list, err := n.store.ListEvents(n.t.Context(), picloud.EventQuery{App: picloud.DefaultApp, State: state})
	if err != nil {
		n.t.Fatal(err)
	}
	return list
}

func TestMessagesReachTheirScripts(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("order", `fn handle(req) { publish("orders", #{ id: req.query.id, n: 7 }); kv::set("ordered", true); "thanks" }`)
	n.deployAs("default", "bill", `fn on_message(m) { kv::set("bill/" + m.body.id, m.body.n * 2); publish("billed", m.body.id) }`, subscribing("orders"))
	n.deployAs("default", "pack", `fn on_message(m) { kv::set("pack/" + m.body.id, m.topic) }`, subscribing("orders"))
	n.deployAs("default", "tell", `fn on_message(m) { kv::set("told/" + m.body, m.attempt) }`, subscribing("billed"))
	n.deploy("done", `kv::get("bill/a") == 14 && kv::get("pack/a") == "orders" && kv::get("told/a") == 1`)
	n.do("GET", "/order?id=a", "").want(t, "order", 200, "")
	n.await("three scripts", "done")
	if left := n.events(""); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
	triggers := map[picloud.Trigger]int{}
	for _, v := range n.records() {
		if v.Script != "done" {
			triggers[v.Trigger]++
		}
	}
	if fmt.Sprint(triggers) != "map[http:1 message:3]" {
		t.Errorf("recorded %v", triggers)
	}
}

func TestAFailedRunPublishesNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "count", `fn on_message(m) { kv::incr("n") }`, subscribing("topic"))
	n.deploy("bad", `fn handle(req) { publish("topic", 1); throw "no" }`)
	n.deploy("good", `fn handle(req) { publish("topic", 1); () }`)
	n.deploy("done", `kv::get("n") == 1`)
	n.do("GET", "/bad", "").want(t, "bad", 500, "script_error")
	n.do("GET", "/good", "").want(t, "good", 204, "")
	n.await("one message", "done")
}

// What fails is tried again, and leaves nothing until it succeeds.
func TestRetries(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "flaky", `
		fn on_message(m) {
			kv::incr("runs");
			if m.attempt < 3 { throw #{ retry_after: 0.001 } }
			kv::set("succeeded_at", m.attempt);
		}`, subscribing("topic"))
	n.deploy("done", `kv::get("succeeded_at") == 3 && kv::get("runs") == 1`)
	if _, err := n.Publish(t.Context(), "default", []picloud.Message{{Topic: "topic", Kind: picloud.ValueJSON, Body: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	n.await("the third attempt", "done")
	statuses := map[picloud.Status]int{}
	for _, v := range n.records() {
		if v.Script == "flaky" {
			statuses[v.Status]++
		}
	}
	if statuses[picloud.StatusError] != 2 || statuses[picloud.StatusOK] != 1 {
		t.Errorf("recorded %v", statuses)
	}
}

func TestPoisonIsGivenUpAndCanBeRedriven(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "strict", `fn on_message(m) { if m.body != "fine" { throw "poison: " + m.body } kv::set("ok", true) }`,
		subscribing("topic", func(s *picloud.Subscription) { s.MaxAttempts = 2 }))
	n.deploy("done", `kv::get("ok") == true`)
	n.deployAs("default", "after", `fn on_message(m) { kv::set("after", true) }`, subscribing("other"))
	n.deploy("second", `kv::get("after") == true`)
	message := func(topic, body string) {
		t.Helper()
		text, _ := json.Marshal(body)
		if _, err := n.Publish(t.Context(), "default", []picloud.Message{{Topic: topic, Kind: picloud.ValueJSON, Body: text}}); err != nil {
			t.Fatal(err)
		}
	}
	message("topic", "bad")
	for len(n.events(picloud.EventDead)) == 0 {
		<-n.store.Recorded()
	}
	dead := n.events(picloud.EventDead)[0]
	if dead.Attempts != 2 || !strings.Contains(dead.Error, "poison: bad") || dead.Source != "topic" {
		t.Errorf("dead %+v", dead)
	}
	message("other", "x")
	n.await("others go on", "second")
	if err := n.store.RedriveEvent(t.Context(), "default", dead.ID, picloud.ValueJSON, []byte(`"fine"`)); err != nil {
		t.Fatal(err)
	}
	n.await("the mended message", "done")
}

// Messages with one key are delivered in their order, one at a time, also when
// some have to be tried again.
func TestOrder(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "list", `
		fn on_message(m) {
			if m.body % 4 == 1 && m.attempt == 1 { throw "again" }
			let seen = kv::get("seen/" + m.key, []);
			seen.push(m.body);
			kv::set("seen/" + m.key, seen);
		}`, subscribing("topic"))
	n.deploy("done", `kv::get("seen/a", []).len() == 12 && kv::get("seen/b", []).len() == 12`)
	n.deploy("seen", `[kv::get("seen/a"), kv::get("seen/b")]`)
	var messages []picloud.Message
	for i := range 12 {
		for _, key := range []string{"a", "b"} {
			messages = append(messages, picloud.Message{Topic: "topic", Key: key, Kind: picloud.ValueJSON, Body: fmt.Append(nil, i)})
		}
	}
	if _, err := n.Publish(t.Context(), "default", messages); err != nil {
		t.Fatal(err)
	}
	n.await("all of them", "done")
	const want = `[[0,1,2,3,4,5,6,7,8,9,10,11],[0,1,2,3,4,5,6,7,8,9,10,11]]`
	if a := n.do("GET", "/seen", ""); a.body != want {
		t.Errorf("order %s", a.body)
	}
}

func TestDelaysAndDisabledScripts(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "late", `fn on_message(m) { kv::set("late", m.scheduled_at - m.at) }`, subscribing("topic"))
	n.deploy("send", `fn handle(req) { publish("topic", 1, #{delay: 1}); () }`)
	n.deploy("done", `kv::get("late") != ()`)
	if _, err := n.store.SetEnabled(t.Context(), "default", "late", false); err != nil {
		t.Fatal(err)
	}
	n.do("GET", "/send", "").want(t, "send", 204, "")
	if list := n.events(picloud.EventWaiting); len(list) != 1 || list[0].Attempts != 0 {
		t.Fatalf("events %+v", list)
	}
	if _, err := n.store.SetEnabled(t.Context(), "default", "late", true); err != nil {
		t.Fatal(err)
	}
	n.await("the delayed message", "done")
}

// A slow script takes its own slots and no others'.
func TestAFullScriptHoldsUpNobody(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	one := func(s *picloud.Subscription) { s.Concurrency = 1 }
	n.deployAs("default", "slow", `fn on_message(m) { let x = 0; while kv::get("go") != true && x < 1 { x += 1; sleep(0.05) } kv::incr("slow") }`, subscribing("slow", one))
	n.deployAs("default", "quick", `fn on_message(m) { kv::incr("quick") }`, subscribing("quick"))
	n.deploy("done", `kv::get("quick") == 20`)
	n.deploy("all", `kv::get("slow") == 8`)
	var messages []picloud.Message
	for range 8 {
		messages = append(messages, picloud.Message{Topic: "slow", Kind: picloud.ValueJSON, Body: []byte("1")})
	}
	for range 20 {
		messages = append(messages, picloud.Message{Topic: "quick", Kind: picloud.ValueJSON, Body: []byte("1")})
	}
	if _, err := n.Publish(t.Context(), "default", messages); err != nil {
		t.Fatal(err)
	}
	n.await("the quick ones", "done")
	n.await("the slow ones", "all")
}

// While nothing happens no statement is run: after a publish the dispatcher
// looks once, sleeps, and looks again when it is woken and not before.
func TestDispatchingIsIdle(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "later", `fn on_message(m) { }`, subscribing("topic"))
	if _, err := n.Publish(t.Context(), "default", []picloud.Message{{Topic: "topic", Kind: picloud.ValueJSON, Body: []byte("1"), Delay: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	still, last := 0, n.store.Statements()
	for range 200 { // of ten milliseconds, until nothing has happened for fifty of them
		<-time.After(10 * time.Millisecond)
		if now := n.store.Statements(); now != last {
			still, last = 0, now
		} else if still++; still == 50 {
			return
		}
	}
	t.Error("statements are run while nothing happens")
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	for _, m := range []picloud.Message{
		{Topic: "Not a topic"}, {Topic: ""}, {Topic: "ok", Key: strings.Repeat("k", 201)}, {Topic: "ok", Key: "a\x00"},
		{Topic: "ok", Body: make([]byte, picloud.MaxValueBytes+1)}, {Topic: "ok", Delay: -1}, {Topic: "ok", Delay: 2 * picloud.MaxDelay},
	} {
		if _, err := n.Publish(t.Context(), "default", []picloud.Message{m}); !picloud.IsCode(err, picloud.CodeInvalid) {
			t.Errorf("%.40s: %v", m.Topic, err)
		}
	}
	if _, err := n.Publish(t.Context(), "none", nil); !picloud.IsCode(err, picloud.CodeNotFound) {
		t.Errorf("an app that is not there: %v", err)
	}
	if k, err := n.Publish(t.Context(), "default", []picloud.Message{{Topic: "nobody"}}); err != nil || k != 0 {
		t.Errorf("a topic that nobody subscribes to: %d %v", k, err)
	}
}
