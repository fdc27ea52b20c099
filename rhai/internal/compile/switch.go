package compile

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// arm is the code of one case body: jumps that lead to it, before and after
// its place is known.
type arm struct {
	jumps []int
	keys  []code.SwitchKey // keys whose table entry is this arm
}

// switchNode compiles a switch: a table from value to arm, stubs that try
// guards, the ranges in order, then the default.
func (f *fnState) switchNode(n *syntax.Switch, dst int) {
	mark := f.next
	v := f.temp()
	f.expr(n.Value, v)
	f.c.prog.Tables = append(f.c.prog.Tables, code.SwitchTable{Exact: map[code.SwitchKey]int32{}})
	ti := len(f.c.prog.Tables) - 1
	f.emit(code.Switch, v, 0, 0, int32(ti), n.Pos())

	arms := make([]arm, len(n.Cases))
	toRanges := f.exactStubs(n, ti, arms)
	f.patch(toRanges...)
	f.c.prog.Tables[ti].Other = int32(f.here())
	f.rangeTests(n, v, arms)
	// Nothing matched.
	if n.Default >= 0 {
		arms[n.Default].jumps = append(arms[n.Default].jumps, f.emit(code.Jump, 0, 0, 0, 0, n.Pos()))
	} else {
		f.unit(dst, n.Pos())
	}
	var ends []int
	if n.Default < 0 {
		ends = append(ends, f.emit(code.Jump, 0, 0, 0, 0, n.Pos()))
	}
	ends = append(ends, f.armBodies(n, ti, arms, dst)...)
	f.patch(ends...)
	f.denseTable(ti)
	f.release(mark)
}

// exactStubs fills the table and emits, for keys with guards, the code that
// tries them. It returns the jumps taken when all guards of a key fail.
func (f *fnState) exactStubs(n *syntax.Switch, ti int, arms []arm) (toRanges []int) {
	var order []code.SwitchKey
	cases := map[code.SwitchKey][]int{}
	for i, c := range n.Cases {
		for _, x := range c.Values {
			if _, isRange := x.(*syntax.Binary); isRange {
				continue
			}
			if !hasKey(x) {
				continue // a function pointer: equal to nothing
			}
			k, ok := code.KeyOf(literal(x))
			if !ok {
				f.fail(x.Pos(), "this value cannot be the case of a switch")
				continue
			}
			if _, seen := cases[k]; !seen {
				order = append(order, k)
			}
			cases[k] = append(cases[k], i)
		}
	}
	for _, k := range order {
		list := cases[k]
		if n.Cases[list[0]].Guard == nil {
			arms[list[0]].keys = append(arms[list[0]].keys, k)
			continue
		}
		f.c.prog.Tables[ti].Exact[k] = int32(f.here())
		toRanges = append(toRanges, f.guards(n, list, arms)...)
	}
	return toRanges
}

// guards tries the cases in list in order.
func (f *fnState) guards(n *syntax.Switch, list []int, arms []arm) (none []int) {
	for _, i := range list {
		no := f.guard(n.Cases[i].Guard)
		arms[i].jumps = append(arms[i].jumps, f.emit(code.Jump, 0, 0, 0, 0, n.Cases[i].At))
		if n.Cases[i].Guard == nil {
			return nil
		}
		f.patch(no...)
	}
	return []int{f.emit(code.Jump, 0, 0, 0, 0, n.Pos())}
}

func (f *fnState) guard(g syntax.Expr) []int {
	if g == nil {
		return nil
	}
	mark := f.next
	defer f.release(mark)
	return f.ifFalse(g)
}

func (f *fnState) rangeTests(n *syntax.Switch, v int, arms []arm) {
	for i, c := range n.Cases {
		for _, x := range c.Values {
			r, ok := x.(*syntax.Binary)
			if !ok {
				continue
			}
			lo, _ := r.L.(*syntax.IntLit)
			hi, _ := r.R.(*syntax.IntLit)
			if lo == nil || hi == nil {
				f.fail(r.Pos(), "a range in a switch needs two integer literals")
				continue
			}
			test := f.emit(code.InRange, v, int(bit(r.Op == syntax.OpRangeIncl)), 0, 0, r.Pos())
			f.emit(code.Nop, 0, 0, 0, f.constant(value.Int(lo.Value)), r.Pos())
			f.emit(code.Nop, 0, 0, 0, f.constant(value.Int(hi.Value)), r.Pos())
			no := append(f.guard(c.Guard), test)
			arms[i].jumps = append(arms[i].jumps, f.emit(code.Jump, 0, 0, 0, 0, c.At))
			f.patch(no...)
		}
	}
}

// armBodies emits the bodies and returns the jumps that leave the switch.
func (f *fnState) armBodies(n *syntax.Switch, ti int, arms []arm, dst int) (ends []int) {
	start, dearest := f.cost, f.cost
	for i, c := range n.Cases {
		f.patch(arms[i].jumps...)
		for _, k := range arms[i].keys {
			f.c.prog.Tables[ti].Exact[k] = int32(f.here())
		}
		f.cost = start
		f.scoped(func() { f.armBody(c.Body, dst) })
		dearest = max(dearest, f.cost)
		ends = append(ends, f.emit(code.Jump, 0, 0, 0, 0, c.At))
	}
	f.cost = dearest
	return ends
}

// armBody compiles what an arm does. Its value counts as used even when that of
// the switch is not: a variable that does not exist is missed.
func (f *fnState) armBody(s syntax.Stmt, dst int) {
	if id := lastName(s); dst < 0 && id != nil && f.lookup(id.Name) == nil {
		mark := f.next
		f.stmt(s, f.temp())
		f.release(mark)
		return
	}
	f.stmt(s, dst)
}

// lastName is the name that a statement ends with, if it does.
func lastName(s syntax.Stmt) *syntax.Ident {
	switch s := s.(type) {
	case *syntax.ExprStmt:
		id, _ := s.X.(*syntax.Ident)
		return id
	case *syntax.Block:
		if n := len(s.Stmts); n > 0 {
			return lastName(s.Stmts[n-1])
		}
	}
	return nil
}

// maxDense is the largest span of integers for which a table is made.
const maxDense = 1024

// denseTable finishes a table: it adds an array for the integers when they are
// close together, and notes what needs no look-up at all.
func (f *fnState) denseTable(ti int) {
	t := &f.c.prog.Tables[ti]
	for k := range t.Exact {
		if k.Kind == value.KString {
			t.Longest = max(t.Longest, len(k.Text))
		}
	}
	lo, hi, n := int64(0), int64(0), 0
	for k := range t.Exact {
		if k.Kind != value.KInt {
			continue
		}
		i := int64(k.Bits)
		if n == 0 {
			lo, hi = i, i
		}
		lo, hi = min(lo, i), max(hi, i)
		n++
	}
	if n < 2 || uint64(hi)-uint64(lo) >= maxDense {
		return
	}
	t.Base, t.Ints = lo, make([]int32, hi-lo+1)
	for k, at := range t.Exact {
		if k.Kind == value.KInt {
			t.Ints[int64(k.Bits)-lo] = at
		}
	}
}

func hasKey(e syntax.Expr) bool {
	switch e.(type) {
	case *syntax.Call, *syntax.Closure:
		return false
	}
	return true
}

// literal is the value of a constant expression.
func literal(e syntax.Expr) value.Value {
	var h value.Heap
	switch e := e.(type) {
	case *syntax.BoolLit:
		return value.Bool(e.Value)
	case *syntax.IntLit:
		return value.Int(e.Value)
	case *syntax.FloatLit:
		return value.Float(e.Value)
	case *syntax.CharLit:
		return value.Char(e.Value)
	case *syntax.StringLit:
		return value.Static(e.Value)
	case *syntax.ArrayLit:
		var elems []value.Value
		for _, x := range e.Elems {
			elems = append(elems, literal(x))
		}
		return h.NewArray(elems)
	case *syntax.MapLit:
		m := h.NewMap()
		for _, x := range e.Entries {
			// A heap without a limit never refuses.
			_ = m.Map().Set(&h, x.Key, literal(x.Value))
		}
		return m
	}
	return value.Unit
}
