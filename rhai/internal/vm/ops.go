package vm

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// operators maps hot operations back to what the script wrote.
var operators = [...]syntax.Op{
	code.Add: syntax.OpAdd, code.Sub: syntax.OpSub, code.Mul: syntax.OpMul, code.Div: syntax.OpDiv, code.Mod: syntax.OpMod,
	code.AddInt: syntax.OpAdd, code.SubInt: syntax.OpSub, code.MulInt: syntax.OpMul, code.ModInt: syntax.OpMod,
	code.Eq: syntax.OpEq, code.Ne: syntax.OpNe, code.Lt: syntax.OpLt, code.Le: syntax.OpLe, code.Gt: syntax.OpGt, code.Ge: syntax.OpGe,
	code.UnlessEq: syntax.OpEq, code.UnlessNe: syntax.OpNe, code.UnlessLt: syntax.OpLt,
	code.UnlessLe: syntax.OpLe, code.UnlessGt: syntax.OpGt, code.UnlessGe: syntax.OpGe,
	code.UnlessEqInt: syntax.OpEq, code.UnlessNeInt: syntax.OpNe, code.UnlessLtInt: syntax.OpLt,
	code.UnlessLeInt: syntax.OpLe, code.UnlessGtInt: syntax.OpGt, code.UnlessGeInt: syntax.OpGe,
}

// plain gives the value behind a register for reading: the content of a cell
// that is not in use, a scalar without its tag.
func (vm *VM) plain(v value.Value) (value.Value, bool) {
	if v.Ref != nil && v.Ref.Kind >= value.KCell {
		if v.Ref.Kind == value.KCell && v.Ref.Flags&value.Locked != 0 {
			return v, vm.fail(dataRace())
		}
		return v.Plain(), true
	}
	return v, true
}

func dataRace() *value.Error {
	return value.Errorf(value.ErrDataRace, "the variable is in use: a method that is still running on it called this code")
}

func storeRefused(f value.Flags) *value.Error {
	if f&value.Locked != 0 {
		return dataRace()
	}
	return compile.AssignConst("variable")
}

// arith is the general form of the three-register arithmetic operations.
func (vm *VM) arith(in code.Instr, regs *[256]value.Value) status {
	if in.D() != 1 && in.Op() == code.Add {
		b, c := open(&regs[in.B()]), open(&regs[in.C()])
		if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
			x, y := int64(b.Bits), int64(c.Bits)
			if z := x + y; (x^z)&(y^z) >= 0 {
				regs[in.A()].SetInt(z)
				return next
			}
		}
	}
	op := operators[in.Op()]
	if in.D() == 1 {
		return vm.done(vm.assign(op, &regs[in.A()], regs[in.C()]))
	}
	return vm.done(vm.binary(op, &regs[in.A()], regs[in.B()], regs[in.C()]))
}

// open is the place that *p stands for: that of a captured variable which is
// not in use, or p.
func open(p *value.Value) *value.Value {
	if p.Ref != nil && p.Ref.Kind == value.KCell && p.Ref.Flags&value.Locked == 0 {
		return &p.Cell().V
	}
	return p
}

func (vm *VM) arithInt(in code.Instr, regs *[256]value.Value) status {
	op := operators[in.Op()]
	if in.C() == 1 {
		return vm.done(vm.assign(op, &regs[in.A()], value.Int(int64(in.D()))))
	}
	return vm.done(vm.binary(op, &regs[in.A()], regs[in.B()], value.Int(int64(in.D()))))
}

// compareJump is the general form of the comparisons that jump.
func (vm *VM) compareJump(in code.Instr, regs *[256]value.Value) status {
	var ok bool
	if in.Op() >= code.UnlessEqInt {
		n := value.Int(immediate(in))
		ok = vm.compare(in, &regs[in.A()], &n)
	} else {
		ok = vm.compare(in, &regs[in.A()], &regs[in.B()])
	}
	if ok {
		return next
	}
	if vm.err != nil {
		return failed
	}
	vm.pc = int(in.D())
	return next
}

// truthJump is the general form of JumpFalse and JumpTrue.
func (vm *VM) truthJump(in code.Instr, regs *[256]value.Value) status {
	x := &regs[in.A()]
	if in.B() == 1 {
		// The operand of a `!`, which is not a plain bool.
		var not value.Value
		if !vm.unary(syntax.OpNot, *x, &not) {
			return failed
		}
		x = &not
	}
	yes, ok := vm.truth(x)
	if !ok {
		return failed
	}
	if yes != (in.B() == 1) == (in.Op() == code.JumpTrue) {
		vm.pc = int(in.D())
	}
	return next
}

// compare evaluates a comparison for a jump. It returns false with vm.err set
// when the comparison failed.
func (vm *VM) compare(in code.Instr, a, b *value.Value) bool {
	var out value.Value
	if !vm.binary(operators[in.Op()], &out, *a, *b) {
		return false
	}
	if out.IsBool() {
		return out.Bool()
	}
	vm.err = value.Mismatch("bool", out.TypeName())
	return false
}

// binary computes a op b into *dst.
func (vm *VM) binary(op syntax.Op, dst *value.Value, a, b value.Value) bool {
	var ok bool
	if a, ok = vm.plain(a); !ok {
		return false
	}
	if b, ok = vm.plain(b); !ok {
		return false
	}
	if a.Is(value.KObject) || b.Is(value.KObject) {
		if ok, done := vm.objectOperator(op, dst, a, b); done {
			return ok
		}
	}
	v, err := value.Binary(&vm.Heap, vm, op, a, b)
	if err == nil {
		*dst = v
		return true
	}
	if err == value.ErrNoOperator {
		return vm.operator(op, dst, a, b)
	}
	vm.failErr(err)
	return false
}

// objectOperator tries the embedder's overloads where one side is a value of its
// own: they go before what strings do with everything. It is a function of its
// own so that only here the operands are moved to the heap.
//
//go:noinline
func (vm *VM) objectOperator(op syntax.Op, dst *value.Value, a, b value.Value) (ok, done bool) {
	rest := [1]value.Value{b}
	f := vm.overload(vm.cfg.Registry.Find(op.String(), 2), &a, rest[:])
	if f == nil || f.Call == nil {
		return false, false
	}
	return vm.invoke(f, &a, rest[:], dst), true
}

// operator tries the embedder's overloads of an operator.
func (vm *VM) operator(op syntax.Op, dst *value.Value, a, b value.Value) bool {
	for _, f := range vm.cfg.Registry.Find(op.String(), 2) {
		rest := [1]value.Value{b}
		if f.Call != nil && f.Accepts(&a, rest[:]) {
			return vm.invoke(f, &a, rest[:], dst)
		}
	}
	return vm.fail(vm.notFound(op.String(), a, b))
}

// assign computes *dst op= b; dst may be a cell.
func (vm *VM) assign(op syntax.Op, dst *value.Value, b value.Value) bool {
	dst, ok := vm.target(dst)
	if !ok {
		return false
	}
	if b, ok = vm.plain(b); !ok {
		return false
	}
	if dst.Is(value.KObject) || b.Is(value.KObject) {
		if ok, done := vm.objectOperator(op, dst, *dst, b); done {
			return ok
		}
	}
	err := value.Assign(&vm.Heap, vm, op, dst, b)
	if err == value.ErrNoOperator {
		if f := vm.assignOperator(op, dst, b); f {
			return true
		}
		if vm.err == nil {
			vm.err = vm.notFound(op.String(), *dst, b)
		}
		return false
	}
	if err != nil {
		return vm.failErr(err)
	}
	// As in native, appending one array to another is not checked until the
	// next call on it.
	if vm.cfg.Limits.Sizes != (value.Sizes{}) && !(dst.Is(value.KArray) && b.Is(value.KArray)) {
		return vm.sized(*dst)
	}
	return true
}

func (vm *VM) assignOperator(op syntax.Op, dst *value.Value, b value.Value) bool {
	rest := [1]value.Value{b}
	for _, f := range vm.cfg.Registry.Find(op.String()+"=", 2) {
		if f.Call != nil && f.Accepts(dst, rest[:]) {
			var out value.Value
			return vm.invoke(f, dst, rest[:], &out)
		}
	}
	for _, f := range vm.cfg.Registry.Find(op.String(), 2) {
		if f.Call != nil && f.Accepts(dst, rest[:]) {
			return vm.invoke(f, dst, rest[:], dst)
		}
	}
	return false
}

// target is the place behind a register for writing.
func (vm *VM) target(p *value.Value) (*value.Value, bool) {
	if p.Ref != nil && p.Ref.Kind == value.KCell {
		if f := p.Ref.Flags; f&(value.Locked|value.Const) != 0 {
			return nil, vm.fail(storeRefused(f))
		}
		return &p.Cell().V, true
	}
	return p, true
}

// sized checks a value against the size limits.
func (vm *VM) sized(v value.Value) bool {
	if err := vm.Heap.CheckSize(vm, v); err != nil {
		return vm.failErr(err)
	}
	return true
}

// truth is the bool that *v stands for; ok is false when it is none.
func (vm *VM) truth(v *value.Value) (b, ok bool) {
	x, ok := vm.plain(*v)
	if !ok {
		return false, false
	}
	if !x.IsBool() {
		return false, vm.fail(value.Mismatch("bool", x.TypeName()))
	}
	return x.Bool(), true
}

// notFound is the error of a call that nothing accepts.
func (vm *VM) notFound(name string, args ...value.Value) *value.Error {
	types := make([]string, len(args))
	for i, a := range args {
		types[i] = displayType(a)
	}
	return value.NotFound(fmt.Sprintf("%s (%s)", name, strings.Join(types, ", ")))
}

func displayType(v value.Value) string { return v.TypeName() }
