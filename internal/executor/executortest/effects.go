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

	out = run(t, e, `kv::set("a", kv::get("answer")); throw "no"`)
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
