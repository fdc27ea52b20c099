package hostapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// Respond makes the response that a script's result stands for. It copies
// what it keeps. A result that cannot be a response, or is larger than the
// script's limit, is a [picloud.Error].
func (inv *Invocation) Respond(v rhai.Value) (*picloud.Response, error) {
	limit := int(inv.Execution.Limits.ResponseBytes)
	if a, ok := v.Object().(*answer); ok {
		return a.response(limit)
	}
	switch v.Kind() {
	case rhai.UnitKind:
		return &picloud.Response{Status: http.StatusNoContent, Header: http.Header{}}, nil
	case rhai.StringKind:
		s, _ := v.AsString()
		if len(s) > limit {
			return nil, tooLong(limit)
		}
		return respondWith(typeText, []byte(s)), nil
	case rhai.BlobKind:
		b, _ := v.AsBytes()
		if len(b) > limit {
			return nil, tooLong(limit)
		}
		return respondWith(typeBytes, bytes.Clone(b)), nil
	}
	e := encoder{max: limit}
	if err := e.value(v, 0); errors.Is(err, errTooLong) {
		return nil, tooLong(limit)
	} else if err != nil {
		return nil, &picloud.Error{Code: picloud.CodeBadResponse, Message: fmt.Sprintf("the result cannot be a response: %v", err)}
	}
	return respondWith(typeJSON, e.buf), nil
}

func respondWith(contentType string, body []byte) *picloud.Response {
	r := &struct {
		picloud.Response
		values [1]string
	}{values: [1]string{contentType}}
	r.Response = picloud.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": r.values[:]}, Body: body}
	return &r.Response
}

func tooLong(limit int) error {
	return picloud.Errorf(picloud.CodeResponseSize, "the response has more than %d bytes", limit)
}

func (a *answer) response(limit int) (*picloud.Response, error) {
	if len(a.body) > limit {
		return nil, tooLong(limit)
	}
	r := &picloud.Response{Status: a.status, Header: a.header, Body: a.body, Stream: a.stream}
	if a.stream != nil && a.status != http.StatusOK {
		r.Stream = nil // a client takes nothing else for a stream
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		r.Body = nil // HTTP gives them none
		r.Header.Del("Content-Type")
	}
	return r, nil
}

// RetryAfter is when a script wants to be tried again, as it said in what it
// threw: #{retry_after: seconds}; 0 when it did not.
func RetryAfter(x any) time.Duration {
	m, _ := x.(map[string]any)
	seconds := 0.0
	switch n := m["retry_after"].(type) {
	case int64:
		seconds = float64(n)
	case float64:
		seconds = n
	}
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, picloud.MaxDelay.Seconds()) * float64(time.Second))
}

// Thrown reads what a script threw, as Go data: #{status: 400 to 599, message}
// is an answer that it chose. ok is false for everything else.
func Thrown(x any) (status int, message string, ok bool) {
	m, isMap := x.(map[string]any)
	if !isMap {
		return 0, "", false
	}
	n, isInt := m["status"].(int64)
	if !isInt || n < 400 || n > 599 {
		return 0, "", false
	}
	message, _ = m["message"].(string)
	if message == "" {
		message = http.StatusText(int(n))
	}
	return int(n), message, true
}
