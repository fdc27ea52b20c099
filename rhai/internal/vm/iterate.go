package vm

import (
	"math"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/value"
)

// forPrepRange prepares `for x in a..b`: R[A+1] becomes the number before the
// first, R[A+2] the last. Anything but two integers is a range that cannot be
// made.
func (vm *VM) forPrepRange(in code.Instr, regs *[256]value.Value) status {
	a, ok := vm.plain(regs[in.A()+1])
	if !ok {
		return failed
	}
	b, ok := vm.plain(regs[in.A()+2])
	if !ok {
		return failed
	}
	if !a.IsInt() || !b.IsInt() {
		if _, err := value.MakeRange(&vm.Heap, a, b, in.B() == 1); err != nil && err != value.ErrNoOperator {
			return vm.doneErr(err)
		}
		op := ".."
		if in.B() == 1 {
			op = "..="
		}
		return vm.failNow(vm.notFound(op, a, b))
	}
	first, last := a.Int(), b.Int()
	if in.B() == 0 {
		if last == math.MinInt64 {
			vm.pc = int(in.D())
			return next
		}
		last--
	}
	if first > last {
		vm.pc = int(in.D())
		return next
	}
	if first == math.MinInt64 {
		// The step adds before it compares: start one before needs room.
		return vm.forFromMin(in, regs, last)
	}
	regs[in.A()+1].SetInt(first - 1)
	regs[in.A()+2].SetInt(last)
	return next
}

// forFromMin refuses the one range whose predecessor does not exist. Walking
// it to its end would take centuries; walking some of it is better begun one
// later by the script.
func (vm *VM) forFromMin(in code.Instr, regs *[256]value.Value, last int64) status {
	return vm.failNow(value.Errorf(value.ErrArithmetic, "a loop cannot start at the smallest integer"))
}

// forPrep prepares any other loop over R[A+1].
func (vm *VM) forPrep(in code.Instr, regs *[256]value.Value) status {
	src, ok := vm.plain(regs[in.A()+1])
	if !ok {
		return failed
	}
	switch src.Kind() {
	case value.KArray, value.KString, value.KBlob, value.KRange, value.KIter:
	default:
		return vm.failNow(value.Errorf(value.ErrFor, "a value of type %s cannot be iterated over", src.TypeName()))
	}
	regs[in.A()+1] = src.Share()
	regs[in.A()+2].SetInt(0)
	return next
}

// forNext steps a loop over anything but integers and arrays. R[A+2] is the
// position: an index, a byte offset, or the number of steps done.
func (vm *VM) forNext(in code.Instr, regs *[256]value.Value) status {
	src, at := regs[in.A()+1], &regs[in.A()+2]
	if src.Ref != nil && src.Ref.Kind == value.KIter {
		if n, ok := src.Iter().NextInt(at); ok {
			regs[in.A()].SetInt(n)
			return vm.turn(in)
		}
	}
	i := at.Int()
	var v value.Value
	ok := false
	switch src.Kind() {
	case value.KString:
		if s := src.Str(); i < int64(len(s)) {
			r, n := utf8.DecodeRuneInString(s[i:])
			v, ok = value.Char(r), true
			at.Bits += uint64(n)
		}
	case value.KBlob:
		if b := src.Blob().B; i < int64(len(b)) {
			v, ok = value.Byte(b[i]), true
			at.Bits++
		}
	case value.KRange:
		r := src.Range()
		if x := r.Start + i; x >= r.Start && (x < r.End || r.Inclusive && x == r.End) {
			v, ok = value.Int(x), true
			at.Bits++
		}
	case value.KIter:
		v, ok = src.Iter().At(at)
	}
	if ok {
		regs[in.A()] = v
		return vm.turn(in)
	}
	return next
}

// turn bills a turn of a loop and goes to its top.
func (vm *VM) turn(in code.Instr) status {
	vm.fuel -= int64(in.BC())
	if vm.fuel < 0 {
		return vm.nextSlice(in.D())
	}
	vm.pc = int(in.D())
	return next
}
