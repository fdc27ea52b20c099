package compile

import (
	"slices"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// Eval compiles source text that runs in the scope of another function, on
// that function's registers: what eval does. Variables it declares are
// declared by name.
func Eval(file *syntax.File, scope *code.Scope, opts Options) (*code.Func, error) {
	res := resolveFile(file)
	c, f := chunk(file.Source, scope, opts, res.fns[file])
	c.res = res
	f.fn.HasEval, f.info.hasEval = true, true
	f.body(file.Stmts, file.End)
	return f.fn, c.err
}

// Bang compiles a function's body for a call `name!(…)`: it sees the variables
// of its caller as well as its parameters, which the caller has put into the
// first free registers of the scope.
func Bang(scope *code.Scope, def *syntax.FnDef, opts Options) (*code.Func, error) {
	r := newResolver()
	r.fn(def)
	c, f := chunk(scope.Fn.Prog.Source, scope, opts, r.out.fns[def])
	c.res = r.out
	f.fn.Name, f.fn.Def = def.Name, def
	f.info.hasBang = true
	for i, p := range def.Params {
		v := f.declare(p.Name, false)
		v.boxed = c.res.captured[declKey{def, i}]
	}
	// Its own variables end with the call, those that eval declares included.
	f.body([]syntax.Stmt{def.Body}, def.Body.End)
	return f.fn, c.err
}

// chunk prepares a program that extends scope's with one function.
func chunk(source string, scope *code.Scope, opts Options, info *fnInfo) (*compiler, *fnState) {
	outer := scope.Fn.Prog
	p := &code.Program{
		Name: outer.Name, Source: source, ByName: outer.ByName, Defs: outer.Defs,
		Funcs: slices.Clip(outer.Funcs),
	}
	c := &compiler{opts: opts, prog: p, defs: map[*syntax.FnDef]*code.Func{}}
	c.indexFuncs()
	fn := &code.Func{Name: "eval", Prog: p, ThisReg: scope.ThisReg, Chunk: true}
	p.Main = fn
	f := c.newFn(fn, info, nil)
	f.inner = !scope.Top
	fn.HasEval = scope.Fn.HasEval || info != nil && info.hasEval
	for _, v := range scope.Vars() {
		f.push(variable{
			name: v.Name, reg: int(v.Reg), far: farSlot(v.Far), isConst: v.Const, boxed: true, module: v.Module,
			mark: int(v.Mark), inScope: v,
		})
	}
	f.next = scope.NRegs
	f.maxReg = scope.NRegs
	return c, f
}

func farSlot(far int32) int { return int(far) }
