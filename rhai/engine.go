package rhai

import (
	"slices"
	"strings"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/stdlib"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
	"github.com/picloud/picloud/rhai/internal/vm"
)

// Limits bound what a script may use. A zero field is the default named with
// it; where the default is "no limit", give a number for code you do not
// trust.
type Limits struct {
	// Operations is the number of operations of one run, about one for each
	// expression and statement executed; natives bill more for more work. No
	// limit by default.
	Operations int64
	// Memory is the number of bytes that a run's values may take at a time. No
	// limit by default.
	Memory int64
	// CallLevels is the depth of calls between script functions: 64 by
	// default, negative: none may be called.
	CallLevels int
	// ExprDepth and FnExprDepth bound the nesting of expressions at the top
	// level and in functions: 64 and 32 by default, negative: no limit (of the
	// script's choosing; the parser has a ceiling of its own).
	ExprDepth, FnExprDepth int
	// StringSize, ArraySize and MapSize bound single values with all that they
	// contain: bytes, elements, entries. No limit by default.
	StringSize, ArraySize, MapSize int
	// Variables is the number of variables visible at a time; negative: none.
	// No limit by default.
	Variables int
	// Functions is the number of functions in a program; negative: none. No
	// limit by default.
	Functions int
	// Modules is the number of modules a run may import; negative: none. No
	// limit by default.
	Modules int
}

// Config is what scripts of an engine may use. The zero Config is a pure
// language with its standard library.
type Config struct {
	// Limits apply to every compilation, and to every run that does not bring
	// its own.
	Limits Limits
	// Modules are groups of Go functions that scripts call as name::function.
	Modules []*Module
	// Global holds functions that scripts call without a module name, and the
	// methods of host types. May be nil.
	Global *Module
	// NoEval switches the eval function off.
	NoEval bool
	// Profile makes programs bill each statement when it is reached, so that
	// Run.Profile tells lines apart. Otherwise a function, and each turn of a
	// loop, is billed as a whole when it begins, which is faster, and branches
	// that are not taken count.
	Profile bool
}

// Engine compiles programs and makes machines for them. It is immutable and
// safe for concurrent use.
type Engine struct {
	cfg      Config
	registry *native.Registry
	modules  map[string]bool
	consts   map[string]value.Value
}

// New makes an engine. The modules of cfg must not be changed afterwards.
func New(cfg Config) *Engine {
	e := &Engine{cfg: cfg, registry: native.NewRegistry(), modules: map[string]bool{}, consts: map[string]value.Value{}}
	stdlib.Register(e.registry)
	if cfg.Global != nil {
		e.add(cfg.Global, "")
	}
	for _, m := range cfg.Modules {
		e.modules[m.name] = true
		for i := strings.LastIndex(m.name, "::"); i > 0; i = strings.LastIndex(m.name[:i], "::") {
			e.modules[m.name[:i]] = true
		}
		e.add(m, m.name+"::")
	}
	return e
}

func (e *Engine) add(m *Module, prefix string) {
	for _, f := range m.funcs {
		g := *f
		if !strings.Contains(g.Name, "$") {
			g.Name = prefix + g.Name
		}
		e.registry.Add(&g)
	}
	for name, v := range m.consts {
		e.consts[prefix+name] = v
	}
}

// Global is a variable that exists before a script starts.
type Global struct {
	Name string
	// Constant variables cannot be assigned to.
	Constant bool
}

// Compile parses and compiles a source text. The name appears in errors and is
// given to Resolve as the importer. globals are the variables that the
// embedder will put in scope, in the order of Run.Globals. The error is an
// *Error whose Phase is "parse".
func (e *Engine) Compile(name, source string, globals ...Global) (*Program, error) {
	file, err := syntax.Parse(source, e.parseOptions())
	if err != nil {
		return nil, parseError(name, source, err)
	}
	l := e.cfg.Limits
	opts := compile.Options{
		Name: name, Registry: e.registry, MaxVariables: l.Variables, Sized: l.StringSize+l.ArraySize+l.MapSize > 0,
		Profile: e.cfg.Profile,
	}
	for _, g := range globals {
		opts.Globals = append(opts.Globals, compile.Global{Name: g.Name, Const: g.Constant})
	}
	prog, err := compile.File(file, opts)
	if err != nil {
		return nil, parseError(name, source, err)
	}
	return &Program{engine: e, code: prog, globals: slices.Clone(globals), size: sizeOf(prog)}, nil
}

// hostModules is what the machine asks an engine.
type hostModules Engine

func (e *hostModules) HasModule(name string) bool { return e.modules[name] }

func (e *hostModules) Constant(module, name string) (value.Value, bool) {
	v, ok := e.consts[module+"::"+name]
	return v, ok
}

func (e *Engine) parseOptions() syntax.Options {
	l := e.cfg.Limits
	return syntax.Options{
		MaxExprDepth: depth(l.ExprDepth, 64), MaxFnExprDepth: depth(l.FnExprDepth, 32),
		MaxStringSize: l.StringSize, MaxArraySize: l.ArraySize, MaxMapSize: l.MapSize, MaxFunctions: l.Functions,
		AllowFuncs: true, AllowClosures: true,
	}
}

// depth is a limit whose zero value is a default and whose negative values
// mean none.
func depth(n, normal int) int {
	switch {
	case n == 0:
		return normal
	case n < 0:
		return 0
	}
	return n
}

func (l Limits) machine() vm.Limits {
	levels := l.CallLevels
	if levels == 0 {
		levels = 64
	}
	return vm.Limits{
		Operations: l.Operations, Memory: l.Memory, CallLevels: max(levels, 0),
		Sizes:     value.Sizes{String: l.StringSize, Array: l.ArraySize, Map: l.MapSize},
		Variables: l.Variables, Modules: l.Modules, Functions: l.Functions,
		ExprDepth: depth(l.ExprDepth, 64), FnExprDepth: depth(l.FnExprDepth, 32),
	}
}

// Program is a compiled source text: immutable, safe for concurrent use, for
// machines of the engine that compiled it.
type Program struct {
	engine  *Engine
	code    *code.Program
	globals []Global
	size    int64
}

// Name is the name that the source was compiled under.
func (p *Program) Name() string { return p.code.Name }

// Source is the source text.
func (p *Program) Source() string { return p.code.Source }

// Size is roughly the number of bytes that the program takes in memory.
func (p *Program) Size() int64 { return p.size }

// HasFunc reports whether the program defines a function of that name and
// number of parameters that can be called from outside.
func (p *Program) HasFunc(name string, params int) bool { return p.fn(name, params) != nil }

func (p *Program) fn(name string, params int) *code.Func {
	return p.code.ByName[code.FnKey{Name: name, Params: params}]
}

// FuncInfo describes a function of a program.
type FuncInfo struct {
	Name   string
	Params []string
	// Doc holds the documentation comments before the function, as written.
	Doc     []string
	Line    int
	Private bool
}

// Funcs lists the functions that the program defines, in the order of the
// source.
func (p *Program) Funcs() []FuncInfo {
	var out []FuncInfo
	for _, d := range p.code.Defs {
		f := FuncInfo{Name: d.Name, Doc: d.Doc, Line: int(d.At.Line), Private: d.Private}
		for _, x := range d.Params {
			f.Params = append(f.Params, x.Name)
		}
		out = append(out, f)
	}
	return out
}

func sizeOf(p *code.Program) int64 {
	n := int64(512 + 4*len(p.Source))
	for _, f := range append(p.Funcs, p.Main) {
		n += 256 + int64(len(f.Code))*16 + int64(len(f.Consts))*64
	}
	return n + int64(len(p.Sites))*160 + int64(len(p.Paths))*96
}
