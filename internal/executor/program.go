package executor

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// handler is the function that answers requests.
const handler = "handle"

// handlers are the functions that PiCloud calls, each with one argument.
var handlers = [...]string{handler, "on_schedule", "on_message", "on_change"}

// eventHandlers are the functions for events that are no requests.
var eventHandlers = map[picloud.Trigger]string{
	picloud.TriggerSchedule: "on_schedule", picloud.TriggerMessage: "on_message", picloud.TriggerChange: "on_change",
}

// handler is the function that a run calls, or "" for one from the top; an
// error says that the script is not made for such events.
func (p *program) handlerOf(x *picloud.Execution) (string, error) {
	if x.Event != nil {
		name := eventHandlers[x.Trigger]
		if name == "" || !p.prog.HasFunc(name, 1) {
			return "", picloud.Errorf(picloud.CodeScriptError, "the script takes no events of this kind: it has no fn %s(event)", name)
		}
		return name, nil
	}
	if p.handles {
		return handler, nil
	}
	if p.events {
		return "", picloud.Errorf(picloud.CodeScriptError, "the script answers no requests: it has no fn handle(req)")
	}
	return "", nil
}

// program is a compiled version.
type program struct {
	engine  *engine
	prog    *rhai.Program
	handles bool // it has fn handle(req)
	events  bool // it has a handler of another kind, so that it is not run from the top
}

// requestVariable is in scope of a script's top level.
const requestVariable = "req"

// compile makes a program of a source.
func (g *engine) compile(name, source string) (*program, error) {
	prog, err := g.rhai.Compile(name, source, rhai.Global{Name: requestVariable})
	if err != nil {
		return nil, err
	}
	p := &program{engine: g, prog: prog, handles: prog.HasFunc(handler, 1)}
	for _, name := range handlers[1:] {
		p.events = p.events || prog.HasFunc(name, 1)
	}
	return p, nil
}

// loadError is a version whose source could not be read.
type loadError struct{ err error }

func (e *loadError) Error() string { return "the script cannot be loaded right now" }
func (e *loadError) Unwrap() error { return e.err }

// load finds or compiles the program of a version. An imported script is
// compiled by the importer's engine, whose machine runs it; with other
// compile limits it is another program.
func (r *run) load(ctx context.Context, hash, name string, limits picloud.Limits) (*program, error) {
	engine := r.e.engines.of(limits)
	return r.e.cache.get(ctx, cacheKey{hash, name, engine}, func(ctx context.Context) (*program, error) {
		source, err := r.host.VersionSource(ctx, hash)
		if err != nil {
			return nil, &loadError{err}
		}
		return engine.compile(name, source)
	})
}
