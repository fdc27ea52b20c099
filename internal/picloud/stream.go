package picloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// What streams are bounded by.
const (
	MaxStreams      = 32 // named by one script
	MaxStreamEvent  = 60 // bytes of an event's name
	MaxStreamLast   = 100
	MaxStreamPage   = 256
	MaxStreamsBytes = 8 << 20 // of messages that a topic keeps, about
	// MaxStreamMessages is how many messages a topic keeps, about, and
	// StreamMemory for how long.
	MaxStreamMessages = 1_000
	StreamMemory      = 7 * 24 * time.Hour
)

// StreamMessage is a message of a topic that is a stream. Its id grows from
// message to message of an app.
type StreamMessage struct {
	ID   int64
	Key  string
	Kind ValueKind
	Body []byte
	At   time.Time
}

// StreamPage is what a topic keeps after some message, in order.
type StreamPage struct {
	Messages []StreamMessage
	More     bool // there are more behind them
	Missed   bool // there were others before them, which are not kept any more
}

// Streams keeps the recent messages of topics that are streams. They are entered
// by [Data.Commit].
type Streams interface {
	// ReadStream is what comes after a message, at most limit of them and about
	// a mebibyte.
	ReadStream(ctx context.Context, appID, topic string, after int64, limit int) (StreamPage, error)
	// StreamPosition is the message after which the last so many come of those
	// with a key, or with "" of all; with 0 the newest, 0 if there was none.
	StreamPosition(ctx context.Context, appID, topic, key string, last int) (int64, error)
	// SubscribeStreams has f called after messages of a stream were entered, by
	// whichever process, until cancel. With an empty topic something may have
	// been missed. f must not block.
	SubscribeStreams(f func(appID, topic string)) (cancel func())
	// SweepStreams drops messages that are older than StreamMemory, and tells
	// how many.
	SweepStreams(ctx context.Context, now time.Time) (int64, error)
}

// TopicStream is an answer that goes on: the messages of a topic as they come,
// as server-sent events.
type TopicStream struct {
	Topic string
	Key   string // only messages with this key; "" is all
	Event string // the name of the events; "" is none
	Last  int    // so many that were there before are sent first
	// After is the message that the client has seen last; 0 when it says
	// nothing, and then Last counts.
	After int64
}

// Validate refuses a stream that could not be sent.
func (s *TopicStream) Validate() error {
	if err := ValidateTopic("topic", s.Topic); err != nil {
		return err
	}
	switch {
	case len(s.Key) > MaxOrderKeyBytes || hasControl(s.Key):
		return Invalid("key", "the key is a text of at most %d bytes", MaxOrderKeyBytes)
	case ValidateStreamEvent(s.Event) != nil:
		return ValidateStreamEvent(s.Event)
	case s.Last < 0 || s.Last > MaxStreamLast:
		return Invalid("last", "last is a number from 0 to %d", MaxStreamLast)
	case s.After < 0:
		return Invalid("after", "after is the id of a message")
	}
	return nil
}

// ValidateStreamEvent refuses what cannot be the name of server-sent events.
func ValidateStreamEvent(name string) error {
	if len(name) > MaxStreamEvent || !utf8.ValidString(name) || hasControl(name) {
		return Invalid("event", "the name of an event is a text of at most %d bytes, on one line", MaxStreamEvent)
	}
	return nil
}

func validateStreams(topics []string) error {
	if len(topics) > MaxStreams {
		return Invalid("streams", "there are %d streams, at most %d are allowed", len(topics), MaxStreams)
	}
	for i, topic := range topics {
		field := fmt.Sprintf("streams[%d]", i)
		if err := ValidateTopic(field, topic); err != nil {
			return err
		}
		if slices.Contains(topics[:i], topic) {
			return Invalid(field, "the topic %q is there twice", topic)
		}
	}
	return nil
}

// AppendServerEvent appends a server-sent event. Fields that are "" are left
// out; a reader sees the lines of data as they are, whatever ends them.
func AppendServerEvent(b []byte, id, event, data string) []byte {
	if id != "" {
		b = append(append(append(b, "id: "...), id...), '\n')
	}
	if event != "" {
		b = append(append(append(b, "event: "...), event...), '\n')
	}
	if strings.ContainsRune(data, '\r') {
		data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)
	}
	for line := range strings.SplitSeq(data, "\n") {
		b = append(append(append(b, "data: "...), line...), '\n')
	}
	return append(b, '\n')
}
