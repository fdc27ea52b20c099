package vm

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// index is the general form of Index and Borrow.
func (vm *VM) index(in code.Instr, regs *[256]value.Value) status {
	recv, ok := vm.plain(regs[in.B()])
	if !ok {
		return failed
	}
	idx, ok := vm.plain(regs[in.C()])
	if !ok {
		return failed
	}
	v, ok := vm.indexOf(recv, idx)
	if !ok {
		return vm.indexError(in.D())
	}
	if in.Op() == code.Index {
		v.Share()
	}
	vm.reg(in.A(), v)
	return next
}

// reg sets a register of the running frame.
func (vm *VM) reg(a uint8, v value.Value) { vm.stack[vm.base+int(a)] = v }

// indexOf reads recv[idx].
func (vm *VM) indexOf(recv, idx value.Value) (value.Value, bool) {
	if recv.Is(value.KObject) {
		return vm.indexObject(recv, idx)
	}
	v, err := value.Index(&vm.Heap, recv, idx)
	if err != nil {
		return v, vm.failErr(err)
	}
	return v, true
}

// indexObject reads an element of a host value. It is apart from indexOf, whose
// receiver would otherwise be moved to the Go heap.
//
//go:noinline
func (vm *VM) indexObject(recv, idx value.Value) (out value.Value, ok bool) {
	idx = vm.kept(idx)
	f := vm.overload(vm.cfg.Registry.Find("index$get", 2), &recv, []value.Value{idx})
	if f == nil {
		return out, vm.fail(noIndexer(recv))
	}
	ok = vm.invoke(f, &recv, []value.Value{idx}, &out)
	return out, ok
}

// kept is v as it may be kept.
func (vm *VM) kept(v value.Value) value.Value {
	if v.Is(value.KString) && v.Ref.Flags&value.Fleeting != 0 {
		return vm.Heap.NewString(v.Kept())
	}
	return v
}

func noIndexer(v value.Value) *value.Error {
	return value.Errorf(value.ErrIndexingType, "a value of type %s cannot be indexed", v.TypeName())
}

// indexError places an index error: an error about the indexed value's type
// belongs to the bracket, whose place operand d tells, the rest to the index.
func (vm *VM) indexError(d int32) status {
	vm.placeValue()
	if vm.err.Kind == value.ErrIndexingType && !vm.err.Pos.Known() {
		vm.err.Pos = vm.bracket(d)
	}
	return failed
}

// placeValue gives an error about an assigned value the place of that value.
func (vm *VM) placeValue() {
	if (vm.err.OfValue || vm.err.Kind == value.ErrDataTooLarge) && !vm.err.Pos.Known() {
		vm.err.Pos = vm.fn.Prog.Values[code.Place{Fn: vm.fn, PC: vm.pc}]
	}
}

func (vm *VM) bracket(d int32) syntax.Pos {
	if d < 0 {
		return vm.fn.Prog.Paths[-d-1].Pos
	}
	p := vm.fn.Pos[vm.pc-1]
	p.Col -= d
	return p
}

// setIndex is the general form of SetIndex.
func (vm *VM) setIndex(in code.Instr, regs *[256]value.Value) status {
	dst, ok := vm.target(&regs[in.A()])
	if !ok {
		return failed
	}
	idx, ok := vm.plain(regs[in.B()])
	if !ok || !vm.storeIndex(dst, idx, regs[in.C()]) {
		if ok {
			return vm.indexError(in.D())
		}
		return failed
	}
	return next
}

// storeIndex sets (*dst)[idx] = v.
func (vm *VM) storeIndex(dst *value.Value, idx, v value.Value) bool {
	if dst.Is(value.KObject) {
		idx = vm.kept(idx)
		f := vm.overload(vm.cfg.Registry.Find("index$set", 3), dst, []value.Value{idx, v})
		if f == nil {
			return vm.fail(noIndexer(*dst))
		}
		var out value.Value
		return vm.invoke(f, dst, []value.Value{idx, v}, &out)
	}
	if dst.Is(value.KTagged) {
		inner := dst.Plain()
		if !vm.storeIndex(&inner, idx, v) {
			return false
		}
		*dst = vm.Heap.Retag(inner, *dst)
		return true
	}
	if err := value.SetIndex(&vm.Heap, vm, dst, idx, v); err != nil {
		return vm.failErr(err)
	}
	return true
}

// getProp is the general form of GetProp.
func (vm *VM) getProp(in code.Instr, regs *[256]value.Value) status {
	recv := &regs[in.B()]
	if recv.Ref != nil && recv.Ref.Kind == value.KCell {
		if recv.Ref.Flags&value.Locked != 0 {
			return vm.failNow(dataRace())
		}
		recv = &recv.Cell().V
	}
	v, ok := vm.property(recv, in.D())
	if !ok {
		return failed
	}
	if in.C() == 0 {
		v.Share()
	}
	vm.reg(in.A(), v)
	return next
}

func (vm *VM) failNow(err *value.Error) status {
	vm.err = err
	return failed
}

// property reads a property: a map's entry, or what a getter answers.
func (vm *VM) property(recv *value.Value, site int32) (value.Value, bool) {
	s := &vm.fn.Prog.Sites[site]
	if recv.Is(value.KMap) {
		if v := recv.Map().Lookup(s.Name, &vm.inst.caches[site].hint); v != nil {
			return *v, true
		}
		return value.Unit, true
	}
	if s.Name == "tag" {
		return value.Int(int64(recv.Tag())), true
	}
	plain := recv
	if recv.Is(value.KTagged) {
		x := recv.Plain()
		plain = &x
	}
	f := vm.overload(s.Getter, plain, nil)
	if f == nil {
		return vm.entry(plain, s.Name)
	}
	var out value.Value
	ok := vm.invoke(f, plain, nil, &out)
	return out, ok
}

// entry reads a property that no getter answers. As in native Rhai, a host
// value that is indexed by strings has its entries as properties too.
func (vm *VM) entry(recv *value.Value, name string) (value.Value, bool) {
	if !recv.Is(value.KObject) {
		return value.Unit, vm.fail(noProperty(name, *recv))
	}
	rest := []value.Value{vm.Heap.NewString(name)}
	f := vm.overload(vm.cfg.Registry.Find("index$get", 2), recv, rest)
	if f == nil {
		return value.Unit, vm.fail(noProperty(name, *recv))
	}
	var out value.Value
	ok := vm.invoke(f, recv, rest, &out)
	return out, ok
}

// propertyOf is property for a value that has no address. Only what is not a
// map is moved to the Go heap.
func (vm *VM) propertyOf(v value.Value, site int32) (value.Value, bool) {
	if v.Is(value.KMap) {
		x := v.Map().Lookup(vm.fn.Prog.Sites[site].Name, &vm.inst.caches[site].hint)
		if x == nil {
			return value.Unit, true
		}
		return *x, true
	}
	recv := v
	return vm.property(&recv, site)
}

func noProperty(name string, v value.Value) *value.Error {
	e := value.Errorf(value.ErrDotExpr, "a value of type %s has no property `%s`", v.TypeName(), name)
	e.Name = name
	return e
}

// setProp is the general form of SetProp.
func (vm *VM) setProp(in code.Instr, regs *[256]value.Value) status {
	dst, ok := vm.target(&regs[in.A()])
	if !ok {
		return failed
	}
	if !vm.storeProp(dst, in.D(), regs[in.C()]) {
		vm.placeValue()
		return failed
	}
	return next
}

// storeProp sets dst.name = v.
func (vm *VM) storeProp(dst *value.Value, site int32, v value.Value) bool {
	s := &vm.fn.Prog.Sites[site]
	if dst.Is(value.KMap) {
		m, err := vm.Heap.OwnMap(dst)
		if err != nil {
			return vm.failErr(err)
		}
		if x := m.Lookup(s.Name, &vm.inst.caches[site].hint); x != nil {
			*x = v
		} else if err := m.Set(&vm.Heap, s.Name, v); err != nil {
			return vm.failErr(err)
		}
		if vm.cfg.Limits.Sizes.Map > 0 && m.Len() > vm.cfg.Limits.Sizes.Map {
			return vm.fail(value.TooLarge("map", vm.cfg.Limits.Sizes.Map))
		}
		return vm.cfg.Limits.Sizes == value.Sizes{} || vm.sized(*dst)
	}
	if s.Name == "tag" {
		return vm.setTag(dst, v)
	}
	rest := []value.Value{v}
	f := vm.overload(s.Setter, dst, rest)
	if f == nil && dst.Is(value.KObject) {
		rest = []value.Value{vm.Heap.NewString(s.Name), v}
		f = vm.overload(vm.cfg.Registry.Find("index$set", 3), dst, rest)
	}
	if f == nil {
		return vm.fail(noProperty(s.Name, *dst))
	}
	var out value.Value
	return vm.invoke(f, dst, rest, &out)
}

func (vm *VM) setTag(dst *value.Value, v value.Value) bool {
	v = v.Plain()
	if !v.IsInt() {
		e := noProperty("tag", *dst)
		e.Msg = "a tag must be an integer, found " + v.TypeName()
		return vm.fail(e)
	}
	n := v.Int()
	if n != int64(int32(n)) {
		return vm.fail(value.Errorf(value.ErrArithmetic, "%d is too large for a tag: it has 32 bits", n))
	}
	if err := vm.Heap.SetTag(dst, int32(n)); err != nil {
		return vm.failErr(err)
	}
	return true
}

// overload picks the first overload that accepts the arguments.
func (vm *VM) overload(fs []*native.Func, recv *value.Value, rest []value.Value) *native.Func {
	for _, f := range fs {
		if f.Accepts(recv, rest) {
			return f
		}
	}
	return nil
}
