package vm

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// ext is what a frame needs to know at its end beyond returning to register 0.
// The frames marked flagExt and the exts form two parallel stacks.
type ext struct {
	kind extKind
	ret  int32 // stack index for the result
	back back  // where the receiver goes back to
	this int32 // stack index of the callee's `this`, or -1
	// bare is the value of a method's `this` when the callee does not use it.
	bare   value.Value
	locked *value.Cell
	task   *taskState
	inst   *instance // of a module being imported
	name   string    // of the module
	eval   bool      // the chunk is eval's, which wraps every error
}

type extKind uint8

const (
	extCall   extKind = iota // a call with a receiver, a place for the result, or another instance
	extTask                  // a task
	extModule                // a module's top level
	extChunk                 // code of eval or call!
)

// back says where a receiver that was moved out belongs.
type back struct {
	kind backKind
	idx  int32       // stack index, or base of the frame whose registers path uses
	cell *value.Cell // the variable, when it is one that closures captured
	path *code.Path
}

type backKind uint8

const (
	backNone backKind = iota
	backToReg
	backToCell
	backToPath
)

var noBack = back{}

func backReg(i int) back          { return back{kind: backToReg, idx: int32(i)} }
func backCell(c *value.Cell) back { return back{kind: backToCell, cell: c} }

func (x *ext) visit(m *value.Marker) {
	m.Visit(x.bare)
	if x.back.cell != nil {
		m.Visit(value.Value{Ref: &x.back.cell.Header})
	}
	if x.locked != nil {
		m.Visit(value.Value{Ref: &x.locked.Header})
	}
	if x.task != nil {
		x.task.task.Visit(m.Visit)
		m.Visit(x.task.turn.Result)
		m.Visit(x.task.turn.This)
		m.Visit(x.task.turn.Fn)
	}
	if x.inst != nil {
		x.inst.env.visit(m)
	}
}

// moreRoom makes room for one more frame with the registers of fn at base, or
// fails because a limit is reached.
func (vm *VM) moreRoom(base int, fn *code.Func) bool {
	if vm.depth+1 > vm.maxDepth {
		return vm.fail(stackOverflow())
	}
	if vm.depth+2 > len(vm.frames) {
		vm.frames = append(vm.frames, make([]frame, len(vm.frames))...)
	}
	return vm.room(base, fn)
}

// push starts a script function whose arguments stand at stack index base.
func (vm *VM) push(fn *code.Func, inst *instance, base int, flags frameFlags) bool {
	if f := &vm.frames[vm.depth]; f.flags&flagTask == 0 {
		f.pc = int32(vm.pc)
	}
	if !vm.moreRoom(base, fn) {
		return false
	}
	vm.depth++
	vm.frames[vm.depth] = frame{fn: fn, inst: inst, base: int32(base), flags: flags}
	vm.fn, vm.base, vm.inst, vm.pc = fn, base, inst, 0
	if fn.ThisReg >= 0 && flags&flagChunk == 0 {
		vm.stack[base+fn.ThisReg] = value.Unbound()
	}
	return vm.spend(int64(fn.Cost))
}

// callSlow is Call where there may be no room, or too many registers.
func (vm *VM) callSlow(fn *code.Func, base int) status {
	return vm.done(vm.push(fn, vm.inst, base, 0))
}

// enter is push, made short for the common case.
func (vm *VM) enter(fn *code.Func, inst *instance, base int, flags frameFlags) bool {
	depth := vm.depth + 1
	caller := &vm.frames[vm.depth]
	if depth >= len(vm.frames) || depth > vm.maxDepth || base+256 > len(vm.stack) || fn.NRegs > 256 {
		return vm.push(fn, inst, base, flags)
	}
	if caller.flags&flagTask == 0 {
		caller.pc = int32(vm.pc)
	}
	vm.depth = depth
	f := &vm.frames[depth]
	if f.fn != fn {
		f.fn = fn
	}
	if f.inst != inst {
		f.inst = inst
	}
	if vm.inst != inst {
		vm.inst = inst
	}
	f.base, f.flags, f.pc = int32(base), flags, 0
	vm.fn, vm.base, vm.pc = fn, base, 0
	if fn.ThisReg >= 0 {
		vm.stack[base+fn.ThisReg] = value.Unbound()
	}
	vm.high = max(vm.high, base)
	return vm.spend(int64(fn.Cost))
}

// settle follows an operation that did not just go on: another frame may run
// now. It returns false at the end of the run.
func (vm *VM) settle(st status) bool {
	if st == stop || st == failed && !vm.unwind() {
		return false
	}
	fr := &vm.frames[vm.depth]
	vm.fn, vm.base, vm.inst, vm.pc = fr.fn, int(fr.base), fr.inst, int(fr.pc)
	return true
}

// focus makes the nearest script frame at or below the top the current one,
// for positions and registers while a task runs.
func (vm *VM) focus() {
	i := vm.depth
	for vm.frames[i].flags&flagTask != 0 {
		i--
	}
	f := &vm.frames[i]
	vm.fn, vm.base, vm.inst, vm.pc = f.fn, int(f.base), f.inst, int(f.pc)
}

// returnSlow ends a frame that has flags.
func (vm *VM) returnSlow(v value.Value) status {
	f := &vm.frames[vm.depth]
	if f.flags == flagBack {
		vm.stack[f.back] = vm.stack[int(f.base)+f.fn.ThisReg]
		vm.stack[f.base] = v
		vm.depth--
		f = &vm.frames[vm.depth]
		vm.fn, vm.base, vm.pc = f.fn, int(f.base), int(f.pc)
		return next
	}
	if f.flags&flagStop != 0 {
		vm.result = v
		return stop
	}
	if f.flags&flagExt == 0 {
		vm.giveBack(f)
		if f.flags&flagCallback != 0 {
			vm.depth--
			vm.exts[len(vm.exts)-1].task.turn.Result = v
			return vm.drive()
		}
		vm.stack[f.base] = v
		vm.depth--
		return reload
	}
	last := len(vm.exts) - 1
	if x := &vm.exts[last]; x.kind == extCall {
		vm.depth--
		ret, ok := x.ret, vm.leave(x)
		*x = ext{}
		vm.exts = vm.exts[:last]
		if !ok {
			vm.focus()
			return failed
		}
		vm.stack[ret] = v
		return reload
	}
	x := vm.popExt()
	vm.depth--
	if !vm.leave(&x) {
		vm.focus()
		return failed
	}
	switch x.kind {
	case extModule:
		vm.stack[x.ret] = vm.finishModule(&x)
	default:
		vm.stack[x.ret] = v
	}
	return reload
}

// giveBack puts `this` back, at the end of a frame without an ext, where the
// caller has it.
func (vm *VM) giveBack(f *frame) {
	switch {
	case f.flags&flagBack != 0:
		vm.stack[f.back] = vm.stack[int(f.base)+f.fn.ThisReg]
	case f.flags&flagCallback != 0:
		if t := &vm.exts[len(vm.exts)-1].task.turn; t.HasThis && f.fn.ThisReg >= 0 {
			t.This = vm.stack[int(f.base)+f.fn.ThisReg]
		}
	}
}

// newExt adds an ext, to be filled in where it stands: copying one costs more
// than the call it belongs to.
func (vm *VM) newExt(kind extKind, ret int) *ext {
	n := len(vm.exts)
	if n < cap(vm.exts) {
		vm.exts = vm.exts[:n+1]
	} else {
		vm.exts = append(vm.exts, ext{})
	}
	x := &vm.exts[n]
	x.kind, x.ret, x.this = kind, int32(ret), -1
	return x
}

func (vm *VM) popExt() ext {
	last := len(vm.exts) - 1
	x := vm.exts[last]
	vm.exts[last] = ext{}
	vm.exts = vm.exts[:last]
	return x
}

// leave does what the end of a call with an ext needs, by return or by error:
// the receiver goes back where it came from, a locked variable is released.
func (vm *VM) leave(x *ext) bool {
	if x.locked != nil {
		x.locked.Flags &^= value.Locked
	}
	this := x.bare
	if x.this >= 0 {
		this = vm.stack[x.this]
	}
	if x.kind == extChunk {
		vm.evals--
	}
	if x.kind != extCall {
		return true
	}
	return vm.putBack(x.back, this)
}

func (vm *VM) putBack(b back, v value.Value) bool {
	switch b.kind {
	case backToReg:
		vm.stack[b.idx] = v
	case backToCell:
		b.cell.V = v
	case backToPath:
		// The path belongs to the program of the caller, not of the callee.
		vm.focus()
		return vm.setPath(b.path, int(b.idx), v)
	}
	return true
}

// taskState is a running task.
type taskState struct {
	task native.Task
	name string // of the native function
	turn native.Turn
	base int // stack index for the arguments of callbacks
	// isConst: the receiver is a constant, so `this` is one in callbacks.
	isConst bool
	// byName: the callee was found by its name, not by a link to it. Native Rhai
	// wraps the errors of such a one once more, as the caller's.
	byName bool
	last   callee
}

// callee is what a task called last, and how: mostly it calls it again.
type callee struct {
	ref   *value.Header // of the function pointer; the task keeps it alive
	shape native.Shape
	n     int
	fn    *code.Func
	inst  *instance
	how   calling
}
