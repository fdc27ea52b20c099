package picloud

import (
	"context"
	"net/http"
	"time"
)

// AdminCookie is the cookie that holds a browser's session with the control
// plane. Scripts neither see it nor set it: browsers send cookies to every
// port of a host.
const AdminCookie = "__Host-picloud"

// Execution asks an executor for one run of one version on one event. It is
// plain data, so that it can travel to another process.
type Execution struct {
	ID      string // the invocation's
	AppID   string // where imports are looked for
	App     string
	Script  string
	Version int
	Hash    string            // of the version: what is run, and the key of the program cache
	Limits  Limits            // all of them set
	Env     map[string]string // of the version; shared, not to be changed
	Trigger Trigger
	Request *Request    // the event, for TriggerHTTP and TriggerInvoke
	Event   *EventInput // the event, for the other triggers
	// KeepJournal has the outcome come with its journal also when the run goes
	// well; without, only when it fails.
	KeepJournal bool
	Replay      *Replay // what answers in place of the host; nil: the host does
}

// WallTime is how long the execution may take.
func (x *Execution) WallTime() time.Duration {
	if x.Event != nil {
		return x.Limits.EventWallTime()
	}
	return x.Limits.WallTime()
}

// Host answers what a run asks for while it goes on. It belongs to one
// execution, and so to one app: a call says what is asked for, never on whose
// behalf. Arguments and answers are plain data, since the run may be in
// another process. Errors that are an [Error] keep their code and message on
// the way; of any other the run learns only that there was one.
type Host interface {
	// VersionSource is the source of the version with a hash: that of the
	// execution, or one that LiveVersion has named.
	VersionSource(ctx context.Context, hash string) (string, error)
	// LiveVersion is the hash of the version that another script of the app
	// is at; CodeNotFound if there is no such script.
	LiveVersion(ctx context.Context, script string) (string, error)
	// ReadEntries is what keys of the app hold, in their order, all at one
	// moment.
	ReadEntries(ctx context.Context, keys []string) ([]Entry, error)
	// ListEntries lists a range of the app's keys.
	ListEntries(ctx context.Context, q EntryQuery) (EntryPage, error)
	// HTTP makes a call to the outside, if the app may. What went wrong with
	// it is CodeCallDenied or CodeCallFailed; CodeOutbound says that the run has
	// made as many as it may. A run that is done again after a conflict gets
	// the answers that it was given before to the same calls.
	HTTP(ctx context.Context, c *HTTPCall) (*HTTPAnswer, error)
	// HasSecret reports whether the app has a secret of that name.
	HasSecret(ctx context.Context, name string) (bool, error)
	// Sign signs with a secret, whose value stays with the host. CodeInvalid
	// when it is no key for the algorithm.
	Sign(ctx context.Context, s *Signing) ([]byte, error)
	// Verify reports whether a signature is right.
	Verify(ctx context.Context, s *Signing, signature []byte) (bool, error)
	// ListFiles lists a range of the app's files.
	ListFiles(ctx context.Context, q FileQuery) (FilePage, error)
	// ReadBlob reads a part of a content of the app; CodeNotFound if it is gone.
	ReadBlob(ctx context.Context, part BlobPart) ([]byte, error)
	// StageBlob puts a content down that the run may give a name to.
	StageBlob(ctx context.Context, content []byte) (Blob, error)
}

// Request is an HTTP request as a script sees it: its path is normalised and
// what scripts must not see is gone from the header.
type Request struct {
	Method   string
	Scheme   string // "http" or "https"
	Host     string // with the port, if the client named one
	Path     string // decoded
	RawQuery string
	Params   []Param // the wildcards of the route, in order
	Header   http.Header
	Body     []byte
	IP       string  // of the client
	Auth     *Caller // who calls; nil on a route for everybody
}

// Param is what one wildcard of a route matched.
type Param struct{ Name, Value string }

// Outcome is what became of an execution. Exactly one of Response and Error is
// set.
type Outcome struct {
	Response   *Response
	Error      *ScriptError
	Effects    *Effects  // what it saw and, without an Error, wants to change; nil for nothing
	Logs       []LogLine // At, Level, Message and Line are set
	LogsCut    bool      // the log went over its limit
	Operations int64
	PeakBytes  int64
	Duration   time.Duration
	Journal    []byte // encoded, see [Journal]; nil when it was not to be kept
}

// Response is what a script answers.
type Response struct {
	Status int
	Header http.Header // with a Content-Type unless the body is empty
	Body   []byte
	Stream *TopicStream // what follows instead of a body; nil for nothing
}

// ScriptError is why an execution has no response.
type ScriptError struct {
	Code    Code
	Message string
	Status  int // what the script chose, for CodeThrown
	// RetryAfter is when the script wants an event to be tried again, if it
	// has thrown so; 0: it did not say.
	RetryAfter time.Duration
	Script     string // where it arose, when that is an imported script
	Line       int    // from 1; 0 when there is no position
	Column     int
	SourceLine string // the text of that line, clipped
}
