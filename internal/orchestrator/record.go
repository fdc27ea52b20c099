package orchestrator

import (
	"net/http"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// What a record keeps of a request's texts.
const (
	maxRecordedPath   = 1 << 10
	maxRecordedMethod = 32
)

// newRecord is what is kept of an invocation.
func newRecord(t *target, trigger picloud.Trigger, q *picloud.Request, id string, started time.Time, out *picloud.Outcome, resp *picloud.Response) *picloud.Record {
	v := picloud.Invocation{
		ID: id, AppID: t.script.AppID, App: t.script.App, ScriptID: t.script.ID, Script: t.script.Name,
		Version: t.version.Number, Trigger: trigger, Status: statusOf(out.Error),
		Method: methodName(q.Method), Path: clip(q.Path, maxRecordedPath), HTTPStatus: resp.Status,
		StartedAt: started, Duration: out.Duration, Operations: out.Operations, PeakBytes: out.PeakBytes,
		RequestBytes: int64(len(q.Body)), ResponseBytes: int64(len(resp.Body)), LogsCut: out.LogsCut,
	}
	if e := out.Error; e != nil && v.Status != picloud.StatusOK {
		v.Error = recordedError(e)
	}
	return &picloud.Record{Invocation: v, Logs: out.Logs}
}

// newEventRecord is what is kept of a run on an event.
func newEventRecord(t *target, e picloud.Event, id string, started time.Time, out *picloud.Outcome) picloud.Record {
	v := picloud.Invocation{
		ID: id, AppID: t.script.AppID, App: t.script.App, ScriptID: t.script.ID, Script: t.script.Name,
		Version: t.version.Number, Trigger: e.Trigger, Status: statusOf(out.Error), Path: clip(e.Source, maxRecordedPath),
		StartedAt: started, Duration: out.Duration, Operations: out.Operations, PeakBytes: out.PeakBytes,
		RequestBytes: int64(len(e.Body)), LogsCut: out.LogsCut,
	}
	if out.Error != nil {
		if v.Status == picloud.StatusOK {
			v.Status = picloud.StatusError // nobody is answered: what is thrown is a failure
		}
		v.Error = recordedError(out.Error)
	}
	return picloud.Record{Invocation: v, Logs: out.Logs}
}

// recordedError is why an invocation failed, as it is kept.
func recordedError(e *picloud.ScriptError) *picloud.InvocationError {
	kept := &picloud.InvocationError{Code: e.Code, Message: e.Message, Line: e.Line, Column: e.Column}
	if e.Script != "" {
		kept.Message = "in " + e.Script + ": " + e.Message
	}
	return kept
}

// statusOf is how an invocation with that error ended.
func statusOf(e *picloud.ScriptError) picloud.Status {
	if e == nil {
		return picloud.StatusOK
	}
	switch e.Code {
	case picloud.CodeThrown:
		if e.Status < 500 {
			return picloud.StatusOK
		}
	case picloud.CodeTimeout:
		return picloud.StatusTimeout
	case picloud.CodeCanceled:
		return picloud.StatusCancel
	case picloud.CodeOperations, picloud.CodeMemory, picloud.CodeDepth, picloud.CodeSize, picloud.CodeResponseSize:
		return picloud.StatusLimit
	}
	return picloud.StatusError
}

// clip is the first n bytes of s, as every store can keep them. It is a copy:
// s is a part of a request's head, which should not stay in memory with it.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	if valid := strings.ToValidUTF8(s, ""); len(valid) < len(s) {
		return valid
	}
	return strings.Clone(s)
}

// methodName is clip for a method, without a copy of the usual ones.
func methodName(s string) string {
	for _, m := range [...]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodOptions} {
		if s == m {
			return m
		}
	}
	return clip(s, maxRecordedMethod)
}
