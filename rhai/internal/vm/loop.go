package vm

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/value"
)

// status is how an operation outside the loop ended.
type status uint8

const (
	next   status = iota // go on at vm.pc
	reload               // another frame runs now
	failed               // vm.err says why
	stop                 // the run is over, vm.result is its value
)

// loop runs from the top frame until the frame marked flagStop ends. It leaves
// vm.err nil and vm.result set, or vm.err set.
//
// The measured rules that shape it: few variables live across an instruction
// (ins, pc, regs, vm), none but vm across a call, operands read where they are
// and not copied, a pointer written only when it differs, no defer, no closure,
// no interface call, and everything that is not hot out of line, since the size
// of this function alone costs speed.
func (vm *VM) loop() {
	shift(1 << 40) // an immediate of ten bytes
	var st status
	fr := &vm.frames[vm.depth]
	ins := fr.fn.Code
	pc := int(fr.pc)
	regs := (*[256]value.Value)(vm.stack[vm.base:])
	for {
		in := ins[pc]
		pc++
		switch code.Op(in) {
		case code.Nop:

		case code.Move:
			v := &regs[in.B()]
			if v.Ref != nil && v.Ref.Kind >= value.KString && v.Ref.Flags&value.Shared == 0 {
				v.Ref.Flags |= value.Shared
			}
			regs[in.A()].Put(v)

		case code.Take:
			regs[in.A()].Put(&regs[in.B()])

		case code.LoadK:
			regs[in.A()].Put(&vm.fn.Consts[in.D()])

		case code.LoadInt:
			regs[in.A()].SetInt(int64(in.D()))

		case code.Load:
			if in.D() == 0 {
				regs[in.A()] = value.Value{}
			} else {
				regs[in.A()].SetBool(in.D() == 2)
			}

		case code.Add:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				x, y := int64(b.Bits), int64(c.Bits)
				if z := x + y; (x^z)&(y^z) >= 0 {
					regs[in.A()].SetInt(z)
					continue
				}
			} else if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A()].SetFloat(math.Float64frombits(b.Bits) + math.Float64frombits(c.Bits))
				continue
			}
			goto arith

		case code.Sub:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				x, y := int64(b.Bits), int64(c.Bits)
				if z := x - y; (x^y)&(x^z) >= 0 {
					regs[in.A()].SetInt(z)
					continue
				}
			} else if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A()].SetFloat(math.Float64frombits(b.Bits) - math.Float64frombits(c.Bits))
				continue
			}
			goto arith

		case code.Mul:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A()].SetFloat(math.Float64frombits(b.Bits) * math.Float64frombits(c.Bits))
				continue
			} else if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				x, y := int64(b.Bits), int64(c.Bits)
				if x == int64(int32(x)) && y == int64(int32(y)) {
					regs[in.A()].SetInt(x * y)
					continue
				}
			}
			goto arith

		case code.Div:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A()].SetFloat(math.Float64frombits(b.Bits) / math.Float64frombits(c.Bits))
				continue
			} else if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				if y := int64(c.Bits); y > 0 {
					regs[in.A()].SetInt(int64(b.Bits) / y)
					continue
				}
			}
			goto arith

		case code.Mod:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				if y := int64(c.Bits); y > 0 {
					regs[in.A()].SetInt(int64(b.Bits) % y)
					continue
				}
			}
			goto arith

		case code.AddInt:
			if b := &regs[in.B()]; b.Ref == &value.IntTag {
				x := int64(b.Bits)
				z := x + int64(in.D())
				if (z < x) == (in.D() < 0) {
					regs[in.A()].SetInt(z)
					continue
				}
			}
			goto arithInt

		case code.SubInt:
			if b := &regs[in.B()]; b.Ref == &value.IntTag {
				x := int64(b.Bits)
				z := x - int64(in.D())
				if (z > x) == (in.D() < 0) {
					regs[in.A()].SetInt(z)
					continue
				}
			}
			goto arithInt

		case code.MulInt:
			if b := &regs[in.B()]; b.Ref == &value.IntTag {
				if x := int64(b.Bits); x == int64(int32(x)) {
					regs[in.A()].SetInt(x * int64(in.D()))
					continue
				}
			}
			goto arithInt

		case code.ModInt:
			if b := &regs[in.B()]; b.Ref == &value.IntTag && in.D() > 0 {
				regs[in.A()].SetInt(int64(b.Bits) % int64(in.D()))
				continue
			}
			goto arithInt

		case code.Eq:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A()].SetBool(b.Bits == c.Bits)
				continue
			}
			goto arith
		case code.Ne:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A()].SetBool(b.Bits != c.Bits)
				continue
			}
			goto arith
		case code.Lt:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A()].SetBool(int64(b.Bits) < int64(c.Bits))
				continue
			}
			goto arith
		case code.Le:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A()].SetBool(int64(b.Bits) <= int64(c.Bits))
				continue
			}
			goto arith
		case code.Gt:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A()].SetBool(int64(b.Bits) > int64(c.Bits))
				continue
			}
			goto arith
		case code.Ge:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A()].SetBool(int64(b.Bits) >= int64(c.Bits))
				continue
			}
			goto arith

		case code.Jump:
			pc = int(in.D())

		case code.Loop:
			vm.fuel -= int64(in.BC())
			if vm.fuel < 0 {
				goto backEdge
			}
			pc = int(in.D())

		case code.JumpFalse:
			a := &regs[in.A()]
			if a.Ref != &value.BoolTag {
				goto needBool
			}
			if a.Bits == 0 {
				pc = int(in.D())
			}

		case code.JumpTrue:
			a := &regs[in.A()]
			if a.Ref != &value.BoolTag {
				goto needBool
			}
			if a.Bits != 0 {
				pc = int(in.D())
			}

		case code.UnlessEq:
			a, b := &regs[in.A()], &regs[in.B()]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if a.Bits != b.Bits {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessNe:
			a, b := &regs[in.A()], &regs[in.B()]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if a.Bits == b.Bits {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessLt:
			a, b := &regs[in.A()], &regs[in.B()]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) >= int64(b.Bits) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessLe:
			a, b := &regs[in.A()], &regs[in.B()]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) > int64(b.Bits) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessGt:
			a, b := &regs[in.A()], &regs[in.B()]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) <= int64(b.Bits) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessGe:
			a, b := &regs[in.A()], &regs[in.B()]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) < int64(b.Bits) {
					pc = int(in.D())
				}
				continue
			}
			goto compare

		case code.UnlessEqInt:
			if a := &regs[in.A()]; a.Ref == &value.IntTag {
				if int64(a.Bits) != immediate(in) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessNeInt:
			if a := &regs[in.A()]; a.Ref == &value.IntTag {
				if int64(a.Bits) == immediate(in) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessLtInt:
			if a := &regs[in.A()]; a.Ref == &value.IntTag {
				if int64(a.Bits) >= immediate(in) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessLeInt:
			if a := &regs[in.A()]; a.Ref == &value.IntTag {
				if int64(a.Bits) > immediate(in) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessGtInt:
			if a := &regs[in.A()]; a.Ref == &value.IntTag {
				if int64(a.Bits) <= immediate(in) {
					pc = int(in.D())
				}
				continue
			}
			goto compare
		case code.UnlessGeInt:
			if a := &regs[in.A()]; a.Ref == &value.IntTag {
				if int64(a.Bits) < immediate(in) {
					pc = int(in.D())
				}
				continue
			}
			goto compare

		case code.ForInt:
			cur := &regs[in.A()+1]
			if int64(cur.Bits) < int64(regs[in.A()+2].Bits) {
				cur.Bits++
				regs[in.A()].SetInt(int64(cur.Bits))
				vm.fuel -= int64(in.BC())
				if vm.fuel < 0 {
					goto backEdge
				}
				pc = int(in.D())
			}

		case code.ForNext:
			if src := &regs[in.A()+1]; src.Ref != nil && src.Ref.Kind == value.KArray {
				at := &regs[in.A()+2]
				if e := src.Array().E; at.Bits < uint64(len(e)) {
					regs[in.A()] = e[at.Bits].Share()
					at.Bits++
					vm.fuel -= int64(in.BC())
					if vm.fuel < 0 {
						goto backEdge
					}
					pc = int(in.D())
				}
				continue
			}
			vm.pc = pc
			st = vm.forNext(in, regs)
			goto settle

		case code.Index, code.Borrow:
			b, c := &regs[in.B()], &regs[in.C()]
			if b.Ref != nil && b.Ref.Kind == value.KArray && c.Ref == &value.IntTag {
				if e := b.Array().E; c.Bits < uint64(len(e)) {
					v := &e[c.Bits]
					if in.Op() == code.Index && v.Ref != nil && v.Ref.Kind >= value.KString && v.Ref.Flags&value.Shared == 0 {
						v.Ref.Flags |= value.Shared
					}
					regs[in.A()].Put(v)
					continue
				}
			}
			vm.pc = pc
			st = vm.index(in, regs)
			goto settle

		case code.SetIndex:
			a, b := &regs[in.A()], &regs[in.B()]
			if a.Ref != nil && a.Ref.Kind == value.KArray && b.Ref == &value.IntTag && a.Ref.Flags&value.Shared == 0 {
				if e := a.Array().E; b.Bits < uint64(len(e)) {
					e[b.Bits].Put(&regs[in.C()])
					continue
				}
			}
			vm.pc = pc
			st = vm.setIndex(in, regs)
			goto settle

		case code.GetProp:
			if b := &regs[in.B()]; b.Ref != nil && b.Ref.Kind == value.KMap {
				if v := b.Map().Hinted(&vm.inst.caches[in.D()].hint); v != nil {
					if in.C() == 0 && v.Ref != nil && v.Ref.Kind >= value.KString && v.Ref.Flags&value.Shared == 0 {
						v.Ref.Flags |= value.Shared
					}
					regs[in.A()].Put(v)
					continue
				}
			}
			vm.pc = pc
			st = vm.getProp(in, regs)
			goto settle

		case code.SetProp:
			if a := &regs[in.A()]; a.Ref != nil && a.Ref.Kind == value.KMap && a.Ref.Flags&value.Shared == 0 {
				if v := a.Map().Hinted(&vm.inst.caches[in.D()].hint); v != nil {
					v.Put(&regs[in.C()])
					continue
				}
			}
			vm.pc = pc
			st = vm.setProp(in, regs)
			goto settle

		case code.CallEarly:
			a, fn := &regs[in.A()], vm.fn.Prog.Funcs[in.D()]
			if a.Ref == &value.IntTag && a.Bits-fn.Early.From < fn.Early.Span && vm.fuel >= int64(fn.Cost) && vm.depth < vm.maxDepth {
				vm.fuel -= int64(fn.Cost)
				if fn.Early.Set {
					a.Bits = uint64(fn.Early.Result)
				}
				continue
			}
			fallthrough

		case code.Call:
			fn := vm.fn.Prog.Funcs[in.D()]
			base, depth := vm.base+int(in.A()), vm.depth+1
			if depth >= len(vm.frames) || depth > vm.maxDepth || base+256 > len(vm.stack) || fn.NRegs > 256 {
				vm.pc = pc
				st = vm.callSlow(fn, base)
				goto settle
			}
			vm.frames[depth-1].pc = int32(pc)
			vm.depth = depth
			fr := &vm.frames[depth]
			if fr.fn != fn {
				fr.fn = fn
			}
			if fr.inst != vm.inst {
				fr.inst = vm.inst
			}
			fr.base, fr.flags = int32(base), 0
			if vm.fn != fn {
				vm.fn = fn
			}
			vm.base = base
			regs = (*[256]value.Value)(vm.stack[base:])
			if fn.ThisReg >= 0 {
				regs[uint8(fn.ThisReg)] = value.Unbound()
			}
			if base > vm.high {
				vm.high = base
			}
			ins, pc = fn.Code, 0
			vm.fuel -= int64(fn.Cost)
			if vm.fuel < 0 {
				goto refuel
			}

		case code.Return:
			fr := &vm.frames[vm.depth]
			if fr.flags != 0 {
				vm.pc = pc
				st = vm.returnSlow(regs[in.A()])
				goto settle
			}
			if in.A() != 0 {
				regs[0].Put(&regs[in.A()])
			}
			vm.depth--
			fr = &vm.frames[vm.depth]
			if vm.fn != fr.fn {
				vm.fn = fr.fn
			}
			vm.base = int(fr.base)
			ins, pc = fr.fn.Code, int(fr.pc)
			regs = (*[256]value.Value)(vm.stack[vm.base:])

		case code.Method:
			vm.pc = pc
			st = vm.method(in, regs)
			goto settle

		case code.NeedThis:
			if r := vm.fn.ThisReg; r >= 0 && regs[uint8(r)].Ref != &value.UnboundTag {
				continue
			}
			vm.pc = pc
			st = vm.cold(in, regs)
			goto settle

		case code.PathSet:
			vm.pc = pc
			st = vm.pathSet(in, regs)
			goto settle

		case code.Native:
			vm.pc = pc
			st = vm.native(in, regs)
			goto settle

		case code.LoadVar:
			v := regs[in.B()]
			if v.Ref != nil && v.Ref.Kind == value.KCell {
				if v.Ref.Flags&value.Locked != 0 {
					vm.pc = pc
					st = vm.failNow(dataRace())
					goto settle
				}
				v = v.Cell().V
			}
			regs[in.A()] = v.Share()

		case code.StoreVar:
			a := &regs[in.A()]
			if a.Ref != nil && a.Ref.Kind == value.KCell {
				if a.Ref.Flags&(value.Locked|value.Const) != 0 {
					vm.pc = pc
					st = vm.failNow(storeRefused(a.Ref.Flags))
					goto settle
				}
				a = &a.Cell().V
			}
			*a = regs[in.B()]

		default:
			vm.pc = pc
			st = vm.cold(in, regs)
			goto settle
		}
		continue

		// What follows calls. Nothing but vm lives across a call: a variable that
		// did would be stored to Go's stack by every instruction, wherever it is
		// needed.
	arith:
		vm.pc = pc
		st = vm.arith(in, regs)
		goto settle
	arithInt:
		vm.pc = pc
		st = vm.arithInt(in, regs)
		goto settle
	compare:
		vm.pc = pc
		st = vm.compareJump(in, regs)
		goto settle
	needBool:
		vm.pc = pc
		st = vm.truthJump(in, regs)
		goto settle
	backEdge:
		vm.pc = pc
		st = vm.nextSlice(in.D())
		goto settle
	refuel:
		vm.pc = pc
		st = vm.nextSlice(int32(pc))
	settle:
		if st != next && !vm.settle(st) {
			return
		}
		ins, pc = vm.fn.Code, vm.pc
		regs = (*[256]value.Value)(vm.stack[vm.base:])
	}
}

// immediate is the 16-bit operand of a comparison.
func immediate(in code.Instr) int64 {
	return int64(int16(in.BC()))
}
