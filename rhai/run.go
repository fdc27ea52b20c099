package rhai

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
	"github.com/picloud/picloud/rhai/internal/vm"
)

// Position is a place in a source text; lines and columns count from 1 and a
// column counts characters. The zero Position is unknown.
type Position struct{ Line, Column int }

// VM runs programs of one engine. It keeps its stack from run to run. It is
// not safe for concurrent use.
type VM struct {
	engine *Engine
	vm     *vm.VM
	heap   heap

	on    Run       // the run that is on
	calls vm.Config // its functions, made once
	given []value.Value
	args  []value.Value
}

// NewVM makes a machine.
func (e *Engine) NewVM() *VM {
	m := vm.New()
	v := &VM{engine: e, vm: m, heap: heap{&m.Heap, m}}
	v.calls = v.functions()
	return v
}

// Run describes one run of a program. Only Program is needed.
type Run struct {
	Program *Program
	// Globals are the values of the variables named at Compile, in that order;
	// GlobalsFunc, when set, makes them with the machine's allocators.
	Globals     []Value
	GlobalsFunc func(vm *VM) ([]Value, error)
	// Func names a function to be called after the top level has run; its
	// result is then the run's. Args makes its arguments. "" takes the top
	// level's own value.
	Func string
	Args func(vm *VM) ([]Value, error)
	// Limits for this run; nil: the engine's. ExprDepth, FnExprDepth and
	// Functions only concern what eval compiles.
	Limits *Limits
	// Host is what functions of the embedder get from Call.Host.
	Host any
	// Print and Debug receive what the script prints, a line at a time; nil
	// drops it. Their errors end the run.
	Print func(line string) error
	Debug func(line string, at Position) error
	// Resolve finds the program that `import "name"` means; nil: imports fail.
	Resolve func(ctx context.Context, name string) (*Program, error)
	// Profile, when set, is told where operations are billed, at every single
	// billing, which makes the run slow. All that it is told adds up to
	// Stats.Operations. See Config.Profile.
	Profile func(Sample)
	// Now is the clock behind timestamp(); nil: the real one.
	Now func() time.Time
	// Slice, when set, is called between two operations each time that the run
	// has used some ten thousand: a place to let others have the processor.
	Slice func()
	// Sleep waits on behalf of the script's sleep(); nil: really.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Stats tells what a run used.
type Stats struct {
	Operations int64
	PeakBytes  int64 // the largest number of bytes that were alive at a time, an upper bound
}

// Run runs a program. use, when not nil, is called with the result while it is
// alive; its error becomes Run's. An error of the script, a limit or the end
// of ctx among them, is an *Error.
func (v *VM) Run(ctx context.Context, r Run, use func(Value) error) (Stats, error) {
	p := r.Program
	cfg := v.config(r)
	v.on = r
	v.vm.Begin(ctx, cfg)
	err := v.contain(r, p, use)
	stats := Stats{Operations: v.vm.Operations(), PeakBytes: v.vm.Heap.Peak()}
	if errors.Is(err, ErrInternal) {
		// What the machine was doing is unknown: start afresh.
		fresh := v.engine.NewVM()
		*v = *fresh
		v.calls = v.functions()
		return stats, err
	}
	v.vm.End()
	v.on = Run{}
	clear(v.given)
	clear(v.args)
	return stats, err
}

// ErrInternal is wrapped by the error of a run that a bug in the engine or a
// panic in a native function ended. The program that embeds the engine goes
// on; the error's text holds the stack, for a report.
var ErrInternal = errors.New("internal error")

// contain runs and turns a panic into an error.
func (v *VM) contain(r Run, p *Program, use func(Value) error) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrInternal, x, debug.Stack())
		}
	}()
	return v.run(r, p, use)
}

func (v *VM) run(r Run, p *Program, use func(Value) error) error {
	globals, err := v.globals(r, p)
	if err != nil {
		return v.scriptError(p, err)
	}
	var fn *code.Func
	var args []value.Value
	if r.Func != "" {
		if r.Args != nil {
			made, err := r.Args(v)
			if err != nil {
				return v.scriptError(p, err)
			}
			v.args = plain(v.args[:0], made)
			args = v.args
		}
		if fn = p.fn(r.Func, len(args)); fn == nil {
			return v.scriptError(p, value.NotFound(fmt.Sprintf("%s with %d parameters", r.Func, len(args))))
		}
	}
	result, fail := v.vm.Execute(p.code, globals, fn, args)
	if fail != nil {
		return v.scriptError(p, fail)
	}
	if use == nil {
		return nil
	}
	if err := use(Value{result.Plain()}); err != nil {
		if _, ok := err.(*value.Error); ok {
			return v.scriptError(p, err)
		}
		return err
	}
	return nil
}

func (v *VM) globals(r Run, p *Program) ([]value.Value, error) {
	given := r.Globals
	if r.GlobalsFunc != nil {
		var err error
		if given, err = r.GlobalsFunc(v); err != nil {
			return nil, err
		}
	}
	v.given = append(v.given[:0], make([]value.Value, len(p.globals))...)
	for i, g := range given {
		if i < len(v.given) {
			v.given[i] = g.v
		}
	}
	return v.given, nil
}

// plain takes the values out of vs, into buf.
func plain(buf []value.Value, vs []Value) []value.Value {
	for _, v := range vs {
		buf = append(buf, v.v)
	}
	return buf
}

func (v *VM) config(r Run) vm.Config {
	e := v.engine
	limits := e.cfg.Limits
	if r.Limits != nil {
		limits = *r.Limits
	}
	cfg := vm.Config{
		Registry: e.registry, Limits: limits.machine(), Print: r.Print, NoEval: e.cfg.NoEval, Host: r.Host,
		Modules: (*hostModules)(e), Slice: r.Slice,
	}
	if r.Debug != nil {
		cfg.Debug = v.calls.Debug
	}
	if r.Profile != nil {
		cfg.Sample = v.calls.Sample
	}
	if r.Now != nil {
		cfg.Now = v.calls.Now
	}
	if r.Sleep != nil {
		cfg.Sleep = v.calls.Sleep
	}
	if r.Resolve != nil {
		cfg.Load = v.calls.Load
	}
	return cfg
}

// functions makes what leads from the machine to the functions of the run that
// is on.
func (v *VM) functions() vm.Config {
	return vm.Config{
		Debug: func(line string, at syntax.Pos) error {
			return v.on.Debug(line, Position{int(at.Line), int(at.Col)})
		},
		Sample: func(fn *code.Func, pc int, n int64) { v.on.Profile(sampleAt(fn, pc, n)) },
		Now:    func() int64 { return v.on.Now().UnixNano() },
		Sleep:  func(ctx context.Context, nanos int64) error { return v.on.Sleep(ctx, time.Duration(nanos)) },
		Load: func(ctx context.Context, name, importer string) (*code.Program, error) {
			p, err := v.on.Resolve(ctx, name)
			if err != nil {
				return nil, err
			}
			return p.code, nil
		},
	}
}
