package compile

import (
	"fmt"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Options configure a compilation.
type Options struct {
	Name     string
	Registry *native.Registry
	// Globals are variables that the embedder puts in scope before the script
	// starts; constants among them.
	Globals      []Global
	MaxVariables int // 0: no limit; negative: none may be declared
	// Sized is set when runs limit the sizes of values.
	Sized bool
	// Profile bills each statement when it is reached, instead of functions
	// and turns of loops as a whole. It is slower.
	Profile bool
}

// Global is a variable that exists before the script starts. The machine
// stores the values in the main function's first registers, in order.
type Global struct {
	Name  string
	Const bool
}

// maxNear is the number of registers that locals may use; the rest of the 256
// is for temporaries.
const maxNear = 190

// maxArgs is the largest number of arguments of a call.
const maxArgs = 48

// compiler makes one program.
type compiler struct {
	opts Options
	prog *code.Program
	res  *resolution
	defs map[*syntax.FnDef]*code.Func
	// Of the functions known before any code is made: the places in
	// prog.Funcs, the names that can be called without a receiver, and the
	// methods for types.
	index map[*code.Func]int
	named map[string]bool
	typed map[code.FnKey][]*code.Func
	anon  int
	hints int // suggestions made for unknown variables
	err   error
}

// File compiles a parsed program.
func File(file *syntax.File, opts Options) (*code.Program, error) {
	p := &code.Program{
		Name: opts.Name, Source: file.Source,
		ByName: map[code.FnKey]*code.Func{}, Defs: file.Funcs,
	}
	c := &compiler{opts: opts, prog: p, res: resolveFile(file), defs: map[*syntax.FnDef]*code.Func{}}
	for _, def := range file.Funcs {
		f := &code.Func{Name: def.Name, Prog: p, Def: def, ThisReg: -1}
		c.defs[def] = f
		p.Funcs = append(p.Funcs, f)
		p.ByName[code.FnKey{This: def.This, Name: def.Name, Params: len(def.Params)}] = f
	}
	c.indexFuncs()
	p.Main = &code.Func{Prog: p, ThisReg: -1}
	c.main(file)
	for _, def := range file.Funcs {
		c.fn(def)
	}
	c.early()
	c.dropTree()
	return p, c.err
}

// dropTree lets go of the bodies of functions, without which their definitions
// keep no part of the syntax tree, and of spare room. Only what eval and calls
// with ! compile at run time needs bodies.
func (c *compiler) dropTree() {
	for _, info := range c.res.fns {
		if info.hasEval || info.hasBang {
			return
		}
	}
	p := c.prog
	p.Defs = make([]*syntax.FnDef, len(p.Defs))
	for i := range p.Defs {
		def := *p.Funcs[i].Def // functions with a name come first
		def.Body = nil
		p.Defs[i], p.Funcs[i].Def = &def, &def
	}
}

// indexFuncs makes the functions easy to find: a program may have many, and
// calls of them everywhere.
func (c *compiler) indexFuncs() {
	c.index, c.named, c.typed = map[*code.Func]int{}, map[string]bool{}, map[code.FnKey][]*code.Func{}
	for i, f := range c.prog.Funcs {
		c.index[f] = i
		if f.Def == nil {
			continue
		}
		if f.Def.This == "" {
			c.named[f.Name] = true
		} else {
			k := code.FnKey{Name: f.Name, Params: len(f.Def.Params)}
			c.typed[k] = append(c.typed[k], f)
		}
	}
}

func (c *compiler) main(file *syntax.File) {
	f := c.newFn(c.prog.Main, c.res.fns[file], nil)
	for _, g := range c.opts.Globals {
		v := f.declare(g.Name, g.Const)
		v.boxed = true
	}
	f.body(file.Stmts, file.End)
}

func (c *compiler) fn(def *syntax.FnDef) {
	fn := c.defs[def]
	f := c.newFn(fn, c.res.fns[def], nil)
	f.params(def, def.Params)
	f.body(def.Body.Stmts, def.Body.End)
}

// fnState is one function being compiled.
type fnState struct {
	c      *compiler
	fn     *code.Func
	info   *fnInfo
	parent *fnState
	inner  bool // a chunk that runs inside a function or a block
	vars   names[variable]
	next   int // first free register
	far    int // number of far locals in use
	maxFar int
	maxReg int
	loops  []*loop
	catch  []int // registers of the errors being handled, innermost last
	cost   int
	// target is the register of the variable that is being assigned, or -1.
	target int
	consts map[constKey]int32
	// blockVars is the number of variables outside the current block.
	blockVars int
	depth     int // nesting of blocks; 0 is the function's own
}

type constKey struct {
	kind value.Kind
	bits uint64
	text string
}

// variable is one visible name.
type variable struct {
	name    string
	reg     int
	far     int // slot past the window, or -1
	isConst bool
	boxed   bool // may hold a cell
	module  bool
	literal bool // a constant whose value is a literal
	// mark is, in a function with eval, the register with the number of
	// variables that eval had declared when this one was declared: later ones
	// hide it. -1 when that was none.
	mark int
	// count is the number of variables up to this one. One that replaces
	// another of the same block does not count.
	count int
	// inScope is the variable as the scopes of eval and its kin have it, once
	// one of them has been made.
	inScope *code.ScopeVar
}

// loop is a loop being compiled.
type loop struct {
	dst       int // where break's value goes, or -1
	breaks    []int
	continues []int
	top       int // where continue jumps, or -1 when it is patched
	vars      int
	dynMark   int
}

func (c *compiler) newFn(fn *code.Func, info *fnInfo, parent *fnState) *fnState {
	if info == nil {
		info = &fnInfo{}
	}
	f := &fnState{c: c, fn: fn, info: info, parent: parent, target: -1, consts: map[constKey]int32{}}
	fn.HasEval = info.hasEval
	return f
}

// params declares parameters and, after them, `this`.
func (f *fnState) params(node any, params []syntax.Param) {
	for i, p := range params {
		v := f.declare(p.Name, false)
		v.boxed = f.c.res.captured[declKey{node, i}]
		f.fn.Params = append(f.fn.Params, p.Name)
	}
	if n := len(params); n > 0 {
		f.tooManyVars(0, params[n-1].At)
	}
	f.reserveThis()
}

func (f *fnState) reserveThis() {
	if f.info.usesThis {
		f.fn.ThisReg = f.temp()
	}
}

// body compiles the statements of a whole function; their value is returned.
func (f *fnState) body(stmts []syntax.Stmt, end syntax.Pos) {
	dst := f.temp()
	f.blockVars = f.vars.len()
	if f.fn == f.c.prog.Main {
		f.blockVars = 0
	}
	if f.fn.HasEval && !f.fn.Chunk {
		f.emit(code.DynReset, 0, 0, 0, 0, end)
	}
	f.stmtList(stmts, dst, end)
	f.emit(code.Return, dst, 0, 0, 0, end)
	f.finish()
}

func (f *fnState) finish() {
	f.fn.NRegs = max(f.maxReg+1, 1)
	if f.maxFar > 0 {
		f.fn.NRegs = 256 + f.maxFar
	}
	f.fn.Cost = int32(min(f.cost+1, 1<<30))
	f.nestTries()
	f.shorten()
}

// nestTries finds the range around each protected range. They are in the
// order of their ends, inner ones before outer ones.
func (f *fnState) nestTries() {
	tries := f.fn.Tries
	for i := len(tries) - 1; i >= 0; i-- {
		outer := int32(i + 1)
		if i+1 == len(tries) {
			outer = -1
		}
		for outer >= 0 && tries[outer].From > tries[i].From {
			outer = tries[outer].Outer
		}
		tries[i].Outer = outer
	}
}

// emit appends an instruction and returns its index.
func (f *fnState) emit(op code.Op, a, b, c int, d int32, pos syntax.Pos) int {
	f.fn.Code = append(f.fn.Code, code.Make(op, uint8(a), uint8(b), uint8(c), d))
	f.fn.Pos = append(f.fn.Pos, pos)
	return len(f.fn.Code) - 1
}

func (f *fnState) here() int { return len(f.fn.Code) }

// patch makes the jumps in list lead here.
func (f *fnState) patch(list ...int) {
	for _, at := range list {
		in := f.fn.Code[at]
		f.fn.Code[at] = code.Make(in.Op(), in.A(), in.B(), in.C(), int32(f.here()))
	}
}

// temp takes the next free register.
func (f *fnState) temp() int {
	r := f.next
	if r > 254 {
		var pos syntax.Pos
		if n := len(f.fn.Pos); n > 0 {
			pos = f.fn.Pos[n-1]
		}
		f.fail(pos, "this expression or function is too complex: it needs more than 255 values at once")
		return 254
	}
	f.next++
	f.maxReg = max(f.maxReg, r)
	return r
}

// over prepares for putting the parts of what goes to dst into temporaries:
// the next one is dst itself if that is the topmost, so that nothing has to be
// moved there in the end. It returns the next one. The caller releases what is
// above dst afterwards.
func (f *fnState) over(dst int) int {
	if dst == f.next-1 && dst != f.target {
		f.next = dst
	}
	return f.next
}

// release gives back all registers from mark on.
func (f *fnState) release(mark int) { f.next = mark }

func (f *fnState) fail(pos syntax.Pos, format string, args ...any) {
	if f.c.err == nil {
		f.c.err = &syntax.Error{Kind: "TooComplex", Pos: pos, Msg: fmt.Sprintf(format, args...)}
	}
}

// declare makes a new variable in the next register, which must be where its
// value was put, or a far slot when near ones are used up.
func (f *fnState) declare(name string, isConst bool) *variable {
	v := variable{name: name, isConst: isConst, far: -1, mark: -1}
	v.reg = f.temp()
	return f.push(v)
}

// push makes a variable visible.
func (f *fnState) push(v variable) *variable {
	v.count = f.count()
	if !v.module {
		v.count++
	}
	return f.vars.push(v.name, v)
}

// declareAt makes a variable of a register that is already taken.
func (f *fnState) declareAt(name string, reg int, isConst, boxed bool) *variable {
	return f.push(variable{name: name, reg: reg, far: -1, isConst: isConst, boxed: boxed, mark: -1})
}

// markDyn gives the variable declared last its mark.
func (f *fnState) markDyn() {
	if !f.fn.HasEval {
		return
	}
	m := f.temp()
	f.emit(code.DynMark, m, 0, 0, 0, syntax.Pos{})
	f.vars.last().mark = m
}

// dynWord follows an instruction that looks a variable up by name: it says
// which of eval's variables hide v.
func (f *fnState) dynWord(v *variable, pos syntax.Pos) {
	m := 255
	if v != nil && v.mark >= 0 {
		m = v.mark
	}
	f.emit(code.Nop, m, 0, 0, 0, pos)
}

// lookup finds the innermost variable of that name.
func (f *fnState) lookup(name string) *variable {
	return f.vars.find(name, func(v *variable) bool { return !v.module })
}

func (f *fnState) lookupModule(name string) *variable {
	return f.vars.find(name, func(v *variable) bool { return v.module })
}

// scoped compiles body and forgets the variables and registers it took.
func (f *fnState) scoped(body func()) {
	vars, next, far, block := f.vars.len(), f.next, f.far, f.blockVars
	f.blockVars = vars
	f.depth++
	mark := -1
	if f.fn.HasEval {
		mark = f.temp()
		f.emit(code.DynMark, mark, 0, 0, 0, syntax.Pos{})
	}
	body()
	if mark >= 0 {
		f.emit(code.DynTrim, mark, 0, 0, 0, syntax.Pos{})
	}
	f.depth--
	f.vars.cut(vars)
	f.next, f.far, f.blockVars = next, far, block
}

// constant gives the index of a constant in the function's pool.
func (f *fnState) constant(v value.Value) int32 {
	k := constKey{kind: v.Kind(), bits: v.Bits}
	if v.Is(value.KString) {
		k.text, k.bits = v.Str(), 0
	}
	if i, ok := f.consts[k]; ok {
		return i
	}
	i := int32(len(f.fn.Consts))
	f.fn.Consts = append(f.fn.Consts, v)
	f.consts[k] = i
	return i
}

func (f *fnState) text(s string) int32 { return f.constant(value.Static(s)) }

// raise emits an instruction that fails with err at pos.
func (f *fnState) raise(err *value.Error, pos syntax.Pos) {
	f.c.prog.Errors = append(f.c.prog.Errors, err)
	f.emit(code.Fail, 0, 0, 0, int32(len(f.c.prog.Errors)-1), pos)
}

func (f *fnState) site(s code.Site) int32 {
	f.c.prog.Sites = append(f.c.prog.Sites, s)
	return int32(len(f.c.prog.Sites) - 1)
}

// scope records what is visible here, for eval and its kin. Scopes share what
// they have in common: a script may have many of both.
func (f *fnState) scope(bang *syntax.FnDef) int32 {
	vars := f.vars.items
	known := len(vars)
	for known > 0 && vars[known-1].inScope == nil {
		known--
	}
	var last *code.ScopeVar
	if known > 0 {
		last = vars[known-1].inScope
	}
	for i := known; i < len(vars); i++ {
		v := &vars[i]
		v.inScope = &code.ScopeVar{
			Name: v.name, Reg: uint8(v.reg), Far: int32(v.far), Const: v.isConst, Module: v.module, Mark: int16(v.mark), Outer: last,
		}
		last = v.inScope
	}
	f.c.prog.Scopes = append(f.c.prog.Scopes, code.Scope{
		Last: last, Len: len(vars), NRegs: f.next, ThisReg: f.fn.ThisReg, Fn: f.fn, Bang: bang, Top: f.top(),
	})
	return int32(len(f.c.prog.Scopes) - 1)
}
