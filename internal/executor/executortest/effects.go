package executortest

import (
	"reflect"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// effects checks that what a run saw and wants to change comes out of it as it
// is, and that a run that fails wants to change nothing.
func effects(t *testing.T, e Executor) {
	out := run(t, e, `
		kv::set("b", blob(2, 7));
		kv::set("a", kv::get("answer") + 1);
		kv::delete("octets");
		kv::set("gone", 1, #{ttl: 3600});
		[kv::get("none"), kv::list("p/", #{limit: 3}), kv::entries("q/", #{limit: 1})]`)
	if out.Error != nil || string(out.Response.Body) != `[null,["p/0000","p/0001","p/0002"],[{"key":"q/0000","value":0}]]` {
		t.Fatalf("%+v %s", out.Error, out.Response.Body)
	}
	for i := range out.Effects.Writes {
		if w := &out.Effects.Writes[i]; w.Key == "gone" {
			if left := time.Until(w.ExpiresAt); left < 50*time.Minute || left > 70*time.Minute {
				t.Errorf("expires in %v", left)
			}
			w.ExpiresAt = time.Time{}
		} else if !w.ExpiresAt.IsZero() {
			t.Errorf("%s expires at %v", w.Key, w.ExpiresAt)
		}
	}
	want := &picloud.Effects{
		Reads: []picloud.KeyRead{{Key: "answer", Version: 7}, {Key: "octets", Version: 1 << 40}, {Key: "none"}},
		Ranges: []picloud.RangeRead{
			{From: "p/", To: "p/0002\x00", Count: 3, Newest: 3}, {From: "q/", To: "q/0000\x00", Count: 1, Newest: 1},
		},
		Writes: []picloud.KeyWrite{
			{Key: "a", Kind: picloud.ValueJSON, Value: []byte("43")},
			{Key: "b", Kind: picloud.ValueBytes, Value: []byte{7, 7}},
			{Key: "gone", Kind: picloud.ValueJSON, Value: []byte("1")},
			{Key: "octets", Delete: true},
		},
	}
	if !reflect.DeepEqual(out.Effects, want) {
		t.Errorf("effects\n%+v, want\n%+v", out.Effects, want)
	}

	out = run(t, e, `publish("orders.paid", #{n: 1}, #{key: "k", delay: 1.5}); publish("raw", blob(1, 9)); 1`)
	want = &picloud.Effects{Messages: []picloud.Message{
		{Topic: "orders.paid", Key: "k", Kind: picloud.ValueJSON, Body: []byte(`{"n":1}`), Delay: 1500 * time.Millisecond},
		{Topic: "raw", Kind: picloud.ValueBytes, Body: []byte{9}},
	}}
	if !reflect.DeepEqual(out.Effects, want) {
		t.Errorf("messages\n%+v, want\n%+v", out.Effects, want)
	}
	out = run(t, e, `kv::set("a", kv::get("answer")); publish("orders", 1); throw "no"`)
	want = &picloud.Effects{Reads: []picloud.KeyRead{{Key: "answer", Version: 7}}}
	if !reflect.DeepEqual(out.Effects, want) || out.Error == nil {
		t.Errorf("a run that fails: %+v, %+v", out.Error, out.Effects)
	}
	out = run(t, e, `try { kv::get("broken") } catch { } kv::set("a", 1); 1`)
	if out.Error == nil || out.Error.Code != picloud.CodeUnavailable || out.Effects.Changes() {
		t.Errorf("data that cannot be reached: %+v", out)
	}
	if out = run(t, e, "1"); out.Effects != nil {
		t.Errorf("a run without data: %+v", out.Effects)
	}
}

// events checks that a handler of events gets its event, and that a script
// without one says so.
func events(t *testing.T, e Executor) {
	at := time.Unix(1_800_000_000, 0)
	input := picloud.EventInput{ID: "event-1", Source: "orders", Key: "k", Kind: picloud.ValueJSON, Body: []byte(`{"n":1}`), At: at, Due: at.Add(time.Minute), Attempt: 2}
	asEvent := func(trigger picloud.Trigger, in picloud.EventInput) func(*picloud.Execution) {
		return func(x *picloud.Execution) { x.Trigger, x.Event, x.Request = trigger, &in, nil }
	}
	out := run(t, e, `fn on_message(m) { print([m.id, m.topic, m.key, m.body, m.attempt, m.at, m.scheduled_at]); publish("next", m.body) }`,
		asEvent(picloud.TriggerMessage, input))
	if out.Error != nil || len(out.Logs) != 1 || out.Logs[0].Message != `["event-1", "orders", "k", #{"n": 1}, 2, 1800000000, 1800000060]` {
		t.Errorf("a message: %+v %+v", out.Error, out.Logs)
	}
	if out.Effects == nil || len(out.Effects.Messages) != 1 || string(out.Effects.Messages[0].Body) != `{"n":1}` {
		t.Errorf("what it publishes: %+v", out.Effects)
	}
	octets := input
	octets.Kind, octets.Body = picloud.ValueBytes, []byte{1, 2}
	if out = run(t, e, `fn on_message(m) { if m.body.len() != 2 { throw "no" } }`, asEvent(picloud.TriggerMessage, octets)); out.Error != nil {
		t.Errorf("octets: %+v", out.Error)
	}
	empty := input
	empty.Body = nil
	if out = run(t, e, `fn on_schedule(s) { if s.body != () || s.name != "orders" { throw "no" } }`, asEvent(picloud.TriggerSchedule, empty)); out.Error != nil {
		t.Errorf("a schedule: %+v", out.Error)
	}
	out = run(t, e, `fn on_message(m) { throw #{retry_after: 30, message: "later"} }`, asEvent(picloud.TriggerMessage, input))
	if out.Error == nil || out.Error.RetryAfter != 30*time.Second {
		t.Errorf("a retry that is asked for: %+v", out.Error)
	}
	for _, source := range []string{`fn on_schedule(s) { }`, `fn handle(req) { 1 }`, `1`} {
		if out = run(t, e, source, asEvent(picloud.TriggerMessage, input)); out.Error == nil || out.Error.Code != picloud.CodeScriptError {
			t.Errorf("%s takes messages: %+v", source, out)
		}
	}
}
