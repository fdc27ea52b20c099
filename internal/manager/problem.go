package manager

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// adoptHuma makes huma speak in our errors. It has package variables for that
// and nothing else; they are set once, before the first API is made.
//
// Its own error type repeats the offending value, which for a missing field is
// the whole body, passwords included. Ours has no place for a value.
var adoptHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return fromHuma(status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := fromHuma(status, message, errs)
		p.RequestID = requestID(ctx.Context())
		return p
	}
})

// codes are the codes of what huma refuses by itself.
var codes = map[int]picloud.Code{
	http.StatusBadRequest:            picloud.CodeMalformed,
	http.StatusUnprocessableEntity:   picloud.CodeInvalid,
	http.StatusUnsupportedMediaType:  picloud.CodeUnsupportedMedia,
	http.StatusRequestEntityTooLarge: picloud.CodeTooLarge,
	http.StatusRequestTimeout:        picloud.CodeTimeout,
	http.StatusNotFound:              picloud.CodeNotFound,
	http.StatusForbidden:             picloud.CodeForbidden,
}

// fromHuma is the problem for a request that huma could not read.
func fromHuma(status int, message string, errs []error) *api.Problem {
	code, known := codes[status]
	if !known {
		code = picloud.CodeInternal
	}
	p := newProblem(status, code, message)
	for _, err := range errs {
		var detailer huma.ErrorDetailer
		if errors.As(err, &detailer) {
			d := detailer.ErrorDetail()
			p.Errors = append(p.Errors, fieldError(d.Location, d.Message))
			continue
		}
		p.Errors = append(p.Errors, fieldError("body", "it cannot be read"))
	}
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Detail
		if where := p.Errors[0].Pointer; where != "" {
			p.Detail = where + ": " + p.Detail
		}
	}
	return p
}

func newProblem(status int, code picloud.Code, detail string) *api.Problem {
	title := http.StatusText(status)
	if title == "" {
		title = "Client Closed Request"
	}
	return &api.Problem{Type: "about:blank", Title: title, Status: status, Code: code, Detail: detail}
}

// fieldError reads a path like "body.scripts[0].name", "query.limit" or, from
// the domain, "scripts[0].name", which is in the body.
func fieldError(path, detail string) api.FieldError {
	in, rest, found := strings.Cut(path, ".")
	switch {
	case in == "body":
		return api.FieldError{In: "body", Pointer: pointer(rest), Detail: detail}
	case found && (in == "path" || in == "query" || in == "header" || in == "cookie"):
		return api.FieldError{In: in, Pointer: rest, Detail: detail}
	}
	return api.FieldError{In: "body", Pointer: pointer(path), Detail: detail}
}

// pointer turns "scripts[0].name" into "#/scripts/0/name".
func pointer(path string) string {
	if path == "" {
		return "#"
	}
	path = strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
	return "#/" + strings.NewReplacer("].", "/", "[", "/", "]", "", ".", "/").Replace(path)
}

// problemOf is the problem that an error is answered with. What is not meant
// for users is logged, and answered without its cause.
func problemOf(ctx context.Context, log *slog.Logger, err error) *api.Problem {
	var ready *api.Problem
	if errors.As(err, &ready) {
		ready.RequestID = requestID(ctx)
		return ready
	}
	var e *picloud.Error
	if !errors.As(err, &e) {
		e = &picloud.Error{Code: picloud.CodeInternal, Message: "something went wrong inside; the request id leads to it in the server's log", Err: err}
		if ctx.Err() != nil {
			e = &picloud.Error{Code: picloud.CodeCanceled, Message: "the client went away", Err: err}
		}
	}
	if e.Code == picloud.CodeInternal {
		log.ErrorContext(ctx, "request failed", "request_id", requestID(ctx), "err", err)
	}
	p := newProblem(picloud.HTTPStatus(e.Code), e.Code, e.Message)
	p.RequestID = requestID(ctx)
	if e.Field != "" {
		p.Errors = []api.FieldError{fieldError(e.Field, e.Message)}
	}
	for _, d := range e.Diagnostics {
		p.Diagnostics = append(p.Diagnostics, api.NewDiagnostic("", d))
	}
	return p
}

// problemHeaders are the headers that go with an error.
func problemHeaders(err error) http.Header {
	h := http.Header{}
	var e *picloud.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if err != nil && picloud.HTTPStatus(picloud.ErrorCode(err)) == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="picloud"`)
	}
	return h
}

// writeProblem answers outside of huma.
func (m *Manager) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r.Context(), m.log, err)
	for name, values := range problemHeaders(err) {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(p) // the client may be gone
	}
}
