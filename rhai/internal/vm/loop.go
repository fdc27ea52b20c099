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
// (ins, pc, regs, vm), operands read where they are and not copied, no defer,
// no closure, no interface call, and everything that is not hot out of line,
// since the size of this function alone costs speed.
func (vm *VM) loop() {
	var st status
	fr := &vm.frames[vm.depth]
	ins := fr.fn.Code
	pc := int(fr.pc)
	regs := (*[256]value.Value)(vm.stack[vm.base:])
	for {
		in := &ins[pc]
		pc++
		switch in.Op {
		case code.Nop:

		case code.Move:
			v := &regs[in.B]
			if v.Ref != nil && v.Ref.Kind >= value.KString && v.Ref.Flags&value.Shared == 0 {
				v.Ref.Flags |= value.Shared
			}
			regs[in.A] = *v

		case code.Take:
			regs[in.A] = regs[in.B]

		case code.LoadK:
			regs[in.A] = vm.fn.Consts[in.D]

		case code.LoadInt:
			regs[in.A].SetInt(int64(in.D))

		case code.Load:
			if in.D == 0 {
				regs[in.A] = value.Value{}
			} else {
				regs[in.A].SetBool(in.D == 2)
			}

		case code.Add:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				x, y := int64(b.Bits), int64(c.Bits)
				if z := x + y; (x^z)&(y^z) >= 0 {
					regs[in.A].SetInt(z)
					continue
				}
			} else if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A].SetFloat(math.Float64frombits(b.Bits) + math.Float64frombits(c.Bits))
				continue
			}
			goto arith

		case code.Sub:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				x, y := int64(b.Bits), int64(c.Bits)
				if z := x - y; (x^y)&(x^z) >= 0 {
					regs[in.A].SetInt(z)
					continue
				}
			} else if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A].SetFloat(math.Float64frombits(b.Bits) - math.Float64frombits(c.Bits))
				continue
			}
			goto arith

		case code.Mul:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A].SetFloat(math.Float64frombits(b.Bits) * math.Float64frombits(c.Bits))
				continue
			} else if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				x, y := int64(b.Bits), int64(c.Bits)
				if x == int64(int32(x)) && y == int64(int32(y)) {
					regs[in.A].SetInt(x * y)
					continue
				}
			}
			goto arith

		case code.Div:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.FloatTag && c.Ref == &value.FloatTag {
				regs[in.A].SetFloat(math.Float64frombits(b.Bits) / math.Float64frombits(c.Bits))
				continue
			} else if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				if y := int64(c.Bits); y > 0 {
					regs[in.A].SetInt(int64(b.Bits) / y)
					continue
				}
			}
			goto arith

		case code.Mod:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				if y := int64(c.Bits); y > 0 {
					regs[in.A].SetInt(int64(b.Bits) % y)
					continue
				}
			}
			goto arith

		case code.AddInt:
			if b := &regs[in.B]; b.Ref == &value.IntTag {
				x := int64(b.Bits)
				z := x + int64(in.D)
				if (z < x) == (in.D < 0) {
					regs[in.A].SetInt(z)
					continue
				}
			}
			goto arithInt

		case code.SubInt:
			if b := &regs[in.B]; b.Ref == &value.IntTag {
				x := int64(b.Bits)
				z := x - int64(in.D)
				if (z > x) == (in.D < 0) {
					regs[in.A].SetInt(z)
					continue
				}
			}
			goto arithInt

		case code.MulInt:
			if b := &regs[in.B]; b.Ref == &value.IntTag {
				if x := int64(b.Bits); x == int64(int32(x)) {
					regs[in.A].SetInt(x * int64(in.D))
					continue
				}
			}
			goto arithInt

		case code.Eq:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A].SetBool(b.Bits == c.Bits)
				continue
			}
			goto arith
		case code.Ne:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A].SetBool(b.Bits != c.Bits)
				continue
			}
			goto arith
		case code.Lt:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A].SetBool(int64(b.Bits) < int64(c.Bits))
				continue
			}
			goto arith
		case code.Le:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A].SetBool(int64(b.Bits) <= int64(c.Bits))
				continue
			}
			goto arith
		case code.Gt:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A].SetBool(int64(b.Bits) > int64(c.Bits))
				continue
			}
			goto arith
		case code.Ge:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref == &value.IntTag && c.Ref == &value.IntTag {
				regs[in.A].SetBool(int64(b.Bits) >= int64(c.Bits))
				continue
			}
			goto arith

		case code.Jump:
			pc = int(in.D)

		case code.Loop:
			vm.fuel -= int64(in.B)<<8 | int64(in.C)
			if vm.fuel < 0 {
				goto backEdge
			}
			pc = int(in.D)

		case code.JumpFalse:
			a := &regs[in.A]
			if a.Ref != &value.BoolTag {
				goto needBool
			}
			if a.Bits == 0 {
				pc = int(in.D)
			}

		case code.JumpTrue:
			a := &regs[in.A]
			if a.Ref != &value.BoolTag {
				goto needBool
			}
			if a.Bits != 0 {
				pc = int(in.D)
			}

		case code.UnlessEq:
			a, b := &regs[in.A], &regs[in.B]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if a.Bits != b.Bits {
					pc = int(in.D)
				}
				continue
			}
			goto compare
		case code.UnlessNe:
			a, b := &regs[in.A], &regs[in.B]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if a.Bits == b.Bits {
					pc = int(in.D)
				}
				continue
			}
			goto compare
		case code.UnlessLt:
			a, b := &regs[in.A], &regs[in.B]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) >= int64(b.Bits) {
					pc = int(in.D)
				}
				continue
			}
			goto compare
		case code.UnlessLe:
			a, b := &regs[in.A], &regs[in.B]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) > int64(b.Bits) {
					pc = int(in.D)
				}
				continue
			}
			goto compare
		case code.UnlessGt:
			a, b := &regs[in.A], &regs[in.B]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) <= int64(b.Bits) {
					pc = int(in.D)
				}
				continue
			}
			goto compare
		case code.UnlessGe:
			a, b := &regs[in.A], &regs[in.B]
			if a.Ref == &value.IntTag && b.Ref == &value.IntTag {
				if int64(a.Bits) < int64(b.Bits) {
					pc = int(in.D)
				}
				continue
			}
			goto compare

		case code.UnlessEqInt:
			if a := &regs[in.A]; a.Ref == &value.IntTag {
				if int64(a.Bits) != immediate(in) {
					pc = int(in.D)
				}
				continue
			}
			goto compareInt
		case code.UnlessNeInt:
			if a := &regs[in.A]; a.Ref == &value.IntTag {
				if int64(a.Bits) == immediate(in) {
					pc = int(in.D)
				}
				continue
			}
			goto compareInt
		case code.UnlessLtInt:
			if a := &regs[in.A]; a.Ref == &value.IntTag {
				if int64(a.Bits) >= immediate(in) {
					pc = int(in.D)
				}
				continue
			}
			goto compareInt
		case code.UnlessLeInt:
			if a := &regs[in.A]; a.Ref == &value.IntTag {
				if int64(a.Bits) > immediate(in) {
					pc = int(in.D)
				}
				continue
			}
			goto compareInt
		case code.UnlessGtInt:
			if a := &regs[in.A]; a.Ref == &value.IntTag {
				if int64(a.Bits) <= immediate(in) {
					pc = int(in.D)
				}
				continue
			}
			goto compareInt
		case code.UnlessGeInt:
			if a := &regs[in.A]; a.Ref == &value.IntTag {
				if int64(a.Bits) < immediate(in) {
					pc = int(in.D)
				}
				continue
			}
			goto compareInt

		case code.ForInt:
			cur := &regs[in.A+1]
			if int64(cur.Bits) < int64(regs[in.A+2].Bits) {
				cur.Bits++
				regs[in.A].SetInt(int64(cur.Bits))
				vm.fuel -= int64(in.B)<<8 | int64(in.C)
				if vm.fuel < 0 {
					goto backEdge
				}
				pc = int(in.D)
			}

		case code.ForNext:
			if src := &regs[in.A+1]; src.Ref != nil && src.Ref.Kind == value.KArray {
				at := &regs[in.A+2]
				if e := src.Array().E; at.Bits < uint64(len(e)) {
					regs[in.A] = e[at.Bits].Share()
					at.Bits++
					vm.fuel -= int64(in.B)<<8 | int64(in.C)
					if vm.fuel < 0 {
						goto backEdge
					}
					pc = int(in.D)
				}
				continue
			}
			vm.pc = pc
			if !vm.forNext(in, regs) {
				goto fail
			}
			if vm.fuel < 0 {
				goto backEdge
			}
			pc = vm.pc

		case code.Index, code.Borrow:
			b, c := &regs[in.B], &regs[in.C]
			if b.Ref != nil && b.Ref.Kind == value.KArray && c.Ref == &value.IntTag {
				if e := b.Array().E; c.Bits < uint64(len(e)) {
					v := &e[c.Bits]
					if in.Op == code.Index && v.Ref != nil && v.Ref.Kind >= value.KString && v.Ref.Flags&value.Shared == 0 {
						v.Ref.Flags |= value.Shared
					}
					regs[in.A] = *v
					continue
				}
			}
			vm.pc = pc
			if st = vm.index(in, regs); st == next {
				continue
			}
			goto settle

		case code.SetIndex:
			a, b := &regs[in.A], &regs[in.B]
			if a.Ref != nil && a.Ref.Kind == value.KArray && b.Ref == &value.IntTag && a.Ref.Flags&value.Shared == 0 {
				if e := a.Array().E; b.Bits < uint64(len(e)) {
					e[b.Bits] = regs[in.C]
					continue
				}
			}
			vm.pc = pc
			if st = vm.setIndex(in, regs); st == next {
				continue
			}
			goto settle

		case code.GetProp:
			if b := &regs[in.B]; b.Ref != nil && b.Ref.Kind == value.KMap {
				s := &vm.inst.caches[in.D]
				if v, ok := b.Map().Lookup(vm.fn.Prog.Sites[in.D].Name, &s.hint); ok {
					if in.C == 0 {
						v.Share()
					}
					regs[in.A] = *v
					continue
				}
			}
			vm.pc = pc
			if st = vm.getProp(in, regs); st == next {
				continue
			}
			goto settle

		case code.SetProp:
			if a := &regs[in.A]; a.Ref != nil && a.Ref.Kind == value.KMap && a.Ref.Flags&value.Shared == 0 {
				s := &vm.inst.caches[in.D]
				if v, ok := a.Map().Lookup(vm.fn.Prog.Sites[in.D].Name, &s.hint); ok {
					*v = regs[in.C]
					continue
				}
			}
			vm.pc = pc
			if st = vm.setProp(in, regs); st == next {
				continue
			}
			goto settle

		case code.Call:
			fn := vm.fn.Prog.Funcs[in.D]
			base := vm.base + int(in.A)
			vm.frames[vm.depth].pc = int32(pc)
			if vm.depth++; vm.depth >= len(vm.frames) || vm.depth > vm.maxDepth || base+256 > len(vm.stack) || fn.NRegs > 256 {
				vm.depth--
				vm.pc = pc
				if !vm.moreRoom(base, fn) {
					goto fail
				}
				vm.depth++
			}
			fr := &vm.frames[vm.depth]
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
				regs[fn.ThisReg] = value.Unbound()
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
				st = vm.returnSlow(regs[in.A])
				goto settle
			}
			if in.A != 0 {
				regs[0] = regs[in.A]
			}
			vm.high = max(vm.high, vm.base+fr.fn.NRegs)
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
			if st = vm.method(in, regs); st == next {
				continue
			}
			goto settle

		case code.Native:
			vm.pc = pc
			if st = vm.native(in, regs); st == next {
				continue
			}
			goto settle

		case code.LoadVar:
			v := regs[in.B]
			if v.Ref != nil && v.Ref.Kind == value.KCell {
				if v.Ref.Flags&value.Locked != 0 {
					vm.err = dataRace()
					goto fail
				}
				v = v.Cell().V
			}
			regs[in.A] = v.Share()

		case code.StoreVar:
			a := &regs[in.A]
			if a.Ref != nil && a.Ref.Kind == value.KCell {
				if a.Ref.Flags&(value.Locked|value.Const) != 0 {
					vm.err = storeRefused(a.Ref.Flags)
					goto fail
				}
				a = &a.Cell().V
			}
			*a = regs[in.B]

		default:
			vm.pc = pc
			if st = vm.cold(in, regs); st == next {
				pc = vm.pc
				continue
			}
			goto settle
		}
		continue

	arith:
		if !vm.arith(in, regs) {
			goto fail
		}
		continue
	arithInt:
		if !vm.arithInt(in, regs) {
			goto fail
		}
		continue
	compare:
		if !vm.compare(in, &regs[in.A], &regs[in.B]) {
			if vm.err != nil {
				goto fail
			}
			pc = int(in.D)
		}
		continue
	compareInt:
		{
			n := value.Int(immediate(in))
			if !vm.compare(in, &regs[in.A], &n) {
				if vm.err != nil {
					goto fail
				}
				pc = int(in.D)
			}
		}
		continue
	needBool:
		if yes, ok := vm.truth(&regs[in.A]); !ok {
			goto fail
		} else if yes == (in.Op == code.JumpTrue) {
			pc = int(in.D)
		}
		continue
	backEdge:
		vm.pc = pc
		if vm.refuel() {
			pc = int(in.D)
			continue
		}
		goto fail
	refuel:
		vm.pc = pc
		if vm.refuel() {
			continue
		}
	fail:
		vm.pc = pc
		st = failed
	settle:
		switch st {
		case failed:
			if !vm.unwind() {
				return
			}
		case stop:
			return
		}
		fr := &vm.frames[vm.depth]
		vm.fn, vm.base, vm.inst = fr.fn, int(fr.base), fr.inst
		ins, pc = fr.fn.Code, int(fr.pc)
		regs = (*[256]value.Value)(vm.stack[vm.base:])
	}
}

// immediate is the 16-bit operand of a comparison.
func immediate(in *code.Instr) int64 {
	return int64(int16(uint16(in.B)<<8 | uint16(in.C)))
}
