package vm

import (
	"context"
	"time"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// native runs Native: a function call whose first argument goes by reference.
func (vm *VM) native(in code.Instr, regs *[256]value.Value) status {
	s := &vm.fn.Prog.Sites[in.D()]
	if s.NArgs == 0 {
		return vm.callNatives(s, in.D(), nil, nil, vm.base+int(in.A()), noBack)
	}
	rest := regs[int(in.A())+1 : int(in.A())+s.NArgs]
	back := noBack
	if !s.Temp {
		back = backReg(vm.base + int(in.B()))
	}
	return vm.callNatives(s, in.D(), &regs[in.B()], rest, vm.base+int(in.A()), back)
}

// callNatives calls the overload of a site that accepts the arguments. dst is
// the stack index for the result; back says where the receiver lives, for
// tasks, which end later.
func (vm *VM) callNatives(s *code.Site, site int32, recv *value.Value, rest []value.Value, dst int, back back) status {
	var cell *value.Cell
	if recv != nil && recv.Ref != nil && recv.Ref.Kind == value.KCell {
		cell = recv.Cell()
		if cell.Flags&value.Locked != 0 {
			return vm.failNow(dataRace())
		}
		recv = &cell.V
		if back.kind == backToReg {
			back = backCell(cell)
		}
	}
	for i := range rest {
		if rest[i].Ref != nil && rest[i].Ref.Kind == value.KCell {
			v, ok := vm.plain(rest[i])
			if !ok {
				return failed
			}
			rest[i] = v
		}
	}
	cache := &vm.inst.caches[site]
	f := cache.fn
	if f == nil || recv != nil && !f.Accepts(recv, rest) {
		if recv != nil {
			f = vm.overload(s.Natives, recv, rest)
		} else if len(s.Natives) > 0 {
			f = s.Natives[0]
		}
		if f == nil {
			return vm.failNow(vm.noNative(s, recv, rest))
		}
		cache.fn = f
	}
	isConst := vm.constRecv(s, back)
	if isConst && s.MethodStyle && (f.Mutates || f.RefusesConst) {
		return vm.failNow(constMethod(s.Name))
	}
	if f.Task != nil {
		return vm.startTask(f, recv, rest, dst, back, isConst)
	}
	var out value.Value
	if recv != nil && isConst && f.Mutates {
		copied := recv.Share()
		recv = &copied
	}
	if !vm.invoke(f, recv, rest, &out) {
		return failed
	}
	vm.stack[dst] = out
	return next
}

func constMethod(name string) *value.Error {
	e := value.Errorf(value.ErrNonPureOnConst, "`%s` would change a constant", name)
	e.Name = name
	return e
}

func (vm *VM) noNative(s *code.Site, recv *value.Value, rest []value.Value) *value.Error {
	var args []value.Value
	if recv != nil {
		args = append(args, *recv)
	}
	e := vm.notFound(s.Name, append(args, rest...)...)
	switch hint := vm.suggestFunc(s.Name); hint {
	case "":
	case s.Name:
		e.Msg += "; the function exists, but not for these arguments"
	default:
		e.Msg += "; did you mean `" + hint + "`?"
	}
	return e
}

// invoke calls one overload. Tagged scalars are unwrapped for it.
func (vm *VM) invoke(f *native.Func, recv *value.Value, rest []value.Value, dst *value.Value) bool {
	for i := range rest {
		if rest[i].Ref != nil && rest[i].Ref.Kind >= value.KCell {
			rest[i] = rest[i].Plain()
		}
	}
	if recv != nil && recv.Ref != nil && recv.Ref.Kind == value.KTagged {
		return vm.invokeTagged(f, recv, rest, dst)
	}
	c := &vm.call
	c.Recv, c.Rest, c.Result = recv, rest, value.Unit
	if err := f.Call(c); err != nil {
		return vm.failErr(err)
	}
	*dst = c.Result
	if vm.cfg.Limits.Sizes != (value.Sizes{}) {
		if !vm.sized(*dst) || recv != nil && !vm.sized(*recv) {
			return false
		}
	}
	return true
}

// invokeTagged calls a function on a scalar that carries a tag. What changes
// the value keeps the tag.
func (vm *VM) invokeTagged(f *native.Func, recv *value.Value, rest []value.Value, dst *value.Value) bool {
	if f.Name == "tag" || f.Name == "set_tag" || f.Name == "get$tag" {
		c := &vm.call
		c.Recv, c.Rest, c.Result = recv, rest, value.Unit
		if err := f.Call(c); err != nil {
			return vm.failErr(err)
		}
		*dst = c.Result
		return true
	}
	inner := recv.Plain()
	if !vm.invoke(f, &inner, rest, dst) {
		return false
	}
	if f.Mutates {
		*recv = vm.Heap.Retag(inner, *recv)
	}
	return true
}

// The machine is the environment of its natives.

var _ native.Env = (*VM)(nil)

// Charge bills n operations.
func (vm *VM) Charge(n int) error {
	if vm.spend(int64(n)) {
		return nil
	}
	err := vm.err
	vm.err = nil
	return err
}

// Position is the place of the running call.
func (vm *VM) Position() syntax.Pos { return vm.posAt(vm.fn, vm.pc) }

func (vm *VM) posAt(fn *code.Func, pc int) syntax.Pos {
	if fn == nil || pc < 1 || pc > len(fn.Pos) {
		return syntax.Pos{}
	}
	return fn.Pos[pc-1]
}

func (vm *VM) Print(line string) error {
	if vm.cfg.Print == nil {
		return nil
	}
	return vm.cfg.Print(line)
}

func (vm *VM) Debug(line string, at syntax.Pos) error {
	if vm.cfg.Debug == nil {
		return nil
	}
	return vm.cfg.Debug(line, at)
}

func (vm *VM) Now() int64 {
	if vm.cfg.Now != nil {
		return vm.cfg.Now()
	}
	return int64(time.Since(processStart))
}

// processStart is the origin of the default clock.
var processStart = time.Now()

func (vm *VM) Sleep(nanos int64) error {
	if nanos <= 0 {
		return nil
	}
	if vm.cfg.Sleep != nil {
		err := vm.cfg.Sleep(vm.ctx, nanos)
		if err == nil || vm.ctx.Err() == nil {
			return err
		}
		vm.endSlice() // no script catches the end of its time
		return vm.Charge(1)
	}
	t := time.NewTimer(time.Duration(nanos))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-vm.ctx.Done():
		vm.endSlice()
		return vm.Charge(1)
	}
}

func (vm *VM) ScriptFunc(thisType, name string, params int) bool {
	_, ok := vm.fn.Prog.ByName[code.FnKey{This: thisType, Name: name, Params: params}]
	return ok
}

func (vm *VM) Context() context.Context { return vm.ctx }

func (vm *VM) Host() any { return vm.cfg.Host }
