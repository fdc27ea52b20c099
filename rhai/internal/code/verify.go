package code

import (
	"fmt"

	"github.com/picloud/picloud/rhai/internal/value"
)

// Verify checks what the machine relies on without looking: that registers are
// the function's own, that jumps lead to instructions, that indices are inside
// their tables, and that control cannot run off the end. It is for tests: the
// compiler's output is correct or the compiler is wrong.
func Verify(p *Program) error {
	if p.Main == nil {
		return fmt.Errorf("the program has no main function")
	}
	fns := append([]*Func{p.Main}, p.Funcs...)
	for i := range p.Scopes {
		if err := verifyScope(&p.Scopes[i]); err != nil {
			return fmt.Errorf("scope %d: %w", i, err)
		}
	}
	for _, fn := range fns {
		v := verifier{p: p, fn: fn}
		if fn.Prog != p {
			v.p = fn.Prog // a function of the program that a chunk extends
		}
		if err := v.function(); err != nil {
			return fmt.Errorf("function %q: %w", fn.Name, err)
		}
	}
	return nil
}

func verifyScope(s *Scope) error {
	if s.Fn == nil {
		return fmt.Errorf("it belongs to no function")
	}
	n := 0
	for v := s.Last; v != nil; v = v.Outer {
		n++
		if v.Far < 0 && int(v.Reg) >= s.NRegs {
			return fmt.Errorf("variable %q is in register %d of %d", v.Name, v.Reg, s.NRegs)
		}
	}
	if n != s.Len {
		return fmt.Errorf("it has %d variables, not %d", n, s.Len)
	}
	return nil
}

// operands says what an instruction's fields are. A letter of regs stands for
// A, B and C: r a register, o a register or 255, - anything.
type operands struct {
	regs string
	d    wide
	ends bool // control does not go on to the next instruction
}

// wide is what the field D is.
type wide uint8

const (
	dNone wide = iota
	dJump
	dConst
	dSite
	dPath
	dFunc
	dTable
	dShape
	dScope
	dError
	dFar
	dBracket // a distance, or the complement of an index of Paths
	dCount   // number of registers from A on
	dCountB  // number of registers from B on
	dMaybe   // an index of Consts, or -1
)

var layout = [opCount]operands{
	Nop: {regs: "---"}, Move: {regs: "rr-"}, Take: {regs: "rr-"}, LoadK: {regs: "r--", d: dConst}, LoadInt: {regs: "r--"}, Load: {regs: "r--"},
	Add: {regs: "rrr"}, Sub: {regs: "rrr"}, Mul: {regs: "rrr"}, Div: {regs: "rrr"}, Mod: {regs: "rrr"},
	AddInt: {regs: "rr-"}, SubInt: {regs: "rr-"}, MulInt: {regs: "rr-"}, ModInt: {regs: "rr-"},
	Eq: {regs: "rrr"}, Ne: {regs: "rrr"}, Lt: {regs: "rrr"}, Le: {regs: "rrr"}, Gt: {regs: "rrr"}, Ge: {regs: "rrr"},
	Jump: {regs: "---", d: dJump, ends: true}, Loop: {regs: "---", d: dJump, ends: true},
	JumpFalse: {regs: "r--", d: dJump}, JumpTrue: {regs: "r--", d: dJump},
	UnlessEq: {regs: "rr-", d: dJump}, UnlessNe: {regs: "rr-", d: dJump}, UnlessLt: {regs: "rr-", d: dJump},
	UnlessLe: {regs: "rr-", d: dJump}, UnlessGt: {regs: "rr-", d: dJump}, UnlessGe: {regs: "rr-", d: dJump},
	UnlessEqInt: {regs: "r--", d: dJump}, UnlessNeInt: {regs: "r--", d: dJump}, UnlessLtInt: {regs: "r--", d: dJump},
	UnlessLeInt: {regs: "r--", d: dJump}, UnlessGtInt: {regs: "r--", d: dJump}, UnlessGeInt: {regs: "r--", d: dJump},
	ForInt: {regs: "r--", d: dJump}, ForNext: {regs: "r--", d: dJump},
	Index: {regs: "rrr", d: dBracket}, Borrow: {regs: "rrr", d: dBracket}, SetIndex: {regs: "rrr", d: dBracket},
	GetProp: {regs: "rr-", d: dSite}, SetProp: {regs: "r-r", d: dSite},
	Call: {regs: "r--", d: dFunc}, CallEarly: {regs: "r--", d: dFunc}, Return: {regs: "r--", ends: true}, Method: {regs: "rr-", d: dSite}, Native: {regs: "rr-", d: dSite},
	LoadVar: {regs: "rr-"}, StoreVar: {regs: "rr-"},
	Binary: {regs: "rrr"}, Assign: {regs: "rr-"}, AssignVar: {regs: "rr-"}, Unary: {regs: "rr-"}, NeedBool: {regs: "r--"},
	JumpUnit: {regs: "r--", d: dJump}, JumpNotUnit: {regs: "r--", d: dJump},
	MakeArray: {regs: "r--", d: dCount}, PushArray: {regs: "rr-", d: dCountB}, MakeMap: {regs: "r--", d: dShape}, SetKey: {regs: "rr-", d: dConst},
	Concat: {regs: "r--", d: dCount}, MakeRange: {regs: "rrr"}, MakeFn: {regs: "r--", d: dFunc}, Cell: {regs: "r--"},
	This: {regs: "r--"}, SetThis: {regs: "r--"}, NeedThis: {regs: "---"},
	ForPrep: {regs: "r--", d: dJump}, ForPrepRange: {regs: "r--", d: dJump}, Switch: {regs: "r--", d: dTable, ends: true}, InRange: {regs: "r--", d: dJump},
	PathSet: {regs: "r--", d: dPath}, PathCall: {regs: "r--", d: dPath}, IsCell: {regs: "rr-"},
	Throw: {regs: "r--", ends: true}, Rethrow: {regs: "r--", ends: true}, Catch: {regs: "r--"}, Fail: {regs: "---", d: dError, ends: true},
	Far: {regs: "r--", d: dFar}, SetFar: {regs: "r--", d: dFar}, Global: {regs: "r--", d: dConst}, SetGlobal: {regs: "r--", d: dConst},
	ModVar: {regs: "ro-", d: dSite}, ModCall: {regs: "ro-", d: dSite}, Import: {regs: "r--", d: dMaybe}, Export: {regs: "r--", d: dConst},
	CallFn: {regs: "r--"}, Curry: {regs: "r--"}, NewFn: {regs: "r--"},
	Eval: {regs: "r--", d: dScope}, Bang: {regs: "r--", d: dScope}, IsDefVar: {regs: "r--", d: dScope}, IsDefFn: {regs: "r--"},
	TypeOf: {regs: "rr-"}, Print: {regs: "rr-"}, Debug: {regs: "rr-"}, Exit: {regs: "r--", ends: true},
	DynLoad: {regs: "ro-", d: dConst}, DynStore: {regs: "ro-", d: dConst}, DynDeclare: {regs: "r--", d: dConst},
	DynMark: {regs: "r--"}, DynTrim: {regs: "r--"}, DynReset: {regs: "---"},
	FnMeta: {regs: "r--"},
}

// verifier checks one function.
type verifier struct {
	p    *Program
	fn   *Func
	pc   int
	word []bool // by instruction: an operand of the one before, not to be run
}

func (v *verifier) function() error {
	fn := v.fn
	if len(fn.Pos) != len(fn.Code) {
		return fmt.Errorf("%d positions for %d instructions", len(fn.Pos), len(fn.Code))
	}
	if len(fn.Params) > fn.NRegs || fn.ThisReg >= fn.NRegs {
		return fmt.Errorf("%d registers do not hold the parameters and this", fn.NRegs)
	}
	v.word = make([]bool, len(fn.Code))
	for pc := range fn.Code {
		for i := range words(fn.Code[pc].Op()) {
			if pc+1+i >= len(fn.Code) {
				return fmt.Errorf("%d: the operands of %s are missing", pc, fn.Code[pc].Op())
			}
			v.word[pc+1+i] = true
		}
	}
	for pc := range fn.Code {
		if v.word[pc] {
			continue
		}
		v.pc = pc
		if err := v.instr(fn.Code[pc]); err != nil {
			return fmt.Errorf("%d: %s: %w", pc, fn.Code[pc].Op(), err)
		}
	}
	if err := v.tries(); err != nil {
		return err
	}
	return v.reach()
}

// words is the number of instructions after op that are its operands.
func words(op Op) int {
	switch op {
	case InRange:
		return 2
	case DynLoad, DynStore:
		return 1
	}
	return 0
}

func (v *verifier) instr(in Instr) error {
	if in.Op() >= opCount || layout[in.Op()].regs == "" {
		return fmt.Errorf("there is no such instruction")
	}
	for i, r := range [3]uint8{in.A(), in.B(), in.C()} {
		switch layout[in.Op()].regs[i] {
		case 'o':
			if r == 255 {
				continue
			}
			fallthrough
		case 'r':
			if err := v.reg(int(r), 1); err != nil {
				return err
			}
		}
	}
	if err := v.wide(in, layout[in.Op()].d); err != nil {
		return err
	}
	return v.window(in)
}

// reg checks a run of n registers.
func (v *verifier) reg(first, n int) error {
	if n < 0 || first+n > min(v.fn.NRegs, 256) {
		return fmt.Errorf("registers %d to %d of %d", first, first+n-1, v.fn.NRegs)
	}
	return nil
}

func inside(what string, i int32, n int) error {
	if i < 0 || int(i) >= n {
		return fmt.Errorf("%s %d of %d", what, i, n)
	}
	return nil
}

func (v *verifier) wide(in Instr, d wide) error {
	switch d {
	case dJump:
		return v.target(in.D())
	case dConst:
		return inside("constant", in.D(), len(v.fn.Consts))
	case dMaybe:
		if in.D() != -1 {
			return inside("constant", in.D(), len(v.fn.Consts))
		}
	case dSite:
		return inside("site", in.D(), len(v.p.Sites))
	case dPath:
		return v.path(in.D())
	case dFunc:
		return inside("function", in.D(), len(v.p.Funcs))
	case dTable:
		return v.table(in.D())
	case dShape:
		if err := inside("shape", in.D(), len(v.p.Shapes)); err != nil {
			return err
		}
		return v.reg(int(in.A()), len(v.p.Shapes[in.D()]))
	case dScope:
		return inside("scope", in.D(), len(v.p.Scopes))
	case dError:
		return inside("error", in.D(), len(v.p.Errors))
	case dFar:
		if in.D() < 256 || int(in.D()) >= v.fn.NRegs {
			return fmt.Errorf("far local %d of %d", in.D(), v.fn.NRegs)
		}
	case dBracket:
		if in.D() < 0 {
			return inside("path", -in.D()-1, len(v.p.Paths))
		}
	case dCount:
		return v.reg(int(in.A()), int(in.D()))
	case dCountB:
		return v.reg(int(in.B()), int(in.D()))
	}
	return nil
}

// window checks the registers that an instruction uses besides its operands.
func (v *verifier) window(in Instr) error {
	first, n := int(in.A()), 1
	switch in.Op() {
	case Call, CallFn, Curry, IsDefFn, FnMeta:
		n = int(in.B())
	case Bang:
		n = int(in.B()) + int(in.C())
	case Method, Native:
		n = v.p.Sites[in.D()].NArgs
	case PathCall:
		site := v.p.Paths[in.D()].Site
		if err := inside("site", site, len(v.p.Sites)); err != nil {
			return err
		}
		n = v.p.Sites[site].NArgs
	case ModCall:
		n = int(in.C())
	case ForInt, ForNext, ForPrep, ForPrepRange:
		n = 3
	case Catch:
		n = 2
	case Rethrow:
		n = 2
		if in.B() == 1 {
			if err := v.reg(int(in.C()), 1); err != nil {
				return err
			}
		}
	case InRange:
		for _, w := range v.fn.Code[v.pc+1 : v.pc+3] {
			if err := inside("constant", w.D(), len(v.fn.Consts)); err != nil {
				return err
			}
			if !v.fn.Consts[w.D()].Is(value.KInt) {
				return fmt.Errorf("the end of a range is no integer")
			}
		}
	case DynLoad, DynStore:
		if m := v.fn.Code[v.pc+1].A(); m != 255 {
			first = int(m)
		}
	case This, SetThis, NeedThis:
		if v.fn.ThisReg >= v.fn.NRegs {
			return fmt.Errorf("`this` has no register")
		}
	case MakeFn:
		return v.captures(v.p.Funcs[in.D()])
	}
	return v.reg(first, n)
}

func (v *verifier) captures(fn *Func) error {
	if len(fn.Params) < len(fn.Captures) {
		return fmt.Errorf("%d captures for %d parameters", len(fn.Captures), len(fn.Params))
	}
	for _, c := range fn.Captures {
		switch {
		case c.Missing, c.Dynamic && c.Reg == 255:
		case c.Far >= 0:
			if int(c.Far) >= v.fn.NRegs {
				return fmt.Errorf("captured %q is far local %d of %d", c.Name, c.Far, v.fn.NRegs)
			}
		default:
			if err := v.reg(int(c.Reg), 1); err != nil {
				return fmt.Errorf("captured %q: %w", c.Name, err)
			}
		}
		if c.Dynamic && c.Mark >= 0 {
			if err := v.reg(int(c.Mark), 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) path(i int32) error {
	if err := inside("path", i, len(v.p.Paths)); err != nil {
		return err
	}
	p := &v.p.Paths[i]
	if len(p.Steps) == 0 {
		return fmt.Errorf("path %d has no steps", i)
	}
	if err := v.reg(int(p.Reg), 1); err != nil {
		return err
	}
	for _, s := range p.Steps {
		var err error
		if s.Prop {
			err = inside("site", s.Site, len(v.p.Sites))
		} else {
			err = v.reg(int(s.Reg), 1)
		}
		if err != nil {
			return fmt.Errorf("path %d: %w", i, err)
		}
	}
	return nil
}

func (v *verifier) table(i int32) error {
	if err := inside("table", i, len(v.p.Tables)); err != nil {
		return err
	}
	for _, to := range v.p.Tables[i].targets() {
		if err := v.target(to); err != nil {
			return err
		}
	}
	return nil
}

// targets lists where a switch may lead.
func (t *SwitchTable) targets() []int32 {
	list := []int32{t.Other}
	for _, to := range t.Exact {
		list = append(list, to)
	}
	for _, to := range t.Ints {
		if to != 0 {
			list = append(list, to)
		}
	}
	return list
}

func (v *verifier) target(to int32) error {
	if err := inside("jump to", to, len(v.fn.Code)); err != nil {
		return err
	}
	if v.word[to] {
		return fmt.Errorf("jump to %d, which is an operand", to)
	}
	return nil
}

func (v *verifier) tries() error {
	end := int32(0)
	for i, t := range v.fn.Tries {
		if t.From > t.To || t.To < end || int(t.To) > len(v.fn.Code) {
			return fmt.Errorf("protected range %d is %d to %d", i, t.From, t.To)
		}
		end = t.To
		if t.Outer != -1 && (int(t.Outer) <= i || int(t.Outer) >= len(v.fn.Tries)) {
			return fmt.Errorf("protected range %d is inside %d", i, t.Outer)
		}
		if t.Outer != -1 {
			if o := v.fn.Tries[t.Outer]; o.From > t.From || o.To < t.To {
				return fmt.Errorf("protected range %d is not inside %d", i, t.Outer)
			}
		}
		if err := v.target(t.Handler); err != nil {
			return fmt.Errorf("handler %d: %w", i, err)
		}
		if err := v.reg(int(t.Reg), 2); err != nil {
			return fmt.Errorf("handler %d: %w", i, err)
		}
	}
	return nil
}

// reach follows control from the start and from every handler, and fails when
// it leaves the code other than by an instruction that ends.
func (v *verifier) reach() error {
	seen := make([]bool, len(v.fn.Code))
	todo := []int32{0}
	for _, t := range v.fn.Tries {
		todo = append(todo, t.Handler)
	}
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if int(pc) >= len(v.fn.Code) {
			return fmt.Errorf("control runs off the end")
		}
		if seen[pc] {
			continue
		}
		seen[pc] = true
		in := v.fn.Code[pc]
		switch layout[in.Op()].d {
		case dJump:
			todo = append(todo, in.D())
		case dTable:
			todo = append(todo, v.p.Tables[in.D()].targets()...)
		}
		if !layout[in.Op()].ends {
			todo = append(todo, pc+1+int32(words(in.Op())))
		}
	}
	return nil
}

// Listing shows a function's code, one instruction a line.
func (fn *Func) Listing() string {
	var b []byte
	for pc, in := range fn.Code {
		b = fmt.Appendf(b, "%5d %-12s %3d %3d %3d %6d\n", pc, in.Op(), in.A(), in.B(), in.C(), in.D())
	}
	return string(b)
}
