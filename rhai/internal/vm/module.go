package vm

import (
	"strings"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/value"
)

// moduleData is what a module value holds: an instance that has run.
type moduleData struct {
	inst    *instance
	exports map[string]value.Value
}

// importModule runs Import. A module's top level runs once in a run, however
// often it is imported.
func (vm *VM) importModule(in code.Instr, regs *[256]value.Value) status {
	v := regs[in.A()].Plain()
	if !v.Is(value.KString) {
		return vm.failNow(value.Mismatch("string", v.TypeName()))
	}
	name := v.Str()
	if !vm.spend(int64(len(name) / 16)) {
		return failed
	}
	if m, ok := vm.modules[name]; ok {
		regs[in.A()] = m
		vm.publish(in.D(), m)
		return next
	}
	if l := vm.cfg.Limits.Modules; l != 0 && vm.nmods >= max(l, 0) {
		e := value.Errorf(value.ErrTooManyModules, "too many modules: the limit is %d", max(l, 0))
		e.Pos = vm.fn.Prog.Values[code.Place{Fn: vm.fn, PC: vm.pc}]
		return vm.failNow(e)
	}
	if vm.cfg.Load == nil {
		return vm.failNow(noModule(name))
	}
	prog, err := vm.cfg.Load(vm.ctx, name, vm.fn.Prog.Name)
	if err != nil {
		e := noModule(name)
		e.Cause = err
		e.Msg += ": " + err.Error()
		return vm.failNow(e)
	}
	vm.nmods++
	for _, importing := range vm.exts {
		if importing.kind == extModule && importing.name == name {
			return vm.failNow(value.Errorf(value.ErrModuleNotFound, "module %q imports itself", name))
		}
	}
	inst := &instance{prog: prog, caches: make([]siteCache, len(prog.Sites)), env: &environment{}}
	x := ext{kind: extModule, ret: int32(vm.base + int(in.A())), this: -1, inst: inst, name: name}
	if in.D() >= 0 {
		x.bare = value.Int(int64(in.D()))
	}
	vm.exts = append(vm.exts, x)
	depth := vm.depth
	if !vm.push(prog.Main, inst, vm.base+int(in.A())+1, flagExt) {
		if vm.depth == depth {
			vm.popExt()
		}
		return failed
	}
	return reload
}

func noModule(name string) *value.Error {
	e := value.Errorf(value.ErrModuleNotFound, "no module %q", name)
	e.Name = name
	return e
}

// finishModule makes the module value of an instance whose top level has run.
func (vm *VM) finishModule(x *ext) value.Value {
	d := &moduleData{inst: x.inst, exports: map[string]value.Value{}}
	for _, e := range x.inst.env.exports {
		d.exports[e.name] = e.v
	}
	m := vm.Heap.NewModule(d, func(visit func(value.Value)) {
		for _, v := range d.exports {
			visit(v)
		}
		for _, v := range d.inst.env.globals {
			visit(v)
		}
	})
	if vm.modules == nil {
		vm.modules = map[string]value.Value{}
	}
	vm.modules[x.name] = m
	vm.focus()
	if x.bare.IsInt() {
		vm.publish(int32(x.bare.Int()), m)
	}
	return m
}

// publish makes a module known to the functions of the program that imported
// it at its top level.
func (vm *VM) publish(name int32, m value.Value) {
	if name < 0 {
		return
	}
	env := vm.inst.env
	if env.imports == nil {
		env.imports = map[string]value.Value{}
	}
	env.imports[vm.fn.Consts[name].Str()] = m
}

// module finds the module that a path starts with: an import in scope, or one
// of the program's top level.
func (vm *VM) module(s *code.Site, reg uint8, regs *[256]value.Value) (*moduleData, bool) {
	var m value.Value
	if reg != 255 {
		m = regs[reg]
	} else {
		m = vm.inst.env.imports[s.Path[0]]
	}
	if !m.Is(value.KModule) {
		return nil, false
	}
	d := m.Module().Data.(*moduleData)
	for _, name := range s.Path[1:] {
		sub := d.inst.env.imports[name]
		if !sub.Is(value.KModule) {
			return nil, false
		}
		d = sub.Module().Data.(*moduleData)
	}
	return d, true
}

func (vm *VM) modVar(in code.Instr, regs *[256]value.Value) status {
	s := &vm.fn.Prog.Sites[in.D()]
	if d, ok := vm.module(s, in.B(), regs); ok {
		if v, ok := d.exports[s.Name]; ok {
			regs[in.A()] = v.Share()
			return next
		}
		e := unknownVariable(s.Name)
		e.Msg = "module `" + strings.Join(s.Path, "::") + "` exports no variable `" + s.Name + "`"
		return vm.failNow(e)
	}
	path := strings.Join(s.Path, "::")
	if vm.cfg.Modules != nil {
		if v, ok := vm.cfg.Modules.Constant(path, s.Name); ok {
			regs[in.A()] = v
			return next
		}
	}
	return vm.failNow(vm.noModuleAt(s, path))
}

func (vm *VM) noModuleAt(s *code.Site, path string) *value.Error {
	if vm.hasModule(path) {
		e := unknownVariable(path + "::" + s.Name)
		return e
	}
	e := noModule(path)
	if len(s.PathAt) > 0 {
		e.Pos = s.PathAt[0]
	}
	return e
}

func (vm *VM) modCall(in code.Instr, regs *[256]value.Value) status {
	s := &vm.fn.Prog.Sites[in.D()]
	a := vm.base + int(in.A())
	if d, ok := vm.module(s, in.B(), regs); ok {
		fn := d.inst.prog.ByName[code.FnKey{Name: s.Name, Params: s.NArgs}]
		if fn == nil || fn.Def.Private {
			return vm.failNow(vm.notFound(strings.Join(s.Path, "::")+"::"+s.Name, vm.stack[a:a+s.NArgs]...))
		}
		vm.exts = append(vm.exts, ext{ret: int32(a), this: -1})
		depth := vm.depth
		if !vm.push(fn, d.inst, a, flagExt) {
			if vm.depth == depth {
				vm.popExt()
			}
			return failed
		}
		return reload
	}
	path := strings.Join(s.Path, "::")
	if len(s.Natives) == 0 && !vm.hasModule(path) {
		return vm.failNow(vm.noModuleAt(s, path))
	}
	if s.NArgs == 0 {
		return vm.callNatives(s, in.D(), nil, nil, a, noBack)
	}
	return vm.callNatives(s, in.D(), &vm.stack[a], vm.stack[a+1:a+s.NArgs], a, noBack)
}

func (vm *VM) hasModule(path string) bool {
	return vm.cfg.Modules != nil && vm.cfg.Modules.HasModule(path)
}
