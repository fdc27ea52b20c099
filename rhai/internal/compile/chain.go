package compile

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// A chain is compiled in two stages. First the operands of all its steps are
// evaluated, in the order of the source; then it is walked. While walking, the
// compiler keeps a place: a root register and the property and index steps
// since then that have not been read yet. A method gets the whole place, so
// that it can change what is there; reading turns the place into a value.

// walk is the state of compiling one chain.
type walk struct {
	f       *fnState
	root    code.Root
	reg     int
	far     int // far slot of the root, or -1
	dyn     string
	name    string
	isConst bool
	pos     syntax.Pos
	steps   []code.PathStep
	out     []int // jumps to the end, with () as the result
}

// chainArgs holds the registers of a chain's evaluated operands.
type chainArgs struct {
	index []int // of each index step
	base  []int // of each method step: the arguments follow it
}

func (f *fnState) chain(e *syntax.Chain, dst int) {
	mark := f.next
	f.over(dst)
	args := f.chainOperands(e)
	w := f.startWalk(e)
	t := dst
	for i := range e.Steps {
		last := i == len(e.Steps)-1
		if e.Steps[i].Kind != syntax.StepMethod {
			w.extend(&e.Steps[i], args.index[i])
			if last {
				w.read(dst)
			}
			continue
		}
		if !last {
			t = -1
		} else {
			t = dst
		}
		w.method(&e.Steps[i], args.base[i], t)
	}
	w.finish(dst, e.Pos())
	f.release(mark)
}

// chainOperands evaluates what stands in brackets and parentheses.
func (f *fnState) chainOperands(e *syntax.Chain) chainArgs {
	a := chainArgs{index: make([]int, len(e.Steps)), base: make([]int, len(e.Steps))}
	for i := range e.Steps {
		s := &e.Steps[i]
		f.cost++
		switch s.Kind {
		case syntax.StepIndex:
			a.index[i] = f.operand(s.Index, later(e.Steps[i+1:], e.Root)...)
		case syntax.StepMethod:
			if len(s.Args) > maxArgs {
				f.fail(s.At, "a call takes at most %d arguments, this one has %d", maxArgs, len(s.Args))
				return a
			}
			a.base[i] = f.temp()
			for _, x := range s.Args {
				f.expr(x, f.temp())
			}
		}
	}
	return a
}

// later lists what is evaluated after a step's own operand.
func later(steps []syntax.Step, root syntax.Expr) []syntax.Expr {
	var out []syntax.Expr
	if !isVariable(root) {
		out = append(out, root)
	}
	for _, s := range steps {
		if s.Index != nil {
			out = append(out, s.Index)
		}
		out = append(out, s.Args...)
	}
	return out
}

func (f *fnState) startWalk(e *syntax.Chain) *walk {
	w := &walk{f: f, far: -1, pos: e.Root.Pos()}
	f.cost++
	switch root := e.Root.(type) {
	case *syntax.Ident:
		w.variable(root)
	case *syntax.This:
		f.emit(code.NeedThis, 0, 0, 0, 0, root.Pos())
		if f.fn.ThisReg < 0 {
			w.temp(f.temp()) // never bound here: NeedThis fails
			break
		}
		w.root, w.reg, w.name = code.RootThis, f.fn.ThisReg, "this"
	case *syntax.Qualified:
		w.temp(f.temp())
		f.expr(root, w.reg)
		w.isConst, w.name = true, root.Name
	default:
		f.cost--
		w.temp(f.next)
		f.expr(e.Root, f.temp())
	}
	return w
}

func (w *walk) variable(id *syntax.Ident) {
	f := w.f
	v := f.lookup(id.Name)
	w.name = id.Name
	switch {
	case f.fn.HasEval && (v == nil || v.far < 0) && !(v == nil && f.c.hasFunc(id.Name)):
		w.root, w.reg, w.dyn = code.RootVar, f.temp(), id.Name
		w.isConst = v != nil && v.isConst
		f.ident(id, w.reg, true)
	case v == nil && f.c.hasFunc(id.Name):
		w.temp(f.temp())
		f.ident(id, w.reg, false)
	case v == nil:
		f.raise(f.unknown(id.Name), id.Pos())
		w.temp(f.temp())
	case v.far >= 0:
		w.root, w.reg, w.far, w.isConst = code.RootVar, f.temp(), 256+v.far, v.isConst
		f.ident(id, w.reg, true)
	default:
		w.root, w.reg, w.isConst = code.RootReg, v.reg, v.isConst
		if v.boxed {
			w.root = code.RootVar
		}
	}
}

// temp makes the place a temporary.
func (w *walk) temp(reg int) {
	w.root, w.reg, w.far, w.dyn, w.isConst, w.name = code.RootTemp, reg, -1, "", false, ""
	w.steps = nil
}

// writeBack stores a variable that had to be loaded to be changed.
func (w *walk) writeBack(pos syntax.Pos) {
	switch f := w.f; {
	case w.root == code.RootTemp:
	case w.dyn != "":
		f.dynStore(w.dyn, w.reg, 1, pos)
	case w.far >= 0:
		f.emit(code.SetFar, w.reg, 1, 0, int32(w.far), pos)
	}
}

// extend adds a property or index step to the place.
func (w *walk) extend(s *syntax.Step, index int) {
	if s.Elvis {
		w.guard(s.At)
	}
	step := code.PathStep{Prop: s.Kind == syntax.StepProp, Name: s.Name, Reg: uint8(index), Pos: s.At}
	if step.Prop {
		step.Site = w.f.propSite(s.Name)
	} else {
		step.IdxAt = s.Index.Pos()
	}
	w.steps = append(w.steps, step)
}

// guard leaves the chain with () when the place holds ().
func (w *walk) guard(pos syntax.Pos) {
	reg := w.reg
	if len(w.steps) > 0 {
		reg = w.f.temp()
		w.load(reg, true)
	}
	w.out = append(w.out, w.f.emit(code.JumpUnit, reg, 0, 0, 0, pos))
}

// load reads the place into a register; a borrowed value is only looked at.
func (w *walk) load(dst int, borrow bool) {
	f, from := w.f, w.reg
	for i, s := range w.steps {
		last := i == len(w.steps)-1
		to := dst
		if !last {
			to = f.temp()
		}
		look := borrow || !last
		switch {
		case s.Prop:
			f.emit(code.GetProp, to, from, int(bit(look)), s.Site, s.Pos)
		case look:
			f.onlyKey(int(s.Reg))
			f.emit(code.Borrow, to, from, int(s.Reg), f.indexPos(s), s.IdxAt)
		default:
			f.onlyKey(int(s.Reg))
			f.emit(code.Index, to, from, int(s.Reg), f.indexPos(s), s.IdxAt)
		}
		from = to
	}
}

// onlyKey says that reg is read by the next instruction only, which looks
// something up: a text that was just put together there need not outlive it.
func (f *fnState) onlyKey(reg int) {
	last := len(f.fn.Code) - 1
	if last < 0 || f.fn.Code[last].Op() != code.Concat || int(f.fn.Code[last].A()) != reg || f.isVariable(reg) {
		return
	}
	in := f.fn.Code[last]
	f.fn.Code[last] = code.Make(code.Concat, in.A(), in.B(), 1, in.D())
}

// isVariable reports whether a register is that of a visible variable.
func (f *fnState) isVariable(reg int) bool {
	// Variables get registers until these are used up: none comes later.
	for i := range min(f.vars.len(), 512) {
		if f.vars.items[i].reg == reg {
			return true
		}
	}
	return false
}

// indexPos keeps the place of the bracket, which errors about the indexed
// value's type point at, beside that of the index: its distance in columns, or
// the index of a Path with both when they are on different lines.
func (f *fnState) indexPos(s code.PathStep) int32 {
	if s.Pos.Line == s.IdxAt.Line && s.IdxAt.Col > s.Pos.Col {
		return s.IdxAt.Col - s.Pos.Col
	}
	f.c.prog.Paths = append(f.c.prog.Paths, code.Path{Pos: s.Pos})
	return -int32(len(f.c.prog.Paths))
}

// read makes the place a value in dst.
func (w *walk) read(dst int) {
	mark := w.f.next
	w.load(dst, false)
	w.f.release(mark)
	w.temp(dst)
}

// method calls a method on the place; the result goes to dst, or to a new
// temporary when dst is -1, and becomes the place.
func (w *walk) method(s *syntax.Step, base, dst int) {
	f := w.f
	if s.Elvis {
		w.guard(s.At)
	}
	a := base
	if top := base + 1 + len(s.Args); top != f.next {
		// A callee's registers start at its arguments: they must be topmost.
		a = f.temp()
		for i := range s.Args {
			f.emit(code.Take, f.temp(), base+1+i, 0, 0, s.At)
		}
	}
	site := f.methodSite(s.Name, len(s.Args)+1)
	st := &f.c.prog.Sites[site]
	st.Const, st.ThisRecv, st.Temp, st.Root = w.isConst, w.root == code.RootThis, w.root == code.RootTemp, w.name
	if len(w.steps) == 0 {
		f.emit(code.Method, a, w.reg, 0, site, s.At)
	} else {
		p := w.path()
		p.Site = site
		f.c.prog.Paths = append(f.c.prog.Paths, p)
		f.emit(code.PathCall, a, 0, 0, int32(len(f.c.prog.Paths)-1), s.At)
	}
	if s.Name == "call" && len(s.Args) > 0 {
		f.valueAt(operatorAt(s.Args[0]))
	}
	w.writeBack(s.At)
	if dst >= 0 {
		f.take(dst, a, s.At)
		a = dst
	} else if a != base {
		f.emit(code.Take, base, a, 0, 0, s.At)
		a = base
	}
	w.temp(a)
}

func (w *walk) path() code.Path {
	return code.Path{Root: w.root, Reg: uint8(w.reg), Name: w.name, Const: w.isConst, Pos: w.pos, Steps: w.steps}
}

// finish joins the ways out of the chain.
func (w *walk) finish(dst int, pos syntax.Pos) {
	f := w.f
	f.take(dst, w.reg, pos)
	if len(w.out) == 0 {
		return
	}
	end := f.emit(code.Jump, 0, 0, 0, 0, pos)
	f.patch(w.out...)
	f.emit(code.Load, dst, 0, 0, 0, pos)
	f.patch(end)
}

// assignChain compiles `chain op= value`; the value has been evaluated.
func (f *fnState) assignChain(e *syntax.Chain, op syntax.Op, val int, pos syntax.Pos) {
	mark := f.next
	args := f.chainOperands(e)
	w := f.startWalk(e)
	for i := range e.Steps {
		s := &e.Steps[i]
		if s.Kind == syntax.StepMethod {
			w.method(s, args.base[i], -1)
		} else {
			w.extend(s, args.index[i])
		}
	}
	switch {
	case len(w.steps) == 0:
		f.fail(pos, "a method call cannot be assigned to")
	case len(w.steps) == 1 && op == syntax.OpNone && w.root == code.RootReg && !w.isConst && w.steps[0].Prop && !f.c.opts.Sized:
		f.emit(code.SetProp, w.reg, 0, val, w.steps[0].Site, w.steps[0].Pos)
	case len(w.steps) == 1 && op == syntax.OpNone && w.root == code.RootReg && !w.isConst && !w.steps[0].Prop:
		f.onlyKey(int(w.steps[0].Reg))
		f.emit(code.SetIndex, w.reg, int(w.steps[0].Reg), val, f.indexPos(w.steps[0]), w.steps[0].IdxAt)
	default:
		f.c.prog.Paths = append(f.c.prog.Paths, w.path())
		how := 0
		if op != syntax.OpNone {
			how = 1 + int(op)
		}
		f.emit(code.PathSet, val, how, 0, int32(len(f.c.prog.Paths)-1), pos)
	}
	if last := e.Steps[len(e.Steps)-1]; last.Kind == syntax.StepIndex || f.c.opts.Sized {
		f.valueAt(pos)
	}
	w.writeBack(pos)
	f.patch(w.out...)
	f.release(mark)
}

// operatorAt is where an argument counts as standing: at its first `.` or `[`,
// when it has one.
func operatorAt(e syntax.Expr) syntax.Pos {
	if c, ok := e.(*syntax.Chain); ok {
		return c.Steps[0].DotAt
	}
	return e.Pos()
}

// valueAt records a second place of the instruction emitted last: of the
// assignment it is part of, or of the statement.
func (f *fnState) valueAt(pos syntax.Pos) {
	if f.c.prog.Values == nil {
		f.c.prog.Values = map[code.Place]syntax.Pos{}
	}
	f.c.prog.Values[code.Place{Fn: f.fn, PC: f.here()}] = pos
}

// propSite describes reading and writing a property.
func (f *fnState) propSite(name string) int32 {
	r := f.c.opts.Registry
	return f.site(code.Site{Name: name, NArgs: 1, Getter: r.Find("get$"+name, 1), Setter: r.Find("set$"+name, 2)})
}

// methodSite describes a call x.name(…) with n arguments, x included.
func (f *fnState) methodSite(name string, n int) int32 {
	s := code.Site{
		Name: name, NArgs: n, MethodStyle: true,
		Natives: f.c.opts.Registry.Find(name, n),
		Script:  f.c.prog.ByName[code.FnKey{Name: name, Params: n - 1}],
		Keyword: keywordMethods[name],
	}
	for _, fn := range f.c.typed[code.FnKey{Name: name, Params: n - 1}] {
		if s.Typed == nil {
			s.Typed = map[string]*code.Func{}
		}
		s.Typed[TypeName(fn.Def.This)] = fn
	}
	return f.site(s)
}

// TypeName is the name type_of gives for a type named in `fn type.name()`.
func TypeName(this string) string {
	switch this {
	case "int":
		return "i64"
	case "float":
		return "f64"
	}
	return this
}

var keywordMethods = map[string]code.Keyword{
	"call": code.KeyCall, "curry": code.KeyCurry, "is_shared": code.KeyIsShared, "take": code.KeyTake, "type_of": code.KeyTypeOf,
}

// qualified loads `a::b::NAME`.
func (f *fnState) qualified(e *syntax.Qualified, dst int) {
	if len(e.Path) == 1 && e.Path[0] == "global" {
		f.emit(code.Global, dst, 0, 0, f.text(e.Name), e.PathAt[0])
		return
	}
	f.emit(code.ModVar, dst, f.moduleReg(e.Path[0]), 0, f.site(code.Site{Name: e.Name, Path: e.Path, PathAt: e.PathAt}), e.Pos())
}

// moduleReg is the register of an imported module, or 255.
func (f *fnState) moduleReg(name string) int {
	if v := f.lookupModule(name); v != nil {
		return v.reg
	}
	return 255
}

func (f *fnState) dynStore(name string, reg, mutated int, pos syntax.Pos) {
	to := 255
	v := f.lookup(name)
	if v != nil && v.far < 0 {
		to = v.reg
	}
	f.emit(code.DynStore, reg, to, mutated, f.text(name), pos)
	f.dynWord(v, pos)
}

// unknownValue keeps the value package's error type in one place.
func tooMany(what string, limit int) *value.Error {
	return value.Errorf(value.ErrTooManyVariables, "too many %s: the limit is %d", what, limit)
}
