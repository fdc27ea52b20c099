package mqtt

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

func TestTopics(t *testing.T) {
	t.Parallel()
	for mqtt, topic := range map[string]string{"a": "a", "sensors/kitchen/temp-1": "sensors.kitchen.temp-1", "a_b/c": "a_b.c"} {
		if got, err := topicOf(mqtt); got != topic || err != nil {
			t.Errorf("%s is %q, %v; want %q", mqtt, got, err, topic)
		}
		if got := mqttOf(topic); got != mqtt {
			t.Errorf("%s comes back as %s", topic, got)
		}
	}
	for _, mqtt := range []string{"", "/", "/a", "a/", "a//b", "A", "a.b", "a b", "a/+", "$SYS/x", "ä", strings.Repeat("a", 101)} {
		if got, err := topicOf(mqtt); err == nil {
			t.Errorf("%q is %q", mqtt, got)
		}
	}
}

// TestPayloads sends payloads to PiCloud and back: what comes is what went.
func TestPayloads(t *testing.T) {
	t.Parallel()
	d := picloud.Device{App: "default", Name: "kitchen"}
	for payload, want := range map[string]string{
		"21.5": "json 21.5", `{"t": 1}`: `json {"t": 1}`, "ON": `json "ON"`, "": `json ""`, `"x"`: `json "x"`, "\xff\x00": "bytes \xff\x00", "a\x00": "bytes a\x00",
		`{"a":1,"a":2}`: `json "{\"a\":1,\"a\":2}"`, "1e999": `json "1e999"`,
	} {
		m, err := messageOf(d, "a/b", []byte(payload))
		if got := string(m.Kind) + " " + string(m.Body); got != want || err != nil || m.Key != "kitchen" || m.Topic != "a.b" {
			t.Errorf("%q is %s on %s of %s, %v; want %s", payload, got, m.Topic, m.Key, err, want)
		}
		back := payloadOf(&picloud.StreamMessage{Kind: m.Kind, Body: m.Body})
		if string(back) != strings.Trim(payload, `"`) {
			t.Errorf("%q comes back as %q", payload, back)
		}
	}
	if _, err := messageOf(d, "a", make([]byte, picloud.MaxValueBytes+1)); !picloud.IsCode(err, picloud.CodeInvalid) {
		t.Errorf("a payload that is too long: %v", err)
	}
}
