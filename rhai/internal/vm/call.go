package vm

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// closureRef is the machine's handle in a function pointer: the code and the
// instance it belongs to. fn is nil for a function that is found by its name.
type closureRef struct {
	fn   *code.Func
	inst *instance
}

// constThis reports whether the running function's `this` is a constant.
func (vm *VM) constThis() bool { return vm.frames[vm.depth].flags&flagConst != 0 }

// method runs Method: x.name(args) on a variable or a temporary.
func (vm *VM) method(in code.Instr, regs *[256]value.Value) status {
	s := &vm.fn.Prog.Sites[in.D()]
	recv, b := &regs[in.B()], noBack
	if fn, p := vm.closureAt(s, in.D(), recv); fn != nil {
		return vm.callClosure(fn, p, vm.base+int(in.B()), vm.base+int(in.A()), s.NArgs-1)
	}
	if !s.Temp {
		b = backReg(vm.base + int(in.B()))
	}
	if recv.Ref != nil && recv.Ref.Kind == value.KCell {
		if recv.Ref.Flags&value.Locked != 0 {
			return vm.failNow(dataRace())
		}
		b = backCell(recv.Cell())
		recv = &recv.Cell().V
	}
	return vm.methodOn(s, in.D(), recv, vm.base+int(in.A()), b)
}

// closureAt gives the closure that a method call comes down to, when it is one
// of this program, called by f.call() or, with a variable as its `this`, from a
// map's entry; nil when the call is anything else.
func (vm *VM) closureAt(s *code.Site, site int32, recv *value.Value) (*code.Func, *value.Fn) {
	if recv.Ref == nil {
		return nil, nil
	}
	f := *recv
	switch {
	case recv.Ref.Kind == value.KFn && s.Keyword == code.KeyCall:
	case recv.Ref.Kind == value.KMap && s.Keyword == code.NoKeyword && !s.Temp && !s.Const && !s.ThisRecv:
		v := recv.Map().Lookup(s.Name, &vm.inst.caches[site].hint)
		if v == nil || v.Ref == nil || v.Ref.Kind != value.KFn {
			return nil, nil
		}
		f = *v
	default:
		return nil, nil
	}
	p := f.Fn()
	if c, ok := p.Code.(*closureRef); ok && c.inst == vm.inst && c.fn != nil && c.fn.Anonymous && len(c.fn.Params) == len(p.Curry)+s.NArgs-1 {
		return c.fn, p
	}
	return nil, nil
}

// callClosure calls what closureAt found at stack index recv. The result goes to
// a, and the n arguments follow it.
func (vm *VM) callClosure(fn *code.Func, p *value.Fn, recv, a, n int) status {
	k := len(p.Curry)
	if a+k+n > len(vm.stack) && !vm.room(a+k+n, nil) {
		return failed
	}
	if k != 1 {
		copy(vm.stack[a+k:a+k+n], vm.stack[a+1:a+1+n])
	}
	for i, c := range p.Curry {
		if c.Ref != nil && c.Ref.Kind != value.KCell {
			c.Share()
		}
		vm.stack[a+i] = c
	}
	this := vm.stack[recv]
	if fn.ThisReg < 0 || this.Ref.Kind == value.KFn {
		return vm.done(vm.enter(fn, vm.inst, a, 0))
	}
	depth := vm.depth
	st := vm.done(vm.enter(fn, vm.inst, a, flagBack))
	if vm.depth > depth {
		// The variable keeps its value meanwhile: nobody can look at it before
		// that which `this` has in the end takes its place.
		vm.frames[vm.depth].back = int32(recv)
		vm.stack[a+fn.ThisReg] = this
	}
	return st
}

// methodOn calls a method on the value behind recv. The result goes to stack
// index a, and the arguments follow it.
func (vm *VM) methodOn(s *code.Site, site int32, recv *value.Value, a int, b back) status {
	n := s.NArgs - 1
	if s.Keyword != code.NoKeyword {
		if st, done := vm.keyword(s, recv, a, n, b); done {
			return st
		}
	}
	if recv.Ref != nil && recv.Ref.Kind == value.KMap {
		if v := recv.Map().Lookup(s.Name, &vm.inst.caches[site].hint); v != nil && v.Is(value.KFn) {
			return vm.callPointer(*v, a, a+1, n, &receiver{recv, b, vm.constRecv(s, b)}, a)
		}
	}
	if s.Typed != nil {
		if fn, ok := s.Typed[recv.TypeName()]; ok {
			return vm.callMethod(fn, vm.inst, &receiver{recv, b, vm.constRecv(s, b)}, a+1, a)
		}
	}
	if s.Script != nil {
		return vm.callMethod(s.Script, vm.inst, &receiver{recv, b, vm.constRecv(s, b)}, a+1, a)
	}
	return vm.callNatives(s, site, recv, vm.stack[a+1:a+1+n], a, b)
}

// constRecv reports whether the receiver of a call is a constant.
func (vm *VM) constRecv(s *code.Site, b back) bool {
	return s.Const || s.ThisRecv && vm.constThis() || b.cell != nil && b.cell.Flags&value.Const != 0
}

// receiver is the value that becomes a callee's `this`.
type receiver struct {
	at      *value.Value
	back    back
	isConst bool
}

// keyword runs the methods that are the machine's own; done is false when the
// receiver makes it an ordinary method.
func (vm *VM) keyword(s *code.Site, recv *value.Value, a, n int, b back) (st status, done bool) {
	switch s.Keyword {
	case code.KeyCall:
		if recv.Is(value.KFn) {
			return vm.callLocked(*recv, a, n, b), true
		}
		if n == 0 {
			return vm.failNow(value.Mismatch("Fn", recv.TypeName())), true
		}
		f := vm.stack[a+1].Plain()
		if !f.Is(value.KFn) {
			vm.err = value.Mismatch("Fn", f.TypeName())
			vm.err.OfValue = true
			vm.placeValue()
			return failed, true
		}
		if b.cell != nil && f.Fn().Captured(b.cell) {
			e := dataRace()
			e.NoPos = true
			return vm.failNow(e), true
		}
		return vm.callPointer(f, a, a+2, n-1, &receiver{recv, b, vm.constRecv(s, b)}, a), true
	case code.KeyCurry:
		if recv.Is(value.KFn) {
			vm.stack[a] = vm.curry(*recv, vm.stack[a+1:a+1+n])
			return next, true
		}
		return vm.failNow(value.Mismatch("Fn", recv.TypeName())), true
	case code.KeyIsShared:
		if n == 0 {
			vm.stack[a] = value.Bool(b.kind == backToCell)
			return next, true
		}
	case code.KeyTake:
		if n == 0 {
			if vm.constRecv(s, b) {
				return vm.failNow(constMethod(s.Name)), true
			}
			v := *recv
			*recv = value.Unit
			vm.stack[a] = v
			return next, true
		}
	case code.KeyTypeOf:
		if n == 0 {
			vm.stack[a] = vm.Heap.NewString(recv.TypeName())
			return next, true
		}
	}
	return next, false
}

// callLocked calls the function pointer f; when it stands in a captured
// variable, that variable is locked meanwhile.
func (vm *VM) callLocked(f value.Value, a, n int, b back) status {
	if b.cell == nil {
		return vm.callPointer(f, a, a+1, n, nil, a)
	}
	depth := vm.depth
	st := vm.callPointer(f, a, a+1, n, nil, a)
	if st == reload && vm.depth == depth+1 {
		top := &vm.frames[vm.depth]
		if top.flags&flagExt == 0 {
			top.flags |= flagExt
			vm.newExt(extCall, a)
		}
		vm.exts[len(vm.exts)-1].locked = b.cell
		b.cell.Flags |= value.Locked
	}
	return st
}

// callMethod calls fn with `this` bound; its arguments stand at stack index
// base, the result goes to ret.
func (vm *VM) callMethod(fn *code.Func, inst *instance, r *receiver, base, ret int) status {
	x := vm.newExt(extCall, ret)
	flags := flagExt
	this := *r.at
	switch {
	case r.isConst:
		flags |= flagConst
		this.Share()
	case r.back.kind == backNone:
		this.Share()
	default:
		x.back = r.back
		if r.back.kind != backToPath {
			*r.at = value.Unit
		}
		if c := r.back.cell; c != nil {
			c.Flags |= value.Locked
			x.locked = c
		}
	}
	x.bare = this
	if !vm.push(fn, inst, base, flags) {
		if vm.frames[vm.depth].fn != fn || vm.frames[vm.depth].flags&flagExt == 0 || int(vm.frames[vm.depth].base) != base {
			// The frame was not made: undo what it would have undone.
			x := vm.popExt()
			err := vm.err
			vm.leave(&x)
			vm.err = err
		}
		return failed
	}
	if fn.ThisReg >= 0 {
		x.this = int32(base + fn.ThisReg)
		x.bare = value.Unit
		vm.stack[base+fn.ThisReg] = this
	}
	return reload
}

// callPointer calls function pointer f with n arguments at stack index args;
// they are moved to base, after the curried ones. r is nil without `this`.
// base must not be after args by more than the number of curried arguments.
func (vm *VM) callPointer(f value.Value, base, args, n int, r *receiver, ret int) status {
	p := f.Fn()
	fn, inst := vm.resolve(p, n)
	if fn != nil && fn.Anonymous && len(fn.Params) != len(p.Curry)+n {
		return vm.failNow(vm.notFound(p.Name, vm.argsOf(p, args, n, r)...))
	}
	k := len(p.Curry)
	if base+k+n+256 > len(vm.stack) && !vm.room(base+k+n, nil) {
		return failed
	}
	copy(vm.stack[base+k:base+k+n], vm.stack[args:args+n])
	vm.layCurry(p, base)
	if fn == nil {
		if r != nil {
			return vm.callNativeOn(p.Name, r, vm.stack[base:base+k+n], ret)
		}
		return vm.callByName(p.Name, base, k+n, ret)
	}
	if r != nil {
		return vm.callMethod(fn, inst, r, base, ret)
	}
	flags := frameFlags(0)
	if inst != vm.inst || ret != base {
		flags = flagExt
		vm.newExt(extCall, ret)
	}
	depth := vm.depth
	if !vm.push(fn, inst, base, flags) {
		if vm.depth == depth && flags != 0 {
			vm.popExt()
		}
		return failed
	}
	return reload
}

// argsOf is what a call of p gives its callee, `this` first, for an error.
func (vm *VM) argsOf(p *value.Fn, args, n int, r *receiver) []value.Value {
	var out []value.Value
	if r != nil {
		out = append(out, *r.at)
	}
	out = append(out, p.Curry[:min(len(p.Curry), maxShownArgs)]...)
	return append(out, vm.stack[args:args+n]...)
}

// callNativeOn calls a native function by its name in method style: its first
// argument is the receiver itself, which it may change.
func (vm *VM) callNativeOn(name string, r *receiver, rest []value.Value, ret int) status {
	for i := range rest {
		rest[i] = rest[i].Plain()
	}
	f := vm.overload(vm.cfg.Registry.Find(name, 1+len(rest)), r.at, rest)
	if f == nil {
		args := append([]value.Value{*r.at}, rest[:min(len(rest), maxShownArgs)]...)
		return vm.failNow(vm.notFound(name, args...))
	}
	if r.isConst && (f.Mutates || f.RefusesConst) {
		return vm.failNow(constMethod(name))
	}
	if f.Task != nil {
		return vm.startTask(f, r.at, rest, ret, r.back, r.isConst)
	}
	recv := *r.at
	if r.back.kind == backToPath || r.back.kind == backNone {
		recv.Share()
	}
	var out value.Value
	if !vm.invoke(f, &recv, rest, &out) {
		return failed
	}
	if f.Mutates {
		vm.frames[vm.depth].pc = int32(vm.pc) // for putBack, which looks at the frame anew
		if !vm.putBack(r.back, recv) {
			return failed
		}
	}
	vm.stack[ret] = out
	return next
}

// resolve finds the script function behind a pointer that gets n arguments
// besides the curried ones; nil when it must be a native.
func (vm *VM) resolve(p *value.Fn, n int) (*code.Func, *instance) {
	if c, ok := p.Code.(*closureRef); ok {
		if c.fn != nil && c.fn.Anonymous {
			return c.fn, c.inst
		}
		return c.inst.prog.ByName[code.FnKey{Name: p.Name, Params: n + len(p.Curry)}], c.inst
	}
	return vm.fn.Prog.ByName[code.FnKey{Name: p.Name, Params: n + len(p.Curry)}], vm.inst
}

// callByName calls a native function whose n arguments stand at base.
func (vm *VM) callByName(name string, base, n, ret int) status {
	var recv *value.Value
	var rest []value.Value
	if n > 0 {
		vm.stack[base] = vm.stack[base].Plain()
		recv, rest = &vm.stack[base], vm.stack[base+1:base+n]
	}
	fs := vm.cfg.Registry.Find(name, n)
	var f *native.Func
	if recv != nil {
		f = vm.overload(fs, recv, rest)
	} else if len(fs) > 0 {
		f = fs[0]
	}
	if f == nil {
		return vm.failNow(vm.notFound(name, vm.stack[base:base+n]...))
	}
	if f.Task != nil {
		return vm.startTask(f, recv, rest, ret, noBack, false)
	}
	var out value.Value
	if !vm.invoke(f, recv, rest, &out) {
		return failed
	}
	vm.stack[ret] = out
	return next
}

// startTask runs a native that calls back. The result goes to stack index dst;
// the registers after its arguments are free for the callbacks.
func (vm *VM) startTask(f *native.Func, recv *value.Value, rest []value.Value, dst int, b back, isConst bool) status {
	c := &vm.call
	c.Recv, c.Rest, c.Result = recv, rest, value.Unit
	task, err := f.Task(c)
	if err != nil {
		vm.failErr(err)
		return failed
	}
	if task == nil {
		vm.stack[dst] = c.Result
		return next
	}
	if fr := &vm.frames[vm.depth]; fr.flags&flagTask == 0 {
		fr.pc = int32(vm.pc)
	}
	base := dst + 1 + len(rest)
	if recv != nil {
		base++
	}
	if !vm.moreRoom(base, nil) {
		return failed
	}
	t := &taskState{task: task, name: f.Name, base: base, isConst: isConst}
	t.turn.Heap, t.turn.Env = &vm.Heap, vm
	x := ext{kind: extTask, ret: int32(dst), task: t, this: -1, back: b}
	if b.cell != nil {
		x.locked = b.cell
		b.cell.Flags |= value.Locked
	}
	vm.exts = append(vm.exts, x)
	vm.depth++
	vm.frames[vm.depth] = frame{flags: flagTask | flagExt, base: int32(base)}
	return vm.drive()
}

// drive resumes the task on top until it waits for a script function or ends.
func (vm *VM) drive() status {
	for {
		vm.focus()
		t := vm.exts[len(vm.exts)-1].task
		given := t.turn.Err
		err := t.task.Resume(&t.turn)
		t.turn.Started = true
		t.turn.Err = nil
		if err != nil {
			if err == given && t.byName {
				err = vm.inCall(given.(*value.Error), t.name, vm.Position())
			}
			vm.failErr(err)
			vm.endTask()
			return failed
		}
		if t.turn.Finished {
			ret := vm.exts[len(vm.exts)-1].ret
			vm.stack[ret] = t.turn.Return
			if !vm.endTask() {
				return failed
			}
			if vm.cfg.Limits.Sizes != (value.Sizes{}) && !vm.sized(vm.stack[ret]) {
				return failed
			}
			if vm.frames[vm.depth].flags&flagTask != 0 {
				// A task called this one directly: it is the answer.
				below := vm.exts[len(vm.exts)-1].task
				below.turn.Result = vm.stack[ret]
				continue
			}
			return reload
		}
		// Natives that are called by name bill nothing themselves.
		if !vm.spend(1) {
			vm.endTask()
			return failed
		}
		switch vm.ask(t) {
		case reload:
			return reload
		case failed:
			if vm.frames[vm.depth].flags&flagTask == 0 {
				return failed // out of fuel on entering the callee: unwinding ends it and then the task
			}
			if !vm.err.Catchable() || vm.exit {
				vm.endTask()
				return failed
			}
			t.turn.Err, vm.err = vm.err, nil
			if !vm.spend(failedCall) {
				vm.endTask()
				return failed
			}
		}
	}
}

// failedCall is what a call that fails at once costs: making the error.
const failedCall = 50

// endTask pops the task on top; vm.err is kept.
func (vm *VM) endTask() bool {
	x := vm.popExt()
	vm.depth--
	vm.focus()
	if x.locked != nil {
		x.locked.Flags &^= value.Locked
	}
	if r, ok := x.task.task.(native.Receiver); ok {
		if v, ok := r.Receiver(); ok {
			err := vm.err
			if !vm.putBack(x.back, v) && err == nil {
				return false
			}
			vm.err = err
		}
	}
	return true
}

// ask makes the call that task t wants.
func (vm *VM) ask(t *taskState) status {
	fv := t.turn.Fn.Plain()
	var p *value.Fn
	switch fv.Kind() {
	case value.KFn:
		p = fv.Fn()
	case value.KString:
		if len(fv.Str()) > maxName {
			return vm.failNow(longName(fv.Str()))
		}
		p = &value.Fn{Name: fv.Str()}
	default:
		return vm.failNow(value.Mismatch("Fn", fv.TypeName()))
	}
	k := len(p.Curry)
	t.turn.HasThis = false
	if l := &t.last; l.ref == fv.Ref && l.shape == t.turn.Shape && l.n == t.turn.NArgs && fv.Is(value.KFn) {
		return vm.callBack(t, p, l.fn, l.inst, l.how)
	}
	t.byName = p.Code == nil
	for _, c := range shapes[t.turn.Shape] {
		c = t.fit(c)
		fn, inst := vm.resolve(p, c.args)
		if fn != nil && len(fn.Params) == c.args+k {
			t.last = callee{fv.Ref, t.turn.Shape, t.turn.NArgs, fn, inst, c}
			return vm.callBack(t, p, fn, inst, c)
		}
		if p.Anonymous() {
			continue
		}
		if f := vm.nativeCallee(t, p, c); f != nil {
			return vm.callNativeBack(t, p, f, c)
		}
	}
	return vm.noCallee(t, p)
}

// fit is a way of calling with the number of arguments that the task has, if
// it calls in the one way that its callee must have.
func (t *taskState) fit(c calling) calling {
	if t.turn.Shape == native.ShapeExact {
		c.args = t.turn.NArgs
	}
	return c
}

// nativeCallee lays out the arguments of way c of calling p and finds the
// native function that takes them. Its `this` stands in front or, a copy,
// behind curried arguments.
func (vm *VM) nativeCallee(t *taskState, p *value.Fn, c calling) *native.Func {
	n := c.natives(p)
	fs := vm.cfg.Registry.Find(p.Name, n)
	if len(fs) == 0 {
		return nil
	}
	if n == 0 {
		return fs[0]
	}
	at := vm.layCurry(p, t.base)
	if c.this >= 0 {
		vm.stack[at] = t.turn.Args[c.this].Plain().Share()
		at++
	}
	copy(vm.stack[at:], t.turn.Args[c.from:c.from+c.args])
	vm.stack[t.base] = vm.stack[t.base].Plain()
	return vm.overload(fs, &vm.stack[t.base], vm.stack[t.base+1:t.base+n])
}

// natives is how many arguments a native function gets.
func (c calling) natives(p *value.Fn) int {
	n := len(p.Curry) + c.args
	if c.this >= 0 {
		n++
	}
	return n
}

// callNativeBack calls f with the arguments that nativeCallee laid out. What
// it makes of `this` goes back to the task.
func (vm *VM) callNativeBack(t *taskState, p *value.Fn, f *native.Func, c calling) status {
	onThis := c.this >= 0 && len(p.Curry) == 0
	if onThis && t.isConst && f.Mutates {
		return vm.failNow(constMethod(p.Name))
	}
	var recv *value.Value
	var rest []value.Value
	if n := c.natives(p); n > 0 {
		recv, rest = &vm.stack[t.base], vm.stack[t.base+1:t.base+n]
	}
	if f.Task != nil {
		return vm.startTask(f, recv, rest, t.base, noBack, false)
	}
	var out value.Value
	if !vm.invoke(f, recv, rest, &out) {
		return failed
	}
	t.turn.Result = out
	if onThis {
		t.turn.HasThis, t.turn.This = true, *recv
	}
	return next
}

// noCallee fails a task whose callee takes its arguments in no way. The error
// tells of the last that was tried.
func (vm *VM) noCallee(t *taskState, p *value.Fn) status {
	ways := shapes[t.turn.Shape]
	c := t.fit(ways[len(ways)-1])
	args := p.Curry[:min(len(p.Curry), maxShownArgs)]
	args = append(args[:len(args):len(args)], t.turn.Args[c.from:c.from+c.args]...)
	e := vm.notFound(p.Name, args...)
	e.Pos = vm.Position()
	t.byName = true
	return vm.failNow(e)
}

// maxShownArgs bounds the curried arguments that an error lists.
const maxShownArgs = 32

// calling is one way of giving a task's arguments to a callee.
type calling struct {
	args int // how many
	from int // the first of them
	this int // which argument is `this`, or -1
}

// shapes lists the ways for each shape, in the order they are tried.
var shapes = [...][]calling{
	native.ShapeExact: {{0, 0, -1}},
	native.ShapeItem:  {{0, 0, 0}, {1, 0, -1}, {2, 0, -1}},
	native.ShapeEach:  {{0, 0, 0}, {1, 1, 0}},
	native.ShapeFold:  {{1, 0, 1}, {2, 0, -1}, {3, 0, -1}},
	native.ShapeEntry: {{1, 0, 1}, {2, 0, -1}},
	native.ShapePair:  {{2, 0, -1}, {3, 0, -1}},
}

// layCurry lays out the curried arguments of p from stack index at on and
// returns the index behind them.
func (vm *VM) layCurry(p *value.Fn, at int) int {
	for _, v := range p.Curry {
		if !v.Is(value.KCell) {
			v.Share()
		}
		vm.stack[at] = v
		at++
	}
	return at
}

func (vm *VM) callBack(t *taskState, p *value.Fn, fn *code.Func, inst *instance, c calling) status {
	bound := c.this >= 0
	var this value.Value
	if t.turn.Shape == native.ShapeExact {
		bound, this = t.turn.BindThis, t.turn.This
	} else if bound {
		this = t.turn.Args[c.this]
	}
	copy(vm.stack[vm.layCurry(p, t.base):], t.turn.Args[c.from:c.from+c.args])
	if t.turn.HasThis = bound; bound {
		t.turn.This = this
	}
	flags := flagCallback
	if t.isConst && t.turn.Shape != native.ShapeExact {
		flags |= flagConst
	}
	depth := vm.depth
	ok := vm.enter(fn, inst, t.base, flags)
	if bound && vm.depth > depth && fn.ThisReg >= 0 {
		vm.stack[t.base+fn.ThisReg] = this
	}
	if !ok {
		return failed
	}
	return reload
}

// curry is f with more arguments in front.
func (vm *VM) curry(f value.Value, args []value.Value) value.Value {
	p := f.Fn()
	// Copying the arguments is billed at the next check: a pointer curried again
	// and again grows by one argument a time.
	vm.fuel -= int64(len(p.Curry) + len(args))
	c := make([]value.Value, 0, len(p.Curry)+len(args))
	c = append(c, p.Curry...)
	for _, a := range args {
		c = append(c, a.Plain().Share())
	}
	return vm.Heap.NewFn(p.Name, c, p.Code)
}

// inCall wraps an error that came out of a function.
func (vm *VM) inCall(err *value.Error, name string, pos syntax.Pos) *value.Error {
	return &value.Error{Kind: value.ErrInFunctionCall, Msg: err.Msg, Name: name, Pos: pos, Inner: err}
}
