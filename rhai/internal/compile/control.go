package compile

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// control compiles the nodes that are statements as well as expressions. dst
// receives the value, or is -1.
func (f *fnState) control(n syntax.Node, dst int) {
	f.cost++
	switch n := n.(type) {
	case *syntax.Block:
		f.block(n, dst)
	case *syntax.If:
		f.ifNode(n, dst)
	case *syntax.Switch:
		f.switchNode(n, dst)
	case *syntax.While:
		f.while(n, dst)
	case *syntax.Loop:
		f.loop(n, dst)
	case *syntax.Do:
		f.do(n, dst)
	case *syntax.For:
		f.forNode(n, dst)
	case *syntax.Break:
		f.breakNode(n)
	case *syntax.Continue:
		f.continueNode(n)
	case *syntax.Return:
		f.returnNode(n)
	case *syntax.Throw:
		f.throw(n)
	default:
		f.fail(n.Pos(), "this cannot be compiled: %T", n)
	}
}

func (f *fnState) block(b *syntax.Block, dst int) {
	f.scoped(func() { f.stmtList(b.Stmts, dst, b.End) })
}

// either compiles two alternatives and bills the dearer one.
func (f *fnState) either(first, second func()) {
	start := f.cost
	first()
	a := f.cost
	f.cost = start
	second()
	f.cost = max(f.cost, a)
}

func (f *fnState) ifNode(n *syntax.If, dst int) {
	if n.Else == nil && dst < 0 && f.leaveIf(n) {
		return
	}
	mark := f.next
	no := f.ifFalse(n.Cond)
	f.release(mark)
	f.either(func() { f.block(n.Then, dst) }, func() {
		if n.Else == nil && dst < 0 {
			f.patch(no...)
			return
		}
		end := f.emit(code.Jump, 0, 0, 0, 0, n.Pos())
		f.patch(no...)
		if n.Else == nil {
			f.unit(dst, n.Pos())
		} else {
			f.stmt(n.Else, dst)
		}
		f.patch(end)
	})
}

// leaveIf compiles `if x { break }` and `if x { continue }` as a jump out of
// the condition, and reports whether n is one of them.
func (f *fnState) leaveIf(n *syntax.If) bool {
	if len(n.Then.Stmts) != 1 || len(f.loops) == 0 || f.fn.HasEval || f.c.opts.Profile {
		return false
	}
	l := f.loops[len(f.loops)-1]
	switch s := n.Then.Stmts[0].(type) {
	case *syntax.Break:
		if s.Value != nil || l.dst >= 0 {
			return false
		}
	case *syntax.Continue:
		if l.top >= 0 {
			return false
		}
	default:
		return false
	}
	mark := f.next
	out := f.ifTrue(n.Cond)
	f.release(mark)
	f.cost++ // of the statement inside
	if _, ok := n.Then.Stmts[0].(*syntax.Break); ok {
		l.breaks = append(l.breaks, out...)
	} else {
		l.continues = append(l.continues, out...)
	}
	return true
}

// startLoop opens a loop; the value of a break goes to a temporary, since dst
// may be a variable that the body reads.
func (f *fnState) startLoop(dst, top int) *loop {
	l := &loop{dst: -1, top: top, vars: f.vars.len(), dynMark: -1}
	if dst >= 0 {
		l.dst = f.temp()
	}
	if f.fn.HasEval {
		l.dynMark = f.temp()
		f.emit(code.DynMark, l.dynMark, 0, 0, 0, syntax.Pos{})
		if top >= 0 {
			l.top = f.here()
		}
	}
	f.loops = append(f.loops, l)
	return l
}

// endLoop closes a loop where its condition or its items ended.
func (f *fnState) endLoop(l *loop, dst int, pos syntax.Pos) {
	f.loops = f.loops[:len(f.loops)-1]
	f.unit(l.dst, pos)
	f.patch(l.breaks...)
	if dst >= 0 {
		f.take(dst, l.dst, pos)
	}
}

// back emits the jump to the top of a loop that started at cost start, and
// takes the body's cost out of the function's: each turn is billed on its own.
func (f *fnState) back(top, start int, pos syntax.Pos) {
	cost := min(f.cost-start+1, 1<<16-1)
	f.emit(code.Loop, 0, cost&0xff, cost>>8, int32(top), pos)
	f.cost = start
}

func (f *fnState) while(n *syntax.While, dst int) {
	mark := f.next
	l := f.startLoop(dst, f.here())
	start := f.cost
	inner := f.next
	no := f.ifFalse(n.Cond)
	f.release(inner)
	f.block(n.Body, -1)
	f.back(l.top, start, n.Body.Pos())
	f.patch(no...)
	f.endLoop(l, dst, n.Pos())
	f.release(mark)
}

func (f *fnState) loop(n *syntax.Loop, dst int) {
	mark := f.next
	l := f.startLoop(dst, f.here())
	start := f.cost
	f.block(n.Body, -1)
	f.back(l.top, start, n.Body.Pos())
	f.endLoop(l, dst, n.Pos())
	f.release(mark)
}

func (f *fnState) do(n *syntax.Do, dst int) {
	mark := f.next
	l := f.startLoop(dst, f.here())
	start := f.cost
	f.block(n.Body, -1)
	inner := f.next
	var end []int
	if n.Until {
		end = f.ifTrue(n.Cond)
	} else {
		end = f.ifFalse(n.Cond)
	}
	f.release(inner)
	f.back(l.top, start, n.Body.Pos())
	f.patch(end...)
	f.endLoop(l, dst, n.Pos())
	f.release(mark)
}

// forNode compiles a for loop. Four registers in a row hold the item, what is
// iterated over (or the current number), the position (or the last number),
// and the counter.
func (f *fnState) forNode(n *syntax.For, dst int) {
	mark := f.next
	l := f.startLoop(dst, -1)
	item := f.temp()
	src, pos := f.temp(), f.temp()
	counter := f.temp()
	more := 1
	if n.Counter.Name != "" {
		more = 2
	}
	f.tooManyVars(more, n.Var.At)
	var prep int
	if r, ok := n.Iter.(*syntax.Binary); ok && (r.Op == syntax.OpRange || r.Op == syntax.OpRangeIncl) && !openEnded(r) {
		f.expr(r.L, src)
		f.expr(r.R, pos)
		prep = f.emit(code.ForPrepRange, item, int(bit(r.Op == syntax.OpRangeIncl)), 0, 0, r.Pos())
	} else {
		f.expr(n.Iter, src)
		prep = f.emit(code.ForPrep, item, 0, 0, 0, n.Iter.Pos())
	}
	if n.Counter.Name != "" {
		f.emit(code.LoadInt, counter, 0, 0, -1, n.Pos())
	}
	if len(n.Body.Stmts) == 0 {
		// Nothing can come of it: only what is iterated over gets checked.
		f.patch(prep)
		f.endLoop(l, dst, n.Pos())
		f.release(mark)
		return
	}
	itemVar, counterVar := f.loopCell(n, 0, item), f.loopCell(n, 1, counter)
	start := f.cost
	vars := f.vars.len()
	enter := f.emit(code.Jump, 0, 0, 0, 0, n.Pos())
	top := f.here()
	f.loopVar(n, n.Var.Name, item, itemVar)
	if n.Counter.Name != "" {
		f.emit(code.AddInt, counter, counter, 0, 1, n.Pos())
		f.loopVar(n, n.Counter.Name, counter, counterVar)
	}
	l.vars = vars
	f.block(n.Body, -1)
	f.patch(l.continues...)
	f.patch(enter)
	cost := min(f.cost-start+1, 1<<16-1)
	f.cost = start
	// A prepared range steps by ForInt, everything else by ForNext.
	op := code.ForNext
	if f.fn.Code[prep].Op() == code.ForPrepRange {
		op = code.ForInt
	}
	f.emit(op, item, cost&0xff, cost>>8, int32(top), n.Iter.Pos())
	f.vars.cut(vars)
	f.patch(prep)
	f.endLoop(l, dst, n.Pos())
	f.release(mark)
}

// loopCell gives the register of a loop variable. It is the step's own
// register unless closures capture the variable: then it is one of its own,
// fresh when the loop starts, since all turns share one variable.
func (f *fnState) loopCell(n *syntax.For, which, step int) int {
	if !f.c.res.captured[declKey{n, which}] {
		return step
	}
	r := f.temp()
	f.unit(r, n.Pos())
	return r
}

func (f *fnState) loopVar(n *syntax.For, name string, step, reg int) {
	if step == reg {
		f.declareAt(name, reg, false, false)
		f.markDyn()
		return
	}
	mark := f.next
	t := f.temp()
	f.emit(code.Move, t, step, 0, 0, n.Pos())
	f.emit(code.StoreVar, reg, t, 0, 0, n.Pos())
	f.release(mark)
	f.declareAt(name, reg, false, true)
	f.markDyn()
}

func openEnded(r *syntax.Binary) bool {
	_, l := r.L.(*syntax.UnitLit)
	_, rr := r.R.(*syntax.UnitLit)
	return l || rr
}

func (f *fnState) breakNode(n *syntax.Break) {
	l := f.loops[len(f.loops)-1]
	if n.Value != nil {
		mark := f.next
		t := f.temp()
		f.expr(n.Value, t)
		if l.dst >= 0 {
			f.take(l.dst, t, n.Pos())
		}
		f.release(mark)
	} else {
		f.unit(l.dst, n.Pos())
	}
	f.leaveLoop(l, n.Pos())
	l.breaks = append(l.breaks, f.emit(code.Jump, 0, 0, 0, 0, n.Pos()))
}

func (f *fnState) leaveLoop(l *loop, pos syntax.Pos) {
	if l.dynMark >= 0 {
		f.emit(code.DynTrim, l.dynMark, 0, 0, 0, pos)
	}
}

func (f *fnState) continueNode(n *syntax.Continue) {
	l := f.loops[len(f.loops)-1]
	f.leaveLoop(l, n.Pos())
	if l.top >= 0 {
		f.emit(code.Loop, 0, 1, 0, int32(l.top), n.Pos())
		return
	}
	l.continues = append(l.continues, f.emit(code.Jump, 0, 0, 0, 0, n.Pos()))
}

func (f *fnState) returnNode(n *syntax.Return) {
	mark := f.next
	t := f.temp()
	if n.Value != nil {
		f.expr(n.Value, t)
	} else {
		f.unit(t, n.Pos())
	}
	f.emit(code.Return, t, 0, 0, 0, n.Pos())
	f.release(mark)
}

func (f *fnState) throw(n *syntax.Throw) {
	mark := f.next
	defer f.release(mark)
	if n.Value == nil {
		if len(f.catch) > 0 {
			f.emit(code.Rethrow, f.catch[len(f.catch)-1], 0, 0, 0, n.Pos())
			return
		}
		t := f.temp()
		f.unit(t, n.Pos())
		f.emit(code.Throw, t, 0, 0, 0, n.Pos())
		return
	}
	t := f.temp()
	f.expr(n.Value, t)
	if len(f.catch) > 0 {
		f.emit(code.Rethrow, f.catch[len(f.catch)-1], 1, t, 0, n.Pos())
		return
	}
	f.emit(code.Throw, t, 0, 0, 0, n.Pos())
}
