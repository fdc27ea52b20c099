package vm

import (
	"sort"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// unwind handles vm.err, raised by the instruction before vm.pc of the top
// frame: it finds the handler that catches it, ending frames on the way, and
// returns true, or ends the run and returns false.
func (vm *VM) unwind() bool {
	if vm.frames[vm.depth].flags&flagTask == 0 {
		vm.frames[vm.depth].pc = int32(vm.pc)
	}
	for {
		f := &vm.frames[vm.depth]
		if f.flags&flagTask != 0 {
			if vm.failTask() {
				return true
			}
			continue
		}
		vm.place(f)
		if !vm.exit && vm.err.Catchable() {
			if t := handler(f.fn, int(f.pc)-1); t != nil {
				vm.caught, vm.err = vm.err, nil
				f.pc = t.Handler
				return true
			}
		}
		if f.flags&flagStop != 0 {
			vm.finishStop()
			return false
		}
		vm.endFrame(f)
	}
}

func (vm *VM) finishStop() {
	if vm.exit {
		vm.err = nil
	}
}

// place gives the error a position and a source if it has none yet. Frames
// come from the innermost on, where the error arose.
func (vm *VM) place(f *frame) {
	if !vm.err.Pos.Known() {
		vm.err.Pos = vm.posAt(f.fn, max(int(f.pc), 1))
	}
	if vm.err.Source == "" {
		vm.err.Source = f.fn.Prog.Name
	}
}

// handler finds the innermost protected range that holds pc, or nil. The
// first that ends after pc is either around pc, or behind it and inside all
// those that are.
func handler(fn *code.Func, pc int) *code.Try {
	i := sort.Search(len(fn.Tries), func(i int) bool { return pc < int(fn.Tries[i].To) })
	if i == len(fn.Tries) {
		return nil
	}
	for ; i >= 0; i = int(fn.Tries[i].Outer) {
		if t := &fn.Tries[i]; pc >= int(t.From) {
			return t
		}
	}
	return nil
}

// endFrame ends the top frame with vm.err, which gets wrapped as an error in a
// function call.
func (vm *VM) endFrame(f *frame) {
	fn, flags := f.fn, f.flags
	var x ext
	x.this = -1
	if flags&flagExt == 0 {
		vm.giveBack(f)
	}
	vm.depth--
	if flags&flagExt != 0 {
		x = vm.popExt()
		err := vm.err
		vm.leave(&x)
		vm.err = err
	}
	vm.focus()
	if vm.exit {
		return
	}
	pos := vm.Position()
	switch {
	case x.kind == extModule:
		vm.err = &value.Error{Kind: value.ErrInModule, Msg: vm.err.Msg, Name: x.name, Pos: pos, Inner: vm.err}
	case system(vm.err) && !(x.kind == extChunk && x.eval && vm.err.Kind != value.ErrTerminated):
		moved := *vm.err
		if !moved.Origin.Known() {
			moved.Origin = moved.Pos
		}
		moved.Pos = pos
		vm.err = &moved
	default:
		vm.err = vm.inCall(vm.err, fn.Name, pos)
	}
}

// system reports whether an error passes through calls as it is.
func system(e *value.Error) bool {
	return e.Kind != value.ErrParsing && e.Kind != value.ErrInFunctionCall && !e.Catchable()
}

// failTask gives the task on top the error of its callback. It returns true
// when the run goes on, false when the error goes further down.
func (vm *VM) failTask() bool {
	t := vm.exts[len(vm.exts)-1].task
	if vm.exit || !vm.err.Catchable() {
		if t.byName && !vm.exit && vm.err.Kind != value.ErrTerminated {
			vm.err = vm.inCall(vm.err, t.name, vm.Position())
		}
		vm.endTask()
		return false
	}
	t.turn.Err, vm.err = vm.err, nil
	return vm.drive() != failed
}

var _ = native.Task(nil)

// thrown is the value that catch receives for err: what was thrown, or a map
// that describes a system error.
func (vm *VM) thrown(err *value.Error) value.Value {
	if root := err.Root(); root.Kind == value.ErrRuntime {
		return root.Value.Share()
	}
	h := &vm.Heap
	v := h.NewMap()
	m := v.Map()
	// A map that is new and small cannot fail to grow but by the memory limit,
	// which the next check reports.
	set := func(k string, x value.Value) { _ = m.Set(h, k, x) }
	set("error", h.NewString(string(err.Kind)))
	set("message", h.NewString(err.Root().Msg))
	if err.Pos.Known() && !err.NoPos {
		set("line", value.Int(int64(err.Pos.Line)))
		set("position", value.Int(int64(err.Pos.Col)))
	}
	vm.describe(err, set)
	return v
}

func (vm *VM) describe(err *value.Error, set func(string, value.Value)) {
	text := func(k, s string) { set(k, vm.Heap.NewString(s)) }
	switch err.Kind {
	case value.ErrFunctionNotFound, value.ErrInFunctionCall, value.ErrNonPureOnConst:
		text("function", err.Name)
		if err.Kind == value.ErrInFunctionCall {
			text("source", err.Source)
		}
	case value.ErrVariableNotFound, value.ErrVariableExists, value.ErrForbidden, value.ErrAssignConstant, value.ErrDataRace:
		text("variable", err.Name)
	case value.ErrDotExpr, value.ErrPropertyNotFound:
		text("property", err.Name)
	case value.ErrIndexNotFound:
		set("index", value.Int(err.Index))
	case value.ErrInModule, value.ErrModuleNotFound:
		text("module", err.Name)
	case value.ErrMismatchDataType, value.ErrMismatchOutput:
		text("requested", err.Requested)
		text("actual", err.Actual)
	case value.ErrArrayBounds, value.ErrStringBounds, value.ErrBitFieldBounds:
		set("length", value.Int(err.Length))
		set("index", value.Int(err.Index))
	case value.ErrIndexingType:
		text("type", err.Name)
	}
}

// raise makes the error of a throw statement.
func (vm *VM) raise(v value.Value, pos syntax.Pos) status {
	shown, err := vm.Heap.TextOf(vm, v)
	if err != nil {
		vm.failErr(err)
		return failed
	}
	text := shown.Str()
	if len(text) > maxMessage {
		text = text[:maxMessage] + "…"
	}
	vm.err = &value.Error{Kind: value.ErrRuntime, Msg: text, Value: v, Pos: pos}
	return failed
}

// maxMessage bounds the text of a thrown value in messages, in bytes.
const maxMessage = 4 << 10
