package executor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// journal stands between a run and its host: everything that a script can
// learn goes through it, the clock and randomness too. It notes what is asked
// and answered, in the run's own memory, and writes that down only when it is
// to be kept. In a replay it answers by itself, from what was noted before.
//
// A new method of [picloud.Host] is a method here that calls journaled. What
// must never be written down is not among its answers.
type journal struct {
	host  picloud.Host
	now   func() time.Time
	rand  io.Reader
	began time.Time

	noted []noted // reused from run to run
	bytes int     // about what they take, encoded
	cut   bool

	player *player // nil: the host answers
}

// noted is a call as it is remembered. What is in args and result is not
// changed by anybody any more.
type noted struct {
	call         string
	args, result any
	nanos        int64 // the result of clockCall: in result it would be a piece of memory each
	err          error
	at, took     time.Duration
}

const (
	// callRoom is what a call takes, encoded, besides its arguments and its
	// result.
	callRoom = 80
	// idleCalls is how many calls a machine that is idle keeps room for.
	idleCalls = 256
)

// clockCall is the call that asks for the time.
const clockCall = "clock"

// Redacted is what holds something that a journal must not: the journal gets
// what Redacted returns.
type Redacted interface{ Redacted() any }

// begin prepares for a run.
func (j *journal) begin(r *run) error {
	j.host, j.now, j.rand, j.began = r.host, r.e.now, r.e.rand, r.started
	if r.x.Replay == nil {
		return nil
	}
	past, err := picloud.DecodeJournal(r.x.Replay.Journal)
	if err != nil {
		return err
	}
	j.player = &player{calls: past.Calls}
	return nil
}

// end forgets the run.
func (j *journal) end() {
	clear(j.noted)
	if cap(j.noted) > idleCalls {
		j.noted = nil
	}
	*j = journal{noted: j.noted[:0]}
}

// note remembers a call, unless there are too many.
func (j *journal) note(n noted, bytes int) {
	if j.bytes += callRoom + bytes; j.bytes > picloud.MaxJournalBytes {
		j.cut = true
	}
	if !j.cut {
		j.noted = append(j.noted, n)
	}
}

// encode writes down what was noted.
func (j *journal) encode() []byte {
	out := picloud.Journal{Calls: make([]picloud.JournalCall, 0, len(j.noted)), Cut: j.cut}
	size := 0
	for i := range j.noted {
		c := j.noted[i].encode()
		if size += callRoom + len(c.Call) + len(c.Args) + len(c.Result) + c.Error.Size(); size > picloud.MaxJournalBytes {
			out.Cut = true
			break
		}
		out.Calls = append(out.Calls, c)
	}
	return out.Encode()
}

func (n *noted) encode() picloud.JournalCall {
	c := picloud.JournalCall{Call: n.call, Args: encoded(n.args), At: max(n.at.Microseconds(), 0), Took: max(n.took.Microseconds(), 0)}
	if n.err != nil {
		c.Error = journalError(n.err)
	} else if n.call == clockCall {
		c.Result = encoded(n.nanos)
	} else {
		c.Result = encoded(n.result)
	}
	return c
}

// encoded is a value as a journal has it, nil for none.
func encoded(v any) json.RawMessage {
	switch v := v.(type) {
	case nil:
		return nil
	case json.RawMessage:
		return v
	case Redacted:
		return encoded(v.Redacted())
	}
	text, err := json.Marshal(v)
	if err != nil {
		// What a host answers are plain data; should some have no form, a
		// replay says where it differs.
		return json.RawMessage(`"?"`)
	}
	return text
}

// journalError is what a user may see of an error.
func journalError(err error) *picloud.JournalError {
	if errors.Is(err, errWallTime) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &picloud.JournalError{Ended: true}
	}
	var mine *picloud.Error
	if errors.As(err, &mine) {
		return &picloud.JournalError{Code: mine.Code, Message: shorten(mine.Message), Field: shorten(mine.Field)}
	}
	return &picloud.JournalError{}
}

// roomFor is about how much a value takes, encoded; false says that it is not
// known without doing so.
func roomFor(v any) (int, bool) {
	switch v := v.(type) {
	case nil:
		return 0, true
	case string:
		return len(v), true
	case int64:
		return 20, true
	case []byte:
		return len(v) * 4 / 3, true
	case []string:
		n := 0
		for i := range v {
			n += len(v[i]) + 3
		}
		return n, true
	case picloud.EntryQuery:
		return len(v.From) + len(v.To) + 48, true
	case []picloud.Entry:
		n := 0
		for i := range v {
			n += len(v[i].Key) + len(v[i].Value)*4/3 + 96
		}
		return n, true
	case picloud.EntryPage:
		return roomFor(v.Entries)
	case picloud.BlobPart:
		return len(v.ID) + 48, true
	}
	return roomForOutside(v)
}

// kept is a value as it is remembered: itself where that is cheap and its size
// is known, otherwise encoded at once.
func kept(v any) (any, int) {
	if n, ok := roomFor(v); ok {
		return v, n
	}
	text := encoded(v)
	return text, len(text)
}

// journaled makes a call: the host's answer is noted, or in a replay the noted
// one is given. What args and the answer hold must not be changed afterwards.
func journaled[T any](j *journal, call string, args any, ask func() (T, error)) (T, error) {
	if j.player != nil {
		return played[T](j.player, call, args)
	}
	from := j.now()
	answer, err := ask()
	j.noteCall(noted{call: call, args: args, result: answer, err: err, at: from.Sub(j.began), took: j.now().Sub(from)})
	return answer, err
}

func (j *journal) noteCall(n noted) {
	if j.cut {
		return
	}
	var a, b int
	n.args, a = kept(n.args)
	n.result, b = kept(n.result)
	j.note(n, a+b)
}

// clock is the time as the script sees it.
func (j *journal) clock() time.Time {
	if j.player != nil {
		nanos, _ := played[int64](j.player, clockCall, nil) // the player knows when it is not so
		return time.Unix(0, nanos)
	}
	t := j.now()
	j.note(noted{call: clockCall, nanos: t.UnixNano(), at: t.Sub(j.began)}, 20)
	return t
}

// Read is the randomness of the script.
func (j *journal) Read(p []byte) (int, error) {
	if j.player != nil {
		b, err := played[[]byte](j.player, "random", nil)
		if err == nil && len(b) != len(p) {
			err = j.player.diverge(fmt.Sprintf("it asks for %d random bytes where it had asked for %d", len(p), len(b)))
		}
		return copy(p, b), err
	}
	n, err := j.rand.Read(p)
	if !j.cut {
		j.note(noted{call: "random", result: append([]byte(nil), p[:n]...), err: err}, n*4/3)
	}
	return n, err
}

// VersionSource implements [picloud.Host]. A hash stands for one source: there
// is nothing to be noted.
func (j *journal) VersionSource(ctx context.Context, hash string) (string, error) {
	return j.host.VersionSource(ctx, hash)
}

// LiveVersion implements [picloud.Host].
func (j *journal) LiveVersion(ctx context.Context, script string) (string, error) {
	return journaled(j, "import", script, func() (string, error) { return j.host.LiveVersion(ctx, script) })
}

// ReadEntries implements [picloud.Host].
func (j *journal) ReadEntries(ctx context.Context, keys []string) ([]picloud.Entry, error) {
	return journaled(j, "kv.read", keys, func() ([]picloud.Entry, error) { return j.host.ReadEntries(ctx, keys) })
}

// ListEntries implements [picloud.Host].
func (j *journal) ListEntries(ctx context.Context, q picloud.EntryQuery) (picloud.EntryPage, error) {
	return journaled(j, "kv.list", q, func() (picloud.EntryPage, error) { return j.host.ListEntries(ctx, q) })
}

// ListFiles implements [picloud.Host].
func (j *journal) ListFiles(ctx context.Context, q picloud.FileQuery) (picloud.FilePage, error) {
	return journaled(j, "files.list", q, func() (picloud.FilePage, error) { return j.host.ListFiles(ctx, q) })
}

// ReadBlob implements [picloud.Host].
func (j *journal) ReadBlob(ctx context.Context, part picloud.BlobPart) ([]byte, error) {
	return journaled(j, "files.read", part, func() ([]byte, error) { return j.host.ReadBlob(ctx, part) })
}

// StageBlob implements [picloud.Host]. The content is told by its sum.
func (j *journal) StageBlob(ctx context.Context, content []byte) (picloud.Blob, error) {
	sum := sha256.Sum256(content)
	return journaled(j, "files.put", hex.EncodeToString(sum[:]), func() (picloud.Blob, error) { return j.host.StageBlob(ctx, content) })
}
