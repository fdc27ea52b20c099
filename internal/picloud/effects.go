package picloud

import (
	"strings"
	"time"
	"unicode/utf8"
)

// What scripts may keep, and what one invocation may change.
const (
	MaxKeyBytes       = 512
	MaxValueBytes     = 1 << 20
	MaxKeysWritten    = 1_000
	MaxObservations   = 10_000  // keys and listings that one invocation looks at
	MaxEffectBytes    = 8 << 20 // keys and values written by one invocation, together
	MaxKeyPage        = 1_000   // keys in one listing
	MaxPageBytes      = 8 << 20 // of values in one listing
	DefaultQuotaBytes = 1 << 30 // of keys and values that one app keeps
)

// ValueKind tells how the bytes of a value are to be read.
type ValueKind string

// The kinds of value.
const (
	ValueJSON  ValueKind = "json"  // strict JSON; integers and floats stay apart
	ValueBytes ValueKind = "bytes" // as they are
)

// Valid reports whether k is one of the kinds.
func (k ValueKind) Valid() bool { return k == ValueJSON || k == ValueBytes }

// Entry is a key of an app with its value. Version is 0 and everything after
// it empty when the key is absent; otherwise it is the app's commit that wrote
// it, and grows from commit to commit.
type Entry struct {
	Key       string
	Version   int64
	Kind      ValueKind
	Value     []byte    // nil in listings without values
	ExpiresAt time.Time // zero: never
}

// EntryQuery asks for the keys from From on and before To (no end when it is ""),
// in the order of their bytes, at most Limit of them (MaxKeyPage when 0).
type EntryQuery struct {
	From, To string
	Limit    int
	Values   bool // with their values; else Entry.Value is nil
}

// EntryPage is one listing. More says that there are keys behind it in the range:
// it was cut at its limit, or after MaxPageBytes of values.
type EntryPage struct {
	Entries []Entry
	More    bool
}

// PrefixRange is the range of the keys that start with a prefix and come after
// another key, if one is given.
func PrefixRange(prefix, after string) (from, to string) {
	from = prefix
	if after != "" && after >= prefix {
		from = after + "\x00" // the next key there can be
	}
	return from, prefixEnd(prefix)
}

// prefixEnd is the first text after all those that start with a prefix; ""
// means that there is none.
func prefixEnd(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 {
		if b[len(b)-1]++; b[len(b)-1] != 0 {
			return string(b)
		}
		b = b[:len(b)-1]
	}
	return ""
}

// Effects is what an invocation wants to change, and what it saw on the way.
// Changes are made all at once and only if what was seen is still so: that
// makes invocations serialisable. Effects are plain data; the zero value is
// none.
type Effects struct {
	Reads  []KeyRead
	Ranges []RangeRead
	Writes []KeyWrite // at most one for a key
	// Messages are published, in their order.
	Messages []Message
	// FileRanges are the names of files that were looked at, FileWrites what is
	// to be done to some of them, at most one for a name.
	FileRanges []RangeRead
	FileWrites []FileWrite
	// Staged are the blobs that the run has put down, by id, whether it gives
	// them a name or not.
	Staged []string
}

// KeyRead says that a key was seen at a version; 0 means absent.
type KeyRead struct {
	Key     string
	Version int64
}

// RangeRead says that a range of keys, as of a [EntryQuery], was seen to hold so
// many, the newest of which had a version. A key that comes, goes or changes
// makes one of the two differ, because versions only grow.
type RangeRead struct {
	From, To string
	Count    int
	Newest   int64
}

// Size is about how many bytes a commit takes in a transaction.
func (c *Commit) Size() int {
	n := 0
	for i := range c.Effects.Writes {
		n += len(c.Effects.Writes[i].Value)
	}
	for i := range c.Events {
		n += len(c.Events[i].Body)
	}
	if c.Record != nil {
		n += len(c.Record.Journal)
	}
	for i := range c.Streamed {
		n += len(c.Streamed[i].Body)
	}
	if c.Answer != nil {
		n += len(c.Answer.Response)
	}
	if c.AsyncRun != nil {
		n += len(c.AsyncRun.Response)
	}
	return n
}

// KeyWrite sets a key, or removes it.
type KeyWrite struct {
	Key       string
	Delete    bool
	Kind      ValueKind
	Value     []byte
	ExpiresAt time.Time // zero: never
}

// Changes reports whether anything is to be changed.
func (e *Effects) Changes() bool {
	return e != nil && len(e.Writes)+len(e.Messages)+len(e.FileWrites) > 0
}

// Drop forgets what is to be changed, and keeps what was seen.
func (e *Effects) Drop() { e.Writes, e.Messages, e.FileWrites = nil, nil, nil }

// Observations is how many separate looks at the data there were. A single one
// is consistent by itself.
func (e *Effects) Observations() int {
	if e == nil {
		return 0
	}
	return len(e.Reads) + len(e.Ranges) + len(e.FileRanges)
}

// Commit is an invocation that has ended, with what it wants to change. What it
// publishes is in Events already: one for each script that gets it.
type Commit struct {
	AppID   string
	Effects Effects
	Events  []NewEvent
	Settle  []Settlement // of the events that the invocation was on
	Record  *Record      // nil: there is nothing to be recorded
	// Streamed are those of the published messages whose topic is a stream.
	Streamed []Message
	// Delivery is the webhook that the invocation was on, which is remembered:
	// [ErrDelivered] if it is already. nil: there was none.
	Delivery *Delivery
	// Answer is the response to the idempotent request that the invocation was
	// on; nil: it was on none.
	Answer *Answer
	// Async is a request to be answered later, with its event in Events, and
	// AsyncRun what became of a run on one; nil: there is none.
	Async    *NewAsync
	AsyncRun *AsyncRun
}

// ErrStale is the error of a commit that came too late: something that the
// invocation saw has been changed. Nothing of it has happened, and it may be
// run again.
var ErrStale = Errorf(CodeStale, "the data that the script read was changed by another invocation")

// ValidateKey refuses what cannot be a key: empty, over-long, not UTF-8, or
// with control characters.
func ValidateKey(key string) error {
	const field = "key"
	switch {
	case key == "":
		return Invalid(field, "the key is empty")
	case len(key) > MaxKeyBytes:
		return Invalid(field, "the key has %d bytes, at most %d are allowed", len(key), MaxKeyBytes)
	case !utf8.ValidString(key):
		return Invalid(field, "the key is not valid UTF-8")
	case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Invalid(field, "the key holds a control character")
	}
	return nil
}
