package picloud

import (
	"bytes"
	"encoding/json"
)

// Bounds of a journal.
const (
	// MaxJournalBytes is how much one journal holds, encoded. What a run is
	// answered beyond that is not kept: the journal is cut.
	MaxJournalBytes = 2 << 20
	// MaxJournalBody bounds the body of the request or event that is kept with
	// a journal.
	MaxJournalBody = 1 << 20
	// maxJournalCalls is more than a run may make within its limits and what
	// the bytes allow.
	maxJournalCalls = 100_000
)

// Journal is what a run asked its host for, in order, with what it was
// answered. With it, a run of the same version on the same event does the same
// again: a script sees nothing else of the world.
type Journal struct {
	Calls []JournalCall `json:"calls"`
	Cut   bool          `json:"cut,omitempty"` // there was more than a journal holds: it ends early
}

// JournalCall is one call. Neither arguments nor result hold a secret.
type JournalCall struct {
	Call   string          `json:"call"`             // "clock", "random", "kv.read", "import", …
	Args   json.RawMessage `json:"args,omitempty"`   // what was asked for
	Result json.RawMessage `json:"result,omitempty"` // nil with an Error
	Error  *JournalError   `json:"error,omitempty"`
	At     int64           `json:"at"`   // microseconds since the run began
	Took   int64           `json:"took"` // microseconds
}

// JournalError is why a call failed. What the user may not see has no code.
type JournalError struct {
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Field   string `json:"field,omitempty"`
	// Ended: the run's time was over, or it was cut off, before there was an
	// answer.
	Ended bool `json:"ended,omitempty"`
}

// Size is how many bytes its texts have.
func (e *JournalError) Size() int {
	if e == nil {
		return 0
	}
	return len(e.Code) + len(e.Message) + len(e.Field)
}

// JournalState tells what there is of an invocation's journal.
type JournalState string

// The states of a journal.
const (
	JournalNone JournalState = ""     // none was kept
	JournalKept JournalState = "kept" // it can be replayed
	JournalCut  JournalState = "cut"  // it was larger than a journal may be: it can be read, not replayed
)

// Encode writes a journal.
func (j *Journal) Encode() []byte {
	text, err := json.Marshal(j)
	if err != nil {
		panic("picloud: encode a journal: " + err.Error()) // its raw parts were encoded by us
	}
	return text
}

// DecodeJournal reads what Encode has written, and refuses what it has not:
// it may come from an executor that cannot be trusted.
func DecodeJournal(data []byte) (*Journal, error) {
	if len(data) > 2*MaxJournalBytes {
		return nil, Errorf(CodeInternal, "a journal of %d bytes", len(data))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	j := new(Journal)
	if err := d.Decode(j); err != nil {
		return nil, &Error{Code: CodeInternal, Message: "the journal is damaged", Err: err}
	}
	if d.More() || len(j.Calls) > maxJournalCalls {
		return nil, Errorf(CodeInternal, "the journal is damaged")
	}
	for i := range j.Calls {
		if c := &j.Calls[i]; c.Call == "" || c.At < 0 || c.Took < 0 || c.Error != nil && c.Result != nil {
			return nil, Errorf(CodeInternal, "call %d of the journal is damaged", i+1)
		}
	}
	return j, nil
}

// Replay has a run answered by a journal in place of the world.
type Replay struct {
	Journal []byte // encoded
	// Versions are the hashes of those that the journal names, which the run
	// may read besides its own.
	Versions []string
}
