package compile

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// expr emits code that leaves the value of e in register dst. Nothing is
// written to dst before the operands of the last operation were read, unless
// e is one of the kinds that late (below) lists.
func (f *fnState) expr(e syntax.Expr, dst int) {
	f.cost++
	switch e := e.(type) {
	case *syntax.UnitLit:
		f.emit(code.Load, dst, 0, 0, 0, e.Pos())
	case *syntax.BoolLit:
		f.emit(code.Load, dst, 0, 0, 1+bit(e.Value), e.Pos())
	case *syntax.IntLit:
		f.intLit(e.Value, dst, e.Pos())
	case *syntax.FloatLit:
		f.loadConst(value.Float(e.Value), dst, e.Pos())
	case *syntax.CharLit:
		f.loadConst(value.Char(e.Value), dst, e.Pos())
	case *syntax.StringLit:
		f.emit(code.LoadK, dst, 0, 0, f.text(e.Value), e.Pos())
	case *syntax.Interp:
		f.interp(e, dst)
	case *syntax.ArrayLit:
		f.array(e, dst)
	case *syntax.MapLit:
		f.mapLit(e, dst)
	case *syntax.Ident:
		f.ident(e, dst, false)
	case *syntax.Qualified:
		f.qualified(e, dst)
	case *syntax.This:
		f.emit(code.This, dst, 0, 0, 0, e.Pos())
	case *syntax.Unary:
		f.unary(e, dst)
	case *syntax.Binary:
		f.binary(e, dst)
	case *syntax.Chain:
		f.chain(e, dst)
	case *syntax.Call:
		f.call(e, dst)
	case *syntax.Closure:
		f.closure(e, dst)
	default:
		f.cost--
		f.control(e, dst)
	}
}

func bit(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

func (f *fnState) loadConst(v value.Value, dst int, pos syntax.Pos) {
	f.emit(code.LoadK, dst, 0, 0, f.constant(v), pos)
}

func (f *fnState) intLit(n int64, dst int, pos syntax.Pos) {
	if n == int64(int32(n)) {
		f.emit(code.LoadInt, dst, 0, 0, int32(n), pos)
		return
	}
	f.loadConst(value.Int(n), dst, pos)
}

// late reports whether evaluating e into a variable's own register could write
// it before e has been read to its end.
func late(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.UnitLit, *syntax.BoolLit, *syntax.IntLit, *syntax.FloatLit, *syntax.CharLit, *syntax.StringLit,
		*syntax.Ident, *syntax.Call, *syntax.Interp, *syntax.Unary, *syntax.This, *syntax.Closure, *syntax.Qualified:
		return false
	case *syntax.Binary:
		switch e.Op {
		case syntax.OpAnd, syntax.OpOr, syntax.OpCoalesce:
			return true
		}
		return false
	case *syntax.Chain:
		for _, s := range e.Steps {
			if s.Elvis {
				return true
			}
		}
		return false
	}
	return true
}

// quiet reports whether evaluating e cannot change a variable of this
// function. It may answer false for an expression that is.
func quiet(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.UnitLit, *syntax.BoolLit, *syntax.IntLit, *syntax.FloatLit, *syntax.CharLit, *syntax.StringLit,
		*syntax.Ident, *syntax.This, *syntax.Closure, *syntax.Qualified:
		return true
	case *syntax.Unary:
		return quiet(e.X)
	case *syntax.Binary:
		return quiet(e.L) && quiet(e.R)
	case *syntax.ArrayLit:
		return allQuiet(e.Elems)
	case *syntax.MapLit:
		for _, m := range e.Entries {
			if !quiet(m.Value) {
				return false
			}
		}
		return true
	case *syntax.Call:
		// A native may change its first argument when that is a variable.
		if e.Bang || e.Name == "eval" || len(e.Args) > 0 && isVariable(e.Args[0]) {
			return false
		}
		return allQuiet(e.Args)
	case *syntax.Chain:
		if !quiet(e.Root) {
			return false
		}
		for _, s := range e.Steps {
			if s.Kind == syntax.StepMethod && isVariable(e.Root) {
				return false
			}
			if s.Index != nil && !quiet(s.Index) || !allQuiet(s.Args) {
				return false
			}
		}
		return true
	}
	return false
}

func allQuiet(list []syntax.Expr) bool {
	for _, e := range list {
		if !quiet(e) {
			return false
		}
	}
	return true
}

func isVariable(e syntax.Expr) bool {
	switch e.(type) {
	case *syntax.Ident, *syntax.This:
		return true
	}
	return false
}

// operand gives a register that holds the value of e for the next operation
// to read. For a variable it is the variable's own register, unless what is
// evaluated before the operation (after) might change it.
func (f *fnState) operand(e syntax.Expr, after ...syntax.Expr) int {
	if id, ok := e.(*syntax.Ident); ok && allQuiet(after) {
		if v := f.lookup(id.Name); v != nil && v.far < 0 && !f.fn.HasEval {
			f.cost++
			return v.reg
		}
	}
	t := f.temp()
	if id, ok := e.(*syntax.Ident); ok && allQuiet(after) {
		f.cost++
		f.ident(id, t, true)
		return t
	}
	f.expr(e, t)
	return t
}

// ident loads a variable into dst; a borrowed one is only looked at by the
// next operation.
func (f *fnState) ident(e *syntax.Ident, dst int, borrow bool) {
	v := f.lookup(e.Name)
	switch {
	case f.fn.HasEval && (v == nil || v.far < 0) && !(v == nil && f.c.hasFunc(e.Name)):
		reg := 255
		if v != nil {
			reg = v.reg
		}
		f.emit(code.DynLoad, dst, reg, int(bit(borrow)), f.text(e.Name), e.Pos())
		f.dynWord(v, e.Pos())
	case v == nil && f.c.hasFunc(e.Name):
		// The name of a function is a pointer to it.
		f.emit(code.LoadK, dst, 0, 0, f.text(e.Name), e.Pos())
		f.emit(code.NewFn, dst, 0, 1, 0, e.Pos())
	case v == nil:
		f.raise(f.unknown(e.Name), e.Pos())
	case v.far >= 0:
		f.emit(code.Far, dst, int(bit(borrow)), 0, int32(256+v.far), e.Pos())
	case v.boxed:
		f.emit(code.LoadVar, dst, v.reg, 0, 0, e.Pos())
	case v.reg != dst:
		f.emit(code.Move, dst, v.reg, 0, 0, e.Pos())
	}
}

func (c *compiler) hasFunc(name string) bool { return c.named[name] }

// maxHints bounds the work on suggestions: how many unknown variables of a
// program get one, and among how many names it is looked for.
const maxHints = 200

// unknown is the error for a variable that does not exist, with a suggestion.
func (f *fnState) unknown(name string) *value.Error {
	err := value.Errorf(value.ErrVariableNotFound, "no variable `%s` here", name)
	err.Name = name
	if f.c.hints++; f.c.hints > maxHints {
		return err
	}
	vars := f.vars.items[max(0, f.vars.len()-maxHints):]
	names := make([]string, 0, len(vars))
	for i := range vars {
		names = append(names, vars[i].name)
	}
	if s := Suggest(name, names); s != "" {
		err.Msg += "; did you mean `" + s + "`?"
	}
	return err
}

func (f *fnState) interp(e *syntax.Interp, dst int) {
	mark := f.next
	first := f.over(dst)
	n := 0
	for _, p := range e.Parts {
		f.expr(p, f.temp())
		if n++; n == 64 {
			f.emit(code.Concat, first, 0, 0, int32(n), e.Pos())
			f.release(first + 1)
			n = 1
		}
	}
	if n == 0 {
		f.temp()
	}
	f.emit(code.Concat, first, 0, 0, int32(n), e.Pos())
	f.parts(partsAt(e.Parts[len(e.Parts)-min(n, len(e.Parts)):]))
	f.take(dst, first, e.Pos())
	f.release(mark)
}

// parts records the places of the operands of a literal, for errors about
// sizes. The list is only kept when sizes are limited.
func (f *fnState) parts(at []syntax.Pos) {
	if !f.c.opts.Sized {
		return
	}
	if f.c.prog.Parts == nil {
		f.c.prog.Parts = map[code.Place][]syntax.Pos{}
	}
	f.c.prog.Parts[code.Place{Fn: f.fn, PC: f.here()}] = at
}

func partsAt(list []syntax.Expr) []syntax.Pos {
	at := make([]syntax.Pos, len(list))
	for i, e := range list {
		at[i] = e.Pos()
	}
	return at
}

// isConst reports whether e is made of literals only. Native makes such values
// while it parses, without the checks of a running script.
func isConst(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.ArrayLit:
		for _, x := range e.Elems {
			if !isConst(x) {
				return false
			}
		}
		return true
	case *syntax.MapLit:
		for _, m := range e.Entries {
			if !isConst(m.Value) {
				return false
			}
		}
		return true
	}
	return isLiteral(e)
}

// pure reports whether native drops e where nobody uses its value: a variable,
// even one that does not exist, or what is made of literals only.
func pure(e syntax.Expr) bool {
	e = folded(e)
	if _, ok := e.(*syntax.Ident); ok {
		return true
	}
	return isConst(e)
}

// take moves a temporary into dst.
func (f *fnState) take(dst, src int, pos syntax.Pos) {
	if dst != src {
		f.emit(code.Take, dst, src, 0, 0, pos)
	}
}

// arrayChunk is how many elements of an array literal are held in registers.
const arrayChunk = 32

func (f *fnState) array(e *syntax.ArrayLit, dst int) {
	mark := f.next
	first := f.over(dst)
	n := min(len(e.Elems), arrayChunk)
	for _, x := range e.Elems[:n] {
		f.expr(x, f.temp())
	}
	if n == 0 {
		f.temp()
	}
	f.emit(code.MakeArray, first, int(bit(isConst(e))), 0, int32(n), e.Pos())
	f.parts(partsAt(e.Elems[:n]))
	f.release(first + 1)
	for rest := e.Elems[n:]; len(rest) > 0; {
		n := min(len(rest), arrayChunk)
		from := f.next
		for _, x := range rest[:n] {
			f.expr(x, f.temp())
		}
		f.emit(code.PushArray, first, from, 0, int32(n), e.Pos())
		f.release(from)
		rest = rest[n:]
	}
	f.take(dst, first, e.Pos())
	f.release(mark)
}

func (f *fnState) mapLit(e *syntax.MapLit, dst int) {
	mark := f.next
	first := f.over(dst)
	if len(e.Entries) > arrayChunk {
		f.bigMap(e, dst)
		f.release(mark)
		return
	}
	// Values are evaluated in the order of the source and stand in registers
	// in the order of the sorted keys.
	keys, slot := sortedKeys(e.Entries)
	for range e.Entries {
		f.temp()
	}
	if len(e.Entries) == 0 {
		f.temp()
	}
	for i, m := range e.Entries {
		f.expr(m.Value, first+slot[i])
	}
	f.c.prog.Shapes = append(f.c.prog.Shapes, keys)
	f.emit(code.MakeMap, first, int(bit(isConst(e))), 0, int32(len(f.c.prog.Shapes)-1), e.Pos())
	at := make([]syntax.Pos, len(keys))
	for i, m := range e.Entries {
		at[slot[i]] = m.Value.Pos()
	}
	f.parts(at)
	f.take(dst, first, e.Pos())
	f.release(mark)
}

func (f *fnState) bigMap(e *syntax.MapLit, dst int) {
	m := f.temp()
	f.c.prog.Shapes = append(f.c.prog.Shapes, nil)
	f.emit(code.MakeMap, m, 0, 0, int32(len(f.c.prog.Shapes)-1), e.Pos())
	for _, entry := range e.Entries {
		t := f.temp()
		f.expr(entry.Value, t)
		f.emit(code.SetKey, m, t, 0, f.text(entry.Key), entry.KeyAt)
		f.release(t)
	}
	f.take(dst, m, e.Pos())
}

func (f *fnState) unary(e *syntax.Unary, dst int) {
	mark := f.next
	f.over(dst)
	x := f.operand(e.X)
	f.emit(code.Unary, dst, x, 0, int32(e.Op), e.Pos())
	f.release(mark)
}

// hot maps operators to the machine's fast three-register forms.
var hot = map[syntax.Op]code.Op{
	syntax.OpAdd: code.Add, syntax.OpSub: code.Sub, syntax.OpMul: code.Mul, syntax.OpDiv: code.Div, syntax.OpMod: code.Mod,
	syntax.OpEq: code.Eq, syntax.OpNe: code.Ne, syntax.OpLt: code.Lt, syntax.OpLe: code.Le, syntax.OpGt: code.Gt, syntax.OpGe: code.Ge,
}

// hotInt maps operators to the forms with an immediate operand.
var hotInt = map[syntax.Op]code.Op{
	syntax.OpAdd: code.AddInt, syntax.OpSub: code.SubInt, syntax.OpMul: code.MulInt, syntax.OpMod: code.ModInt,
}

func immediate(e syntax.Expr) (int32, bool) {
	if n, ok := e.(*syntax.IntLit); ok && n.Value == int64(int32(n.Value)) {
		return int32(n.Value), true
	}
	return 0, false
}

func (f *fnState) binary(e *syntax.Binary, dst int) {
	switch e.Op {
	case syntax.OpAnd, syntax.OpOr:
		f.logical(e, dst)
		return
	case syntax.OpCoalesce:
		f.expr(e.L, dst)
		end := f.emit(code.JumpNotUnit, dst, 0, 0, 0, e.Pos())
		f.expr(e.R, dst)
		f.patch(end)
		return
	case syntax.OpIn, syntax.OpNotIn:
		f.in(e, dst)
		return
	}
	if e.Op == syntax.OpAdd && f.concat(e, dst) {
		return
	}
	mark := f.next
	defer f.release(mark)
	f.over(dst)
	left := e.L
	if u, ok := left.(*syntax.UnitLit); ok && !u.Pos().Known() {
		left = &syntax.IntLit{} // a range without a start
	}
	l := f.operand(left, e.R)
	if op, ok := hotInt[e.Op]; ok {
		if n, ok := immediate(e.R); ok {
			f.cost++
			f.emit(op, dst, l, 0, n, e.Pos())
			return
		}
	}
	r := f.operand(e.R)
	switch op, ok := hot[e.Op]; {
	case ok:
		f.emit(op, dst, l, r, 0, e.Pos())
	case e.Op == syntax.OpRange || e.Op == syntax.OpRangeIncl:
		f.emit(code.MakeRange, dst, l, r, bit(e.Op == syntax.OpRangeIncl), e.Pos())
	default:
		f.emit(code.Binary, dst, l, r, int32(e.Op), e.Pos())
	}
}

// concat compiles a chain of + that has a string literal among its first two
// operands: from there on every + joins texts, so all of them can at once.
func (f *fnState) concat(e *syntax.Binary, dst int) bool {
	var parts []syntax.Expr
	var at []syntax.Pos
	var x syntax.Expr = e
	for {
		b, ok := x.(*syntax.Binary)
		if !ok || b.Op != syntax.OpAdd {
			break
		}
		parts, at = append(parts, b.R), append(at, b.Pos())
		x = b.L
	}
	parts = append(parts, x)
	reverse(parts)
	if !isText(parts[0]) && !isText(parts[1]) || len(parts) > arrayChunk {
		return false
	}
	mark := f.next
	first := f.over(dst)
	for _, p := range parts {
		f.expr(p, f.temp())
	}
	f.emit(code.Concat, first, 1, 0, int32(len(parts)), at[0])
	f.take(dst, first, e.Pos())
	f.release(mark)
	return true
}

func isText(e syntax.Expr) bool {
	switch e.(type) {
	case *syntax.StringLit, *syntax.Interp:
		return true
	}
	return false
}

func reverse[T any](s []T) {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
}

// folded simplifies && and || with a literal on one side, as native does when
// it compiles: `true && x` is x, whatever x is.
func folded(e syntax.Expr) syntax.Expr {
	b, ok := e.(*syntax.Binary)
	if !ok || b.Op != syntax.OpAnd && b.Op != syntax.OpOr {
		return e
	}
	neutral := b.Op == syntax.OpAnd
	l, r := folded(b.L), folded(b.R)
	if lit, ok := l.(*syntax.BoolLit); ok {
		if lit.Value == neutral {
			return r
		}
		return l
	}
	if lit, ok := r.(*syntax.BoolLit); ok && lit.Value == neutral {
		return l
	}
	return e
}

// logical compiles && and || as values.
func (f *fnState) logical(e *syntax.Binary, dst int) {
	if x := folded(e); x != syntax.Expr(e) {
		f.expr(x, dst)
		return
	}
	f.expr(e.L, dst)
	op := code.JumpFalse
	if e.Op == syntax.OpOr {
		op = code.JumpTrue
	}
	end := f.emit(op, dst, 0, 0, 0, valuePos(e.L))
	f.expr(e.R, dst)
	f.emit(code.NeedBool, dst, 0, 0, 0, valuePos(e.R))
	f.patch(end)
}

// in compiles `x in c` as a call contains(c, x).
func (f *fnState) in(e *syntax.Binary, dst int) {
	f.call(syntax.NewCall(e.Pos(), "contains", e.R, e.L), dst)
	if e.Op == syntax.OpNotIn {
		f.emit(code.Unary, dst, dst, 0, int32(syntax.OpNot), e.Pos())
	}
}

// valuePos is where a condition of the wrong type is reported: a chain's place
// is its first dot or bracket, not its start.
func valuePos(e syntax.Expr) syntax.Pos {
	if c, ok := e.(*syntax.Chain); ok {
		return c.Steps[0].DotAt
	}
	return e.Pos()
}

// unless maps comparisons to the jump taken when they do not hold.
var unless = map[syntax.Op][2]code.Op{
	syntax.OpEq: {code.UnlessEq, code.UnlessEqInt}, syntax.OpNe: {code.UnlessNe, code.UnlessNeInt},
	syntax.OpLt: {code.UnlessLt, code.UnlessLtInt}, syntax.OpLe: {code.UnlessLe, code.UnlessLeInt},
	syntax.OpGt: {code.UnlessGt, code.UnlessGtInt}, syntax.OpGe: {code.UnlessGe, code.UnlessGeInt},
}

// ifFalse emits jumps taken when e is false and returns them for patching;
// control falls through when e is true.
func (f *fnState) ifFalse(e syntax.Expr) []int {
	e = folded(e)
	mark := f.next
	defer func() { f.release(mark) }()
	switch e := e.(type) {
	case *syntax.Binary:
		switch e.Op {
		case syntax.OpAnd:
			return append(f.ifFalse(e.L), f.ifFalse(e.R)...)
		case syntax.OpOr:
			yes := f.ifTrue(e.L)
			no := f.ifFalse(e.R)
			f.patch(yes...)
			return no
		}
		if ops, ok := unless[e.Op]; ok {
			return f.compareJump(e, ops)
		}
	case *syntax.Unary:
		if e.Op == syntax.OpNot && !isLiteral(e.X) {
			return f.ifTrueOf(e)
		}
	}
	r := f.operand(e)
	return []int{f.emit(code.JumpFalse, r, 0, 0, 0, valuePos(e))}
}

// ifTrueOf is ifFalse of `!x`. The operand of ! must be a bool, and the error
// when it is not is that of the operator, so only what is known to be a bool
// is compiled as one; for others the jump itself does what the operator would.
func (f *fnState) ifTrueOf(e *syntax.Unary) []int {
	if b, ok := e.X.(*syntax.Binary); ok {
		if _, compares := unless[b.Op]; compares || b.Op == syntax.OpAnd || b.Op == syntax.OpOr {
			return f.ifTrue(e.X)
		}
	}
	x := f.operand(e.X)
	return []int{f.emit(code.JumpTrue, x, 1, 0, 0, e.Pos())}
}

func isLiteral(e syntax.Expr) bool {
	switch e.(type) {
	case *syntax.UnitLit, *syntax.BoolLit, *syntax.IntLit, *syntax.FloatLit, *syntax.CharLit, *syntax.StringLit:
		return true
	}
	return false
}

// ifTrue emits jumps taken when e is true.
func (f *fnState) ifTrue(e syntax.Expr) []int {
	e = folded(e)
	mark := f.next
	defer func() { f.release(mark) }()
	if u, ok := e.(*syntax.Unary); ok && u.Op == syntax.OpNot && !isLiteral(u.X) {
		f.cost++
		x := f.operand(u.X)
		return []int{f.emit(code.JumpFalse, x, 1, 0, 0, u.Pos())}
	}
	if b, ok := e.(*syntax.Binary); ok {
		switch b.Op {
		case syntax.OpOr:
			return append(f.ifTrue(b.L), f.ifTrue(b.R)...)
		case syntax.OpAnd:
			no := f.ifFalse(b.L)
			yes := f.ifTrue(b.R)
			f.patch(no...)
			return yes
		}
		if ops, ok := unless[b.Op]; ok {
			no := f.compareJump(b, ops)
			yes := f.emit(code.Jump, 0, 0, 0, 0, b.Pos())
			f.patch(no...)
			return []int{yes}
		}
	}
	r := f.operand(e)
	return []int{f.emit(code.JumpTrue, r, 0, 0, 0, valuePos(e))}
}

func (f *fnState) compareJump(e *syntax.Binary, ops [2]code.Op) []int {
	f.cost++
	l := f.operand(e.L, e.R)
	if n, ok := immediate(e.R); ok && n == int32(int16(n)) {
		f.cost++
		return []int{f.emit(ops[1], l, int(uint16(n)&0xff), int(uint16(n)>>8), 0, e.Pos())}
	}
	r := f.operand(e.R)
	return []int{f.emit(ops[0], l, r, 0, 0, e.Pos())}
}

// closure compiles a closure and the making of its function pointer.
func (f *fnState) closure(e *syntax.Closure, dst int) {
	info := f.c.res.fns[e]
	fn := &code.Func{Name: f.c.closureName(e), Prog: f.c.prog, ThisReg: -1, Anonymous: true}
	f.c.prog.Funcs = append(f.c.prog.Funcs, fn)
	index := len(f.c.prog.Funcs) - 1
	g := f.c.newFn(fn, info, f)
	for _, cp := range e.Captures {
		fn.Captures = append(fn.Captures, f.capture(cp))
		g.declare(cp.Name, false).boxed = true
		fn.Params = append(fn.Params, cp.Name)
	}
	g.params(e, e.Params)
	g.body([]syntax.Stmt{e.Body}, e.Pos())
	f.emit(code.MakeFn, dst, 0, 0, int32(index), e.Pos())
}

func (f *fnState) capture(c syntax.Param) code.Capture {
	out := code.Capture{Name: c.Name, Far: -1, Pos: c.At}
	v := f.lookup(c.Name)
	switch {
	case f.fn.HasEval:
		out.Dynamic = true
		out.Reg, out.Mark = 255, -1
		if v != nil {
			out.Mark = int16(v.mark)
			out.Reg = uint8(v.reg)
			out.Const = v.isConst
			if v.far >= 0 {
				out.Far = int32(256 + v.far)
			}
		}
	case v == nil:
		out.Missing = true
	default:
		// A constant whose value is a literal is copied into the closure, as
		// native does when it folds constants.
		if out.Copy = v.literal; !out.Copy {
			v.boxed = true
		}
		out.Const = v.isConst
		out.Reg = uint8(v.reg)
		if v.far >= 0 {
			out.Far = int32(256 + v.far)
		}
	}
	return out
}

// closureName is the name of an anonymous function: unique in its program and
// the same each time the source is compiled.
func (c *compiler) closureName(e *syntax.Closure) string {
	c.anon++
	h := uint64(14695981039346656037)
	for _, b := range []byte(c.opts.Name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	for _, n := range []int{c.anon, int(e.Pos().Line), int(e.Pos().Col)} {
		h = (h ^ uint64(n)) * 1099511628211
	}
	const digits = "0123456789abcdef"
	name := []byte("anon$0000000000000000")
	for i := len(name) - 1; i > 4; i-- {
		name[i] = digits[h&15]
		h >>= 4
	}
	return string(name)
}
