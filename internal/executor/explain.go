package executor

import (
	"context"
	"errors"

	"github.com/picloud/picloud/internal/hostapi"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// maxMessage bounds the message of an error that is recorded: a script can
// throw megabytes.
const maxMessage = 4 << 10

// limitCodes are the codes of the engine's limits. What bounds the shape of a
// program is a size.
var limitCodes = map[string]picloud.Code{
	"operations": picloud.CodeOperations, "memory": picloud.CodeMemory, "depth": picloud.CodeDepth,
	"size": picloud.CodeSize, "variables": picloud.CodeSize, "modules": picloud.CodeSize,
}

// explain is an error as the outcome has it. parent is the caller's context,
// ctx the one with the wall time.
func (r *run) explain(parent, ctx context.Context, err error) *picloud.ScriptError {
	if parent.Err() != nil {
		return &picloud.ScriptError{Code: picloud.CodeCanceled, Message: "the run was canceled"}
	}
	var script *rhai.Error
	isScript := errors.As(err, &script)
	var crash *panicError
	var load *loadError
	var doomed *doomedError
	var mine *picloud.Error
	var diverged *divergedError
	switch {
	case errors.As(err, &diverged):
		return r.explainDiverged(diverged)
	case errors.Is(err, errCutOff):
		return r.explainCutOff(err)
	case errors.As(err, &crash):
		r.e.log.ErrorContext(ctx, "a script made the server panic", "invocation", r.x.ID, "app", r.x.App, "script", r.x.Script,
			"version", r.x.Version, "panic", crash.value, "stack", string(crash.stack))
		return &picloud.ScriptError{Code: picloud.CodeInternal, Message: "something went wrong inside the server"}
	case ctx.Err() != nil && (!isScript || script.Limit() == "cancelled" || errors.Is(err, ctx.Err()) || errors.Is(err, errWallTime)):
		return r.explainCutOff(err)
	case errors.As(err, &doomed):
		return r.explainDoomed(ctx, doomed)
	case errors.As(err, &load):
		return r.explainLoad(ctx, load)
	case isScript:
		return r.explainScript(script)
	case errors.As(err, &mine):
		return &picloud.ScriptError{Code: mine.Code, Message: mine.Message}
	}
	r.e.log.ErrorContext(ctx, "a run failed inside", "invocation", r.x.ID, "app", r.x.App, "script", r.x.Script, "err", err)
	return &picloud.ScriptError{Code: picloud.CodeInternal, Message: "something went wrong inside the server"}
}

// explainCutOff tells of a run whose time was over.
func (r *run) explainCutOff(err error) *picloud.ScriptError {
	e := &picloud.ScriptError{Code: picloud.CodeTimeout, Message: "the script took longer than " + r.x.WallTime().String()}
	var script *rhai.Error
	if errors.As(err, &script) {
		r.place(e, script)
	}
	return e
}

// explainDoomed tells why the platform could not do what a script asked for.
func (r *run) explainDoomed(ctx context.Context, err *doomedError) *picloud.ScriptError {
	e := &picloud.ScriptError{Code: picloud.CodeUnavailable, Message: "the data could not be reached"}
	var mine *picloud.Error
	if errors.As(err.cause, &mine) {
		e.Code, e.Message = mine.Code, mine.Message
	} else {
		r.e.log.WarnContext(ctx, "a host call failed", "invocation", r.x.ID, "app", r.x.App, "script", r.x.Script, "err", err.cause)
	}
	var script *rhai.Error
	if errors.As(err.script, &script) {
		r.place(e, script)
	}
	return e
}

func (r *run) explainLoad(ctx context.Context, err *loadError) *picloud.ScriptError {
	r.e.log.WarnContext(ctx, "a script could not be loaded", "app", r.x.App, "script", r.x.Script, "hash", r.x.Hash, "err", err.err)
	return &picloud.ScriptError{Code: picloud.CodeUnavailable, Message: err.Error()}
}

func (r *run) explainScript(err *rhai.Error) *picloud.ScriptError {
	e := &picloud.ScriptError{Code: picloud.CodeScriptError, Message: storable(shorten(err.Message))}
	if code, ok := limitCodes[err.Limit()]; ok {
		e.Code = code
	} else if status, message, ok := hostapi.Thrown(err.Thrown); ok && err.RootKind() == "ErrorRuntime" {
		e.Code, e.Status, e.Message = picloud.CodeThrown, status, storable(shorten(message))
	}
	e.RetryAfter = hostapi.RetryAfter(err.Thrown)
	r.place(e, err)
	return e
}

// place says where an error arose.
func (r *run) place(e *picloud.ScriptError, err *rhai.Error) {
	e.Line, e.Column = err.Line, err.Column
	if err.Source != "" && err.Source != r.x.Script {
		e.Script = err.Source
		return
	}
	if r.prog != nil && err.Phase != "parse" {
		e.SourceLine = shorten(sourceLine(r.prog.prog.Source(), err.Line))
	}
}

func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return clip(s, maxMessage) + "…"
}
