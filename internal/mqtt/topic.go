package mqtt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/picloud"
)

// topicOf is PiCloud's name of an MQTT topic: sensors/kitchen is
// sensors.kitchen. What has no such name is refused.
func topicOf(mqtt string) (string, error) {
	if strings.Contains(mqtt, ".") {
		return "", fmt.Errorf("a topic has no . in it, which stands for / on the other side")
	}
	topic := strings.ReplaceAll(mqtt, "/", ".")
	return topic, picloud.ValidateTopic("topic", topic)
}

// mqttOf is the MQTT topic of a PiCloud topic.
func mqttOf(topic string) string { return strings.ReplaceAll(topic, ".", "/") }

// messageOf is what a device publishes as a message of its app. JSON is JSON, as
// scripts read it, other text is a text, and anything else bytes. Its key is the
// device, so that scripts know whose it is and get a device's messages in order.
func messageOf(d picloud.Device, mqtt string, payload []byte) (picloud.Message, error) {
	m := picloud.Message{Key: d.Name}
	var err error
	if m.Topic, err = topicOf(mqtt); err != nil {
		return m, err
	}
	switch {
	case len(payload) > 0 && picloud.ValidateJSON("body", payload) == nil:
		m.Kind, m.Body = picloud.ValueJSON, bytes.Clone(payload)
	case utf8.Valid(payload) && bytes.IndexByte(payload, 0) < 0:
		m.Kind = picloud.ValueJSON
		m.Body, err = json.Marshal(string(payload))
	default:
		m.Kind, m.Body = picloud.ValueBytes, bytes.Clone(payload)
	}
	if err == nil {
		err = m.Validate()
	}
	return m, err
}

// payloadOf is a message as devices get it: a text as it is, other values as
// JSON, and bytes.
func payloadOf(m *picloud.StreamMessage) []byte {
	var text string
	if m.Kind == picloud.ValueJSON && len(m.Body) > 0 && m.Body[0] == '"' && json.Unmarshal(m.Body, &text) == nil {
		return []byte(text)
	}
	return m.Body
}
