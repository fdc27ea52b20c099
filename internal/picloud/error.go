package picloud

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Code names a kind of error. Codes are part of the API: they are stable, and
// clients may switch on them.
type Code string

// The codes of the control plane and of the edge.
const (
	CodeInternal           Code = "internal"            // a bug or a broken disk; the cause is only in the log
	CodeMalformed          Code = "malformed"           // the request could not be read: bad JSON, bad UTF-8, a bad path
	CodeInvalid            Code = "invalid"             // a field was read and its value is refused; see Error.Field
	CodeScriptInvalid      Code = "script_invalid"      // the source does not compile; see Error.Diagnostics
	CodeUnauthenticated    Code = "unauthenticated"     // no session, or one that has ended
	CodeInvalidCredentials Code = "invalid_credentials" // wrong user name or password; never says which
	CodeForbidden          Code = "forbidden"           // signed in, and not allowed
	CodeLastOwner          Code = "last_owner"          // it would leave the instance without an active owner
	CodeLastAdmin          Code = "last_admin"          // it would leave the instance without an active owner or admin
	CodeInsecureTransport  Code = "insecure_transport"  // a browser would lose its session over plain http
	CodeSetupRequired      Code = "setup_required"      // no owner exists yet
	CodeSetupDone          Code = "setup_done"          // an owner exists already
	CodeNotFound           Code = "not_found"
	CodeMethodNotAllowed   Code = "method_not_allowed"
	CodeConflict           Code = "conflict"        // the name is taken, or somebody was faster
	CodeRouteConflict      Code = "route_conflict"  // the route overlaps one of another script
	CodeScriptDisabled     Code = "script_disabled" // the route leads to a script that is switched off
	CodeDomainUnproved     Code = "domain_unproved" // what would prove a domain was not found where it should be
	CodeUnsupportedMedia   Code = "unsupported_media_type"
	CodeTooLarge           Code = "too_large"
	CodeURITooLong         Code = "uri_too_long"
	CodeHeadersTooLarge    Code = "headers_too_large"
	CodeRateLimited        Code = "rate_limited"          // see Error.RetryAfter
	CodeOverloaded         Code = "overloaded"            // no capacity after a bounded wait; see Error.RetryAfter
	CodeUnavailable        Code = "unavailable"           // a part that is needed is away, or stopping
	CodeCanceled           Code = "canceled"              // the client went away
	CodeInFlight           Code = "idempotency_in_flight" // a request with the same Idempotency-Key is being run
	CodeKeyReused          Code = "idempotency_mismatch"  // the Idempotency-Key was used for another request
	CodeWebhookSignature   Code = "webhook_signature"     // a webhook without a good signature
	CodeWebhookStale       Code = "webhook_stale"         // a webhook that was signed too long ago, or in the future
)

// The codes of a script's own failures. Those for limits are also the values
// of the PiCloud-Error header.
const (
	CodeScriptError  Code = "script_error"  // a run-time error or an uncaught throw
	CodeThrown       Code = "thrown"        // throw #{status: …}: the script chose the status
	CodeTimeout      Code = "timeout"       // wall time is over
	CodeOperations   Code = "operations"    // the operations are used up
	CodeMemory       Code = "memory"        // the bytes of values are used up
	CodeDepth        Code = "depth"         // calls or expressions nest too deep
	CodeSize         Code = "size"          // a string, array or map grew too large
	CodeResponseSize Code = "response_size" // the response is larger than allowed
	CodeBadResponse  Code = "bad_response"  // the script returned what cannot be a response
	CodeExecutorLost Code = "executor_lost" // the process that ran the script ended before it did
	CodeStale        Code = "stale"         // other invocations kept changing what the script read
	CodeNoJournal    Code = "no_journal"    // there is no journal to be replayed; the message says why
	CodeDiverged     Code = "diverged"      // a replay asked for something else than the run before
	CodeQuota        Code = "quota"         // the app keeps as many bytes of keys and values as it may
	CodeQuotaFiles   Code = "quota_files"   // its files have as many bytes as they may

	CodeQuotaEvents     Code = "quota_events"     // as many of the app's events wait as may
	CodeQuotaOperations Code = "quota_operations" // the app has used up the operations of a day
	CodeQuotaCalls      Code = "quota_calls"      // the app has used up the outbound calls of a day
	CodeOutbound        Code = "outbound"         // the calls to the outside are used up
)

// The codes of calls to the outside that fail. A script can catch them.
const (
	CodeCallDenied Code = "call_denied" // the app, or nobody, may call there
	CodeCallFailed Code = "call_failed" // there was no answer, or none that can be used
)

// statuses is the whole mapping from codes to HTTP.
var statuses = map[Code]int{
	CodeInternal:           http.StatusInternalServerError,
	CodeMalformed:          http.StatusBadRequest,
	CodeInvalid:            http.StatusUnprocessableEntity,
	CodeScriptInvalid:      http.StatusUnprocessableEntity,
	CodeUnauthenticated:    http.StatusUnauthorized,
	CodeInvalidCredentials: http.StatusUnauthorized,
	CodeForbidden:          http.StatusForbidden,
	CodeLastOwner:          http.StatusConflict,
	CodeLastAdmin:          http.StatusConflict,
	CodeInsecureTransport:  http.StatusForbidden,
	CodeSetupRequired:      http.StatusForbidden,
	CodeSetupDone:          http.StatusConflict,
	CodeNotFound:           http.StatusNotFound,
	CodeMethodNotAllowed:   http.StatusMethodNotAllowed,
	CodeConflict:           http.StatusConflict,
	CodeRouteConflict:      http.StatusConflict,
	CodeScriptDisabled:     http.StatusServiceUnavailable,
	CodeDomainUnproved:     http.StatusUnprocessableEntity,
	CodeUnsupportedMedia:   http.StatusUnsupportedMediaType,
	CodeTooLarge:           http.StatusRequestEntityTooLarge,
	CodeURITooLong:         http.StatusRequestURITooLong,
	CodeHeadersTooLarge:    http.StatusRequestHeaderFieldsTooLarge,
	CodeRateLimited:        http.StatusTooManyRequests,
	CodeOverloaded:         http.StatusServiceUnavailable,
	CodeUnavailable:        http.StatusServiceUnavailable,
	CodeWebhookSignature:   http.StatusUnauthorized,
	CodeWebhookStale:       http.StatusUnauthorized,
	CodeCanceled:           499, // nginx's "client closed request"; nobody is left to read it
	CodeTimeout:            http.StatusGatewayTimeout,
	CodeExecutorLost:       http.StatusBadGateway,
	CodeStale:              http.StatusServiceUnavailable,
	CodeQuota:              http.StatusInsufficientStorage,
	CodeNoJournal:          http.StatusNotFound,
	CodeQuotaFiles:         http.StatusInsufficientStorage,
	CodeQuotaEvents:        http.StatusServiceUnavailable,
	CodeQuotaOperations:    http.StatusTooManyRequests,
	CodeQuotaCalls:         http.StatusTooManyRequests,
	CodeInFlight:           http.StatusConflict,
	CodeKeyReused:          http.StatusUnprocessableEntity,
}

// HTTPStatus is the HTTP status that a code is answered with: 500 for every
// code that is not listed, as a script's own failures are.
func HTTPStatus(code Code) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Error is an error that a user may see.
type Error struct {
	Code        Code
	Message     string        // for people: one sentence without a stop, no internals
	Field       string        // the field at fault as a dotted path ("limits.wall_time_ms", "routes[1]"), or ""
	RetryAfter  time.Duration // how long to wait before trying again, or 0
	Diagnostics []Diagnostic  // for CodeScriptInvalid
	Err         error         // the cause, for the log only; may be nil
}

// Diagnostic is one finding in a script's source.
type Diagnostic struct {
	Message    string `json:"message"`
	Line       int    `json:"line,omitempty"`        // from 1; 0 when there is none
	Column     int    `json:"column,omitempty"`      // from 1, in characters
	SourceLine string `json:"source_line,omitempty"` // the text of that line
	// Warning: the script can be deployed all the same.
	Warning bool `json:"warning,omitempty"`
}

// Deployable reports whether findings are nothing but warnings.
func Deployable(found []Diagnostic) bool {
	return !slices.ContainsFunc(found, func(d Diagnostic) bool { return !d.Warning })
}

// Error is the message with its cause, for logs. Users are shown Message.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Field != "" {
		s = string(e.Code) + ": " + e.Field + ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a code with a message for users, without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes the error for a field whose value is refused.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound makes the error for a thing that does not exist, or whose existence
// is none of the asker's business: NotFound("script", "hello").
func NotFound(kind, name string) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf("no %s %q", kind, name)}
}

// ErrorCode is the code of the first [Error] in err's chain, CodeInternal for
// any other error, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// IsCode reports whether err carries the code.
func IsCode(err error, code Code) bool { return err != nil && ErrorCode(err) == code }
