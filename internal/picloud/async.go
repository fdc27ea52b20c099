package picloud

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// TriggerAsync is a request that was accepted to be answered later.
const TriggerAsync Trigger = "async"

// Bounds of requests that are answered later, and of what is kept of them.
const (
	// MaxAsyncRequest and MaxStoredResponse bound the body of a request, and a
	// response that is kept.
	MaxAsyncRequest   = 1 << 20
	MaxStoredResponse = 1 << 20
	// MaxAsyncWaiting and MaxAsyncBytes are how many of them may wait for one
	// script, and how many bytes they have together.
	MaxAsyncWaiting = 10_000
	MaxAsyncBytes   = 256 << 20
)

// AsyncState is where a request is that is answered later.
type AsyncState string

// The states of such a request. The last three are its end.
const (
	AsyncWaiting   AsyncState = "waiting" // also between a run that failed and the next
	AsyncRunning   AsyncState = "running"
	AsyncDone      AsyncState = "done"   // there is a response, of a status below 500
	AsyncFailed    AsyncState = "failed" // given up after too many tries; its event is among the dead
	AsyncCancelled AsyncState = "cancelled"
)

// Ended reports whether nothing more will happen.
func (s AsyncState) Ended() bool { return s == AsyncDone || s == AsyncFailed || s == AsyncCancelled }

// AsyncInvocation is a request that was accepted to be answered later. Its
// event has the same id.
type AsyncInvocation struct {
	ID           string // 128 random bits: who knows it was told
	AppID        string
	Script       string // the name, as it was then
	Auth         RouteAuth
	State        AsyncState
	Method, Path string
	Runs         int    // that have begun
	InvocationID string // the record of the last run; "" before the first has ended
	HTTPStatus   int    // of the response; 0 while there is none
	Error        string // why the last run failed; not for strangers
	EnteredAt    time.Time
	DueAt        time.Time // when it is to be run
	EndedAt      time.Time // zero: it has not
	ExpiresAt    time.Time // when it is forgotten; zero before its end
}

// NewAsync is a request to be answered later, which is entered together with
// the event of the same id. Method and path are what is shown of it.
type NewAsync struct {
	ID, ScriptID, Script string
	Auth                 RouteAuth
	Method, Path         string
}

// AsyncRun is a run on a request that is answered later: its end, or with
// AsyncWaiting one that failed and is followed by another.
type AsyncRun struct {
	ID           string
	State        AsyncState
	Runs         int
	InvocationID string
	HTTPStatus   int
	Error        string
	Response     []byte // encoded; nil for none
}

// AsyncQuery chooses requests that are answered later.
type AsyncQuery struct {
	App    string // an app's name; required
	Script string // a script's name
	Before string // the id of the last one of the page before
	Limit  int    // 0 means DefaultPage; above MaxPage is MaxPage
}

// AnswerKey names an idempotent request.
type AnswerKey struct {
	Key         []byte // a hash of whose and which key it is
	Fingerprint []byte // a hash of what is asked for
}

// Answer is the response to an idempotent request, to be kept together with
// what the request has changed.
type Answer struct {
	Key      []byte
	Holder   string // who runs it; [ErrAnswerLost] unless they still do
	Response []byte // encoded
}

// Bounds of the responses to idempotent requests that an app keeps.
const (
	MaxAnswers       = 100_000
	MaxAnswersBytes  = 256 << 20
	MaxIdempotentKey = 255
)

// Errors of idempotent requests.
var (
	// ErrInFlight: the same request is being run.
	ErrInFlight = &Error{Code: CodeInFlight, Message: "a request with this Idempotency-Key is being run; try again when it has ended", RetryAfter: time.Second}
	// ErrKeyReused: the key was used for another request.
	ErrKeyReused = Errorf(CodeKeyReused, "this Idempotency-Key was used for another request: another method, path, query, body or Authorization")
	// ErrAnswerLost: the request took so long that somebody else was given it,
	// and nothing of it has happened.
	ErrAnswerLost = &Error{Code: CodeUnavailable, Message: "the request took so long that another one took its place; nothing of it has happened", RetryAfter: time.Second}
)

// EncodeResponse writes a response as it is kept.
func EncodeResponse(r *Response) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic("picloud: encode a response: " + err.Error()) // it is texts and bytes
	}
	return text
}

// DecodeResponse reads what EncodeResponse has written.
func DecodeResponse(data []byte) (*Response, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	r := new(Response)
	if err := d.Decode(r); err != nil || d.More() || r.Status < 200 || r.Status > 599 {
		return nil, &Error{Code: CodeInternal, Message: "a response that was kept is damaged", Err: err}
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	return r, nil
}

// EncodeRequest writes a request as the body of its event.
func EncodeRequest(q *Request) []byte {
	text, err := json.Marshal(q)
	if err != nil {
		panic("picloud: encode a request: " + err.Error()) // it is texts and bytes
	}
	return text
}

// DecodeRequest reads what EncodeRequest has written, or what somebody has put
// in its place.
func DecodeRequest(data []byte) (*Request, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	q := new(Request)
	if err := d.Decode(q); err != nil || d.More() || q.Method == "" || q.Path == "" || q.Path[0] != '/' {
		return nil, &Error{Code: CodeInvalid, Message: "the event's body is not a request", Err: err}
	}
	if q.Header == nil {
		q.Header = http.Header{}
	}
	return q, nil
}
