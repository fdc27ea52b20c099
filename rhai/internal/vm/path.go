package vm

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// rootOf is the place a path starts from; base is the first register of the
// frame that the path belongs to.
func (vm *VM) rootOf(p *code.Path, base int) (*value.Value, bool) {
	r := &vm.stack[base+int(p.Reg)]
	if r.Ref != nil && r.Ref.Kind == value.KCell {
		if r.Ref.Flags&value.Locked != 0 {
			return nil, vm.fail(dataRace())
		}
		return &r.Cell().V, true
	}
	return r, true
}

// pathSet runs PathSet: path = R[A], or path op= R[A].
func (vm *VM) pathSet(in code.Instr, regs *[256]value.Value) status {
	p := &vm.fn.Prog.Paths[in.D()]
	root, ok := vm.rootOf(p, vm.base)
	if !ok {
		return failed
	}
	if add := in.B() == uint8(syntax.OpAdd)+1; (add || in.B() == 0) && vm.storeScalar(p, root, regs[in.A()], add) {
		return next
	}
	if p.Const || p.Root == code.RootThis && vm.constThis() || vm.constCell(p) {
		if st := vm.constPath(p, root, regs); st != next {
			return st
		}
	}
	v := regs[in.A()]
	if in.B() == 0 {
		return vm.done(vm.update(root, p.Steps, vm.base, nil, v))
	}
	op, at := syntax.Op(in.B()-1), vm.Position()
	vm.assigning = true
	ok = vm.update(root, p.Steps, vm.base, func(x *value.Value) bool {
		if vm.assign(op, x, v) {
			return true
		}
		if !vm.err.Pos.Known() {
			vm.err.Pos = at
		}
		return false
	}, value.Unit)
	vm.assigning = false
	return vm.done(ok)
}

// ownProp is the place of x.p, the most common path, in a map of our own that
// has such an entry; nil when the path is any other.
func (vm *VM) ownProp(p *code.Path, root *value.Value) *value.Value {
	if len(p.Steps) != 1 || !p.Steps[0].Prop || p.Const ||
		root.Ref == nil || root.Ref.Kind != value.KMap || root.Ref.Flags&value.Shared != 0 ||
		p.Root == code.RootThis && vm.constThis() || vm.constCell(p) {
		return nil
	}
	s := &p.Steps[0]
	return root.Map().Lookup(s.Name, &vm.inst.caches[s.Site].hint)
}

// storeScalar does x.p = v or, when add is set, x.p += v for integers, where that
// is a matter of storing a scalar, which makes nothing larger. Otherwise it
// does nothing and returns false.
func (vm *VM) storeScalar(p *code.Path, root *value.Value, v value.Value, add bool) bool {
	if v.Ref != nil && v.Ref.Kind >= value.KString || add && v.Ref != &value.IntTag {
		return false
	}
	x := vm.ownProp(p, root)
	if x == nil || add && x.Ref != &value.IntTag {
		return false
	}
	if !add {
		*x = v
		return true
	}
	a, b := int64(x.Bits), int64(v.Bits)
	z := a + b
	if (a^z)&(b^z) < 0 {
		return false
	}
	x.Bits = uint64(z)
	return true
}

func (vm *VM) constCell(p *code.Path) bool {
	r := vm.stack[vm.base+int(p.Reg)]
	return r.Is(value.KCell) && r.Ref.Flags&value.Const != 0
}

// constPath refuses to change what a constant holds. As in native, adding a
// key to a map and changing characters and bits go through.
func (vm *VM) constPath(p *code.Path, root *value.Value, regs *[256]value.Value) status {
	last := len(p.Steps) - 1
	x, ok := vm.readSteps(*root, p.Steps[:last], vm.base)
	if !ok {
		return failed
	}
	s := &p.Steps[last]
	if s.Prop && s.Name == "tag" && !x.Is(value.KMap) {
		e := constMethod("tag")
		e.Pos = s.Pos
		return vm.failNow(e)
	}
	refuse := false
	switch {
	case x.Is(value.KArray):
		// An index outside is the first thing wrong.
		if _, ok := vm.readSteps(x, p.Steps[last:], vm.base); !ok {
			return failed
		}
		refuse = true
	case x.Is(value.KMap):
		name := s.Name
		if k := regs[s.Reg].Plain(); !s.Prop && k.Is(value.KString) {
			name = k.Str()
		}
		_, has := x.Map().Get(name)
		refuse = refuse || has
	}
	if !refuse {
		return next
	}
	e := compile.AssignConst(p.Name)
	e.Pos = p.Pos
	return vm.failNow(e)
}

// readSteps follows steps from v, only looking.
func (vm *VM) readSteps(v value.Value, steps []code.PathStep, base int) (value.Value, bool) {
	for i := range steps {
		s := &steps[i]
		var ok bool
		if s.Prop {
			v, ok = vm.propertyOf(v, s.Site)
		} else {
			v, ok = vm.indexOf(v, vm.stack[base+int(s.Reg)].Plain())
		}
		if !ok {
			return v, vm.placeStep(s)
		}
	}
	return v, true
}

// placeStep gives vm.err the position of a step and returns false.
func (vm *VM) placeStep(s *code.PathStep) bool {
	vm.placeValue()
	if vm.err.Pos.Known() {
		return false
	}
	if s.Prop || vm.err.Kind == value.ErrIndexingType {
		vm.err.Pos = s.Pos
	} else {
		vm.err.Pos = s.IdxAt
	}
	return false
}

// update changes the place that steps lead to from cur: f changes it, or it
// becomes v when f is nil. What is shared on the way is cloned; what has no
// address (a character, a bit, a property of a host value) is read, changed
// and written back.
func (vm *VM) update(cur *value.Value, steps []code.PathStep, base int, f func(*value.Value) bool, v value.Value) bool {
	for len(steps) > 0 {
		s := &steps[0]
		last := len(steps) == 1
		if last && f == nil {
			if s.Prop && !vm.storeProp(cur, s.Site, v) || !s.Prop && !vm.storeIndex(cur, vm.stack[base+int(s.Reg)].Plain(), v) {
				return vm.placeStep(s)
			}
			return true
		}
		p, ok := vm.element(cur, s, base)
		if !ok {
			return vm.placeStep(s)
		}
		if p == nil {
			return vm.updateCopy(cur, steps, base, f, v)
		}
		if last && s.Prop && vm.assigning && vm.cfg.Limits.Sizes != (value.Sizes{}) {
			return f(p) && vm.sized(*cur)
		}
		cur, steps = p, steps[1:]
	}
	if f == nil {
		*cur = v
		return true
	}
	return f(cur)
}

// element is the address of the place one step leads to, nil when it has none.
func (vm *VM) element(cur *value.Value, s *code.PathStep, base int) (*value.Value, bool) {
	if s.Prop {
		if !cur.Is(value.KMap) {
			return nil, true
		}
		m, err := vm.Heap.OwnMap(cur)
		if err != nil {
			return nil, vm.failErr(err)
		}
		return m.Lookup(s.Name, &vm.inst.caches[s.Site].hint), true
	}
	if k := cur.Kind(); k != value.KArray && k != value.KMap {
		return nil, true
	}
	p, err := value.ElemRef(&vm.Heap, cur, vm.stack[base+int(s.Reg)].Plain())
	if err == value.ErrNoRef {
		return nil, true
	}
	if err != nil {
		return nil, vm.failErr(err)
	}
	return p, true
}

// updateCopy is update for a step without an address.
func (vm *VM) updateCopy(cur *value.Value, steps []code.PathStep, base int, f func(*value.Value) bool, v value.Value) bool {
	s := &steps[0]
	x, ok := vm.readSteps(*cur, steps[:1], base)
	if !ok {
		return false
	}
	x.Share()
	if !vm.update(&x, steps[1:], base, f, v) {
		return false
	}
	if cur.Is(value.KMap) && len(steps) > 1 {
		return true // there is no such key, and what was changed was nobody's
	}
	if s.Prop && cur.Is(value.KObject) && !vm.assigning && !vm.settable(cur, s, x) {
		// A method changed what a read-only property of a host value gave: as
		// in native, a copy, or a host value that changed in place.
		return true
	}
	if s.Prop && !vm.storeProp(cur, s.Site, x) || !s.Prop && !vm.storeIndex(cur, vm.stack[base+int(s.Reg)].Plain(), x) {
		return vm.placeStep(s)
	}
	return true
}

// settable reports whether a property of a host value can be assigned v.
func (vm *VM) settable(obj *value.Value, s *code.PathStep, v value.Value) bool {
	return vm.overload(vm.fn.Prog.Sites[s.Site].Setter, obj, []value.Value{v}) != nil ||
		vm.overload(vm.cfg.Registry.Find("index$set", 3), obj, []value.Value{vm.Heap.NewString(s.Name), v}) != nil
}

// setPath puts a value where a path leads, for receivers that come back.
func (vm *VM) setPath(p *code.Path, base int, v value.Value) bool {
	root, ok := vm.rootOf(p, base)
	return ok && vm.update(root, p.Steps, base, nil, v)
}

// pathCall runs PathCall: a method on the place that a path leads to.
func (vm *VM) pathCall(in code.Instr, regs *[256]value.Value) status {
	p := &vm.fn.Prog.Paths[in.D()]
	s := &vm.fn.Prog.Sites[p.Site]
	root, ok := vm.rootOf(p, vm.base)
	if !ok {
		return failed
	}
	// The receiver's address is handed around: a variable of Go's would be
	// moved to its heap at each call.
	leaf := &vm.leaf
	if *leaf, ok = vm.readSteps(*root, p.Steps, vm.base); !ok {
		return failed
	}
	a := vm.base + int(in.A())
	b := noBack
	temp := p.Root == code.RootTemp || leaf.IsUnit() && vm.absent(*root, p.Steps)
	if !temp && !vm.constRecv(s, b) && !vm.constCell(p) {
		b = back{kind: backToPath, idx: int32(vm.base), path: p}
	}
	if r := vm.stack[vm.base+int(p.Reg)]; r.Is(value.KCell) {
		b.cell = r.Cell() // in use while a method runs on a part of it
	}
	if s.Keyword == code.KeyTake && s.NArgs == 1 {
		return vm.takePath(p, s, root, *leaf, a, temp)
	}
	if vm.isScriptMethod(s, *leaf) {
		leaf.Share()
		return vm.methodOn(s, p.Site, leaf, a, b)
	}
	rest := vm.stack[a+1 : a+s.NArgs]
	f := vm.pathNative(s, p.Site, leaf, rest)
	if f == nil {
		return vm.failNow(vm.noNative(s, leaf, rest))
	}
	if f.Task != nil {
		leaf.Share()
		return vm.callNatives(s, p.Site, leaf, rest, a, b)
	}
	if !f.Mutates || temp {
		if f.Mutates {
			leaf.Share()
		}
		return vm.callNatives(s, p.Site, leaf, rest, a, b)
	}
	if vm.constRecv(s, noBack) || vm.constCell(p) {
		return vm.failNow(constMethod(s.Name))
	}
	var out value.Value
	at := vm.Position()
	ok = vm.update(root, p.Steps, vm.base, func(x *value.Value) bool {
		if vm.invoke(f, x, rest, &out) {
			return true
		}
		if !vm.err.Pos.Known() {
			vm.err.Pos = at
		}
		return false
	}, value.Unit)
	if !ok {
		return failed
	}
	vm.stack[a] = out
	return next
}

// absent reports whether steps, which can be followed from v, end at a key that
// a map does not have: what a method does to the () found there is lost.
func (vm *VM) absent(v value.Value, steps []code.PathStep) bool {
	last := &steps[len(steps)-1]
	m, ok := vm.readSteps(v, steps[:len(steps)-1], vm.base)
	if !ok || !m.Is(value.KMap) {
		vm.err = nil
		return false
	}
	name := last.Name
	if !last.Prop {
		name = vm.stack[vm.base+int(last.Reg)].Plain().Str()
	}
	_, has := m.Map().Get(name)
	return !has
}

// takePath runs path.take(): the value, leaving () in its place.
func (vm *VM) takePath(p *code.Path, s *code.Site, root *value.Value, leaf value.Value, a int, temp bool) status {
	if vm.constRecv(s, noBack) || vm.constCell(p) {
		return vm.failNow(constMethod(s.Name))
	}
	vm.stack[a] = leaf.Share()
	if temp {
		return next
	}
	return vm.done(vm.update(root, p.Steps, vm.base, nil, value.Unit))
}

// isScriptMethod reports whether the call goes to a function pointer, a script
// function or the machine itself, rather than to a native.
func (vm *VM) isScriptMethod(s *code.Site, leaf value.Value) bool {
	if s.Script != nil || s.Keyword != code.NoKeyword {
		return true
	}
	if leaf.Is(value.KMap) {
		if v, ok := leaf.Map().Get(s.Name); ok && v.Is(value.KFn) {
			return true
		}
	}
	return s.Typed != nil && s.Typed[leaf.TypeName()] != nil
}

func (vm *VM) pathNative(s *code.Site, site int32, recv *value.Value, rest []value.Value) *native.Func {
	cache := &vm.inst.caches[site]
	if cache.fn == nil || !cache.fn.Accepts(recv, rest) {
		cache.fn = vm.overload(s.Natives, recv, rest)
	}
	return cache.fn
}
