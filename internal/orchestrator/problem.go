package orchestrator

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// problem is an error as a client gets it (RFC 9457).
type problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Code      picloud.Code `json:"code"`
	Detail    string       `json:"detail"`
	RequestID string       `json:"request_id"`
}

const (
	problemType = "application/problem+json"
	errorHeader = "Picloud-Error" // PiCloud-Error in canonical form
	idHeader    = "X-Request-Id"
)

// newProblem makes the response for an error.
func newProblem(status int, code picloud.Code, detail, id string) *picloud.Response {
	title := http.StatusText(status)
	if title == "" {
		title = "Error"
	}
	body, err := json.Marshal(problem{"about:blank", title, status, code, detail, id})
	if err != nil {
		panic("orchestrator: encode a problem: " + err.Error()) // it is texts and a number
	}
	return &picloud.Response{
		Status: status, Body: body,
		Header: http.Header{"Content-Type": {problemType}, "Cache-Control": {"no-store"}},
	}
}

// refusal is the response for an error of the edge.
func refusal(err error, id string) *picloud.Response {
	var e *picloud.Error
	if !errors.As(err, &e) {
		e = &picloud.Error{Code: picloud.CodeInternal, Message: "something went wrong inside"}
	}
	status := picloud.HTTPStatus(e.Code)
	if errors.Is(err, errSlowBody) {
		status = http.StatusRequestTimeout
	}
	r := newProblem(status, e.Code, e.Message, id)
	setRetryAfter(r, e.RetryAfter)
	if e.Code == picloud.CodeUnauthenticated {
		r.Header.Set("Www-Authenticate", `Bearer realm="picloud"`)
	}
	return r
}

func setRetryAfter(r *picloud.Response, d time.Duration) {
	if d > 0 {
		r.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
}

// details are what the public is told about failures of scripts: nothing of
// what went wrong inside.
var details = map[picloud.Code]string{
	picloud.CodeTimeout:      "the script took too long",
	picloud.CodeOperations:   "the script used up its operations",
	picloud.CodeMemory:       "the script used up its memory",
	picloud.CodeDepth:        "the script nested its calls too deep",
	picloud.CodeSize:         "the script made a value that is too large",
	picloud.CodeResponseSize: "the script's response is too large",
	picloud.CodeBadResponse:  "the script returned what cannot be a response",
	picloud.CodeUnavailable:  "the script cannot be loaded right now",
	picloud.CodeStale:        "the data that the script works on keeps changing, try again",
	picloud.CodeQuota:        "the app keeps as much data as it may",
	picloud.CodeQuotaFiles:   "the app's files have as many bytes as they may",
	picloud.CodeQuotaEvents:  "as many of the app's events wait as may, try again later",
	picloud.CodeQuotaCalls:   "the app has used up its outbound calls of this day",
	picloud.CodeInternal:     "something went wrong inside",
	picloud.CodeCanceled:     "the request was canceled",
	picloud.CodeExecutorLost: "the process that ran the script ended before it did; nothing that the script wrote was kept",
}

// failure is the response for a run that failed.
func failure(e *picloud.ScriptError, id string) *picloud.Response {
	if e.Code == picloud.CodeThrown {
		return newProblem(e.Status, e.Code, e.Message, id)
	}
	detail, ok := details[e.Code]
	if !ok {
		detail = "the script failed"
	}
	status := http.StatusInternalServerError
	switch e.Code {
	case picloud.CodeTimeout, picloud.CodeCanceled, picloud.CodeUnavailable, picloud.CodeExecutorLost, picloud.CodeStale,
		picloud.CodeQuota, picloud.CodeQuotaFiles, picloud.CodeQuotaEvents, picloud.CodeQuotaCalls:
		status = picloud.HTTPStatus(e.Code)
	}
	r := newProblem(status, e.Code, detail, id)
	switch e.Code {
	case picloud.CodeUnavailable:
		setRetryAfter(r, retryAfter)
		return r
	case picloud.CodeStale:
		setRetryAfter(r, time.Second)
	}
	r.Header.Set(errorHeader, string(e.Code))
	return r
}
