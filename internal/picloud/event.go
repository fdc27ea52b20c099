package picloud

import (
	"math"
	"regexp"
	"time"
	"unicode/utf8"
)

// What messages and subscriptions may be.
const (
	MaxTopicBytes        = 100
	MaxOrderKeyBytes     = 200
	MaxMessages          = 1_000 // published by one invocation
	MaxSubscriptions     = 32    // of one script
	MaxDelay             = 366 * 24 * time.Hour
	MaxDedupeBytes       = 200
	DefaultDedupeWindow  = 10 * time.Minute
	MaxDedupeWindow      = 7 * 24 * time.Hour
	maxAttemptsCeiling   = 100
	maxRetryDelayCeiling = 24 * time.Hour
)

// The triggers of events that wait in the store.
const (
	TriggerMessage  Trigger = "message"  // a message of a topic that the script subscribes to
	TriggerSchedule Trigger = "schedule" // a time that has come
	TriggerChange   Trigger = "change"   // a key that was written
)

// EventState is where an event is on its way.
type EventState string

// The states of an event. One whose run has succeeded is gone.
const (
	EventWaiting EventState = "waiting" // to be run when it is due; also while it is run
	EventBlocked EventState = "blocked" // behind an earlier one with the same key
	EventDead    EventState = "dead"    // given up: somebody has to look at it
)

// Valid reports whether s is one of the states.
func (s EventState) Valid() bool { return s == EventWaiting || s == EventBlocked || s == EventDead }

// Event is something that is to start a script. It is kept until a run of the
// script on it has succeeded, or it has been given up.
type Event struct {
	ID       string
	Seq      int64 // its place in the order of entering, set by the store: a cursor
	AppID    string
	ScriptID string
	Script   string // the script's name, set by the store
	Trigger  Trigger
	Source   string // the topic, or the name of the schedule
	Key      string // events of a script with the same key are run one after the other; "" for none
	Kind     ValueKind
	Body     []byte
	EnteredAt,
	PlannedAt, // when it was to be run
	DueAt time.Time // when it is to be run next, or its claim ends
	State    EventState
	Claim    string // who runs it; "" for nobody
	Attempts int    // runs that have begun
	Error    string // why the last one failed
}

// NewEvent is an event to be entered.
type NewEvent struct {
	ID       string
	ScriptID string
	Trigger  Trigger
	Source   string
	Key      string
	Kind     ValueKind
	Body     []byte
	DueAt    time.Time // zero: now
	// Claim has the event be claimed on entering, until Until, if it can be run
	// at once: by whoever enters it, who need not look for it then. Held tells
	// whether that is so; Seq is its place. Both are set by [Data.Commit] when
	// it succeeds.
	Claim string
	Until time.Time
	Held  bool
	Seq   int64 // 0: it was not entered, because its script is gone or its message was there before
	// Once is the place of the event's message among the commit's, from 1, if
	// it is one that is accepted once.
	Once int
	// Planned is when the event says that it was to be run; zero: DueAt.
	Planned time.Time
	// Urgent has it go before all that waits.
	Urgent bool
}

// EventLine names the events of a script, or with a source those of its
// messages that are of that topic.
type EventLine struct{ ScriptID, Source string }

// Message is what a script or a client publishes on a topic of its app.
type Message struct {
	Topic string
	Key   string
	Kind  ValueKind
	Body  []byte
	Delay time.Duration
	// Dedupe names the message: another one of the topic with the same name is
	// accepted and dropped for as long as Window says, and as the default when
	// that is 0. "" is no name.
	Dedupe string
	Window time.Duration
}

// Settlement says what becomes of an event after a run. The zero values of
// RetryAt and Dead mean that it is done with.
type Settlement struct {
	EventID, Claim string
	RetryAt        time.Time
	Dead           bool
	Error          string // why the run failed
}

// ErrLost is the error of a settlement of an event that somebody else has taken
// over, or that is gone. Nothing of the commit has happened.
var ErrLost = Errorf(CodeConflict, "the event is no longer this run's")

// LostRun is the error of an event whose run may have begun and has not ended,
// because the process that had claimed it is gone.
const LostRun = "the process that was to run it ended"

// EventInput is an event as a run gets it.
type EventInput struct {
	ID      string
	Source  string
	Key     string
	Kind    ValueKind
	Body    []byte
	At      time.Time // when it was entered
	Due     time.Time // when it was to be run
	Attempt int       // 1 for the first
}

// Subscription has a script run on the messages of a topic of its app.
type Subscription struct {
	Topic string `json:"topic" toml:"topic"`
	// MaxAttempts is how often a message is tried before it is given up; 0
	// means DefaultAttempts.
	MaxAttempts int `json:"max_attempts,omitempty" toml:"max_attempts"`
	// RetryDelayMS is how long the first retry waits, in milliseconds; each
	// later one waits twice as long, up to MaxRetryDelayMS. 0 means the
	// default.
	RetryDelayMS    int64 `json:"retry_delay_ms,omitempty" toml:"retry_delay_ms"`
	MaxRetryDelayMS int64 `json:"max_retry_delay_ms,omitempty" toml:"max_retry_delay_ms"`
	// Concurrency is how many messages are run at a time on one node; 0 means
	// DefaultEventConcurrency.
	Concurrency int `json:"concurrency,omitempty" toml:"concurrency"`
}

// What a subscription has that asks for nothing.
const (
	DefaultAttempts         = 8
	DefaultRetryDelay       = time.Second
	DefaultMaxRetryDelay    = 10 * time.Minute
	DefaultEventConcurrency = 16
)

// RetryDelay is how long an event waits after so many runs that failed, before
// jitter: exponential backoff. asked is what the script asked for, if it did.
func (s Subscription) RetryDelay(attempts int, asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, maxRetryDelayCeiling)
	}
	first, most := DefaultRetryDelay, DefaultMaxRetryDelay
	if s.RetryDelayMS > 0 {
		first = time.Duration(s.RetryDelayMS) * time.Millisecond
	}
	if s.MaxRetryDelayMS > 0 {
		most = time.Duration(s.MaxRetryDelayMS) * time.Millisecond
	}
	delay := float64(first) * math.Pow(2, float64(max(attempts, 1)-1))
	return time.Duration(min(delay, float64(most)))
}

// Attempts is how often a message is tried.
func (s Subscription) Attempts() int {
	if s.MaxAttempts == 0 {
		return DefaultAttempts
	}
	return s.MaxAttempts
}

// validate refuses a subscription that could not be served.
func (s Subscription) validate(field string) error {
	if err := ValidateTopic(field+".topic", s.Topic); err != nil {
		return err
	}
	for _, f := range []struct {
		name       string
		value, top int64
	}{
		{"max_attempts", int64(s.MaxAttempts), maxAttemptsCeiling},
		{"retry_delay_ms", s.RetryDelayMS, maxRetryDelayCeiling.Milliseconds()},
		{"max_retry_delay_ms", s.MaxRetryDelayMS, maxRetryDelayCeiling.Milliseconds()},
		{"concurrency", int64(s.Concurrency), 1024},
	} {
		if f.value < 0 || f.value > f.top {
			return Invalid(field+"."+f.name, "%d is not between 0 and %d", f.value, f.top)
		}
	}
	return nil
}

// topics are names in parts: orders, orders.paid, sensors.kitchen.
var topicPattern = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)

// ValidateTopic refuses what cannot be the name of a topic.
func ValidateTopic(field, topic string) error {
	if len(topic) > MaxTopicBytes || !topicPattern.MatchString(topic) {
		return Invalid(field, "%q is not the name of a topic: small letters and digits, with . _ - between them, at most %d", clip(topic), MaxTopicBytes)
	}
	return nil
}

// Validate refuses a message that cannot be published.
func (m *Message) Validate() error {
	if err := ValidateTopic("topic", m.Topic); err != nil {
		return err
	}
	switch {
	case len(m.Key) > MaxOrderKeyBytes:
		return Invalid("key", "the key has %d bytes, at most %d are allowed", len(m.Key), MaxOrderKeyBytes)
	case hasControl(m.Key):
		return Invalid("key", "the key holds a control character")
	case len(m.Body) > MaxValueBytes:
		return Invalid("body", "the body has %d bytes, at most %d are allowed", len(m.Body), MaxValueBytes)
	case len(m.Dedupe) > MaxDedupeBytes:
		return Invalid("dedupe", "the name has %d bytes, at most %d are allowed", len(m.Dedupe), MaxDedupeBytes)
	case hasControl(m.Dedupe) || !utf8.ValidString(m.Dedupe):
		return Invalid("dedupe", "the name is not one line of valid UTF-8 text")
	case m.Window < 0 || m.Window > MaxDedupeWindow:
		return Invalid("dedupe_seconds", "the time is not between 0 and %d seconds", int64(MaxDedupeWindow.Seconds()))
	case m.Delay < 0 || m.Delay > MaxDelay:
		return Invalid("delay", "the delay is not between 0 and %d seconds", int64(MaxDelay.Seconds()))
	}
	return nil
}

// EventQuery chooses events of an app. Zero fields do not restrict.
type EventQuery struct {
	App    string // an app's name; required
	Script string // a script's name
	Source string
	State  EventState
	Before int64 // only those with a Seq below; 0: from the newest
	Limit  int   // 0 means DefaultPage; above MaxPage is MaxPage
}

// EventCount is how many events are in a state.
type EventCount struct {
	Script string
	Source string
	State  EventState
	Count  int64
	Oldest time.Time // when the oldest was entered
}
