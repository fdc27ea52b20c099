package picloud

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"time"
)

// JournalRecord is a journal as it is kept: with its event, so that it is all
// that a replay needs besides the sources of versions.
type JournalRecord struct {
	// Execution is what was run, without its environment, which the version
	// has.
	Execution Execution
	Journal   Journal
	Outcome   JournalOutcome
	// BodyCut: the body of the request or event was too large to be kept, and
	// the journal can only be looked at.
	BodyCut bool `json:",omitempty"`
	// Removed names headers of the request that were not kept, because there
	// is no key to seal them with. A replay does not have them.
	Removed []string `json:",omitempty"`
}

// JournalOutcome is what the outcome of a replay is compared with, besides the
// log, which is kept with the invocation.
type JournalOutcome struct {
	Status     int           `json:",omitempty"` // of the response
	BodySHA256 []byte        `json:",omitempty"` // of the response
	Error      *ScriptError  `json:",omitempty"`
	Operations int64         `json:",omitempty"`
	Duration   time.Duration `json:",omitempty"`
}

// State is what can be done with the journal.
func (r *JournalRecord) State() JournalState {
	if r.Journal.Cut || r.BodyCut {
		return JournalCut
	}
	return JournalKept
}

// maxJournalRecord bounds a record that is read, uncompressed: a journal, a
// body, and the rest of the event, all of it in JSON.
const maxJournalRecord = 3*MaxJournalBytes + 2*MaxJournalBody + 4<<20

// Encode writes a record, compressed.
func (r *JournalRecord) Encode() ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(w).Encode(r); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// DecodeJournalRecord reads what Encode has written.
func DecodeJournalRecord(data []byte) (*JournalRecord, error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), maxJournalRecord+1))
	if err == nil && len(text) > maxJournalRecord {
		err = Errorf(CodeInternal, "a journal of more than %d bytes", maxJournalRecord)
	}
	r := new(JournalRecord)
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	if err != nil {
		return nil, &Error{Code: CodeInternal, Message: "the journal is damaged", Err: err}
	}
	return r, nil
}

// Replayed tells what became of a replay.
type Replayed struct {
	Invocation Invocation // the one that was replayed
	Outcome    *Outcome   // of the replay; nothing of its effects has happened
	// Differences says in which way the replay was not as the run before;
	// nothing when it was the same.
	Differences []string
	Removed     []string // headers that the replay had not
}
