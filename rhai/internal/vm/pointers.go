package vm

import (
	"sort"
	"strings"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// callFn runs CallFn: call(f, args).
func (vm *VM) callFn(in code.Instr, regs *[256]value.Value) status {
	f := regs[in.A()].Plain()
	a := vm.base + int(in.A())
	if !f.Is(value.KFn) {
		vm.err = value.Mismatch("Fn", f.TypeName())
		vm.err.OfValue = true
		vm.placeValue()
		return failed
	}
	return vm.callPointer(f, a, a+1, int(in.B())-1, nil, a)
}

func (vm *VM) curryOp(in code.Instr, regs *[256]value.Value) status {
	f := regs[in.A()].Plain()
	if !f.Is(value.KFn) {
		return vm.failNow(value.Mismatch("Fn", f.TypeName()))
	}
	regs[in.A()] = vm.curry(f, regs[int(in.A())+1:int(in.A())+int(in.B())])
	return next
}

// newFn runs NewFn: Fn(name).
func (vm *VM) newFn(in code.Instr, regs *[256]value.Value) status {
	v := regs[in.A()].Plain()
	if !v.Is(value.KString) {
		return vm.failNow(value.Mismatch("string", v.TypeName()))
	}
	switch name := v.Str(); {
	case len(name) > maxName:
		return vm.failNow(longName(name))
	case syntax.IsReserved(name):
		e := value.Errorf(value.ErrParsing, "`%s` is a keyword or an operator and cannot be the name of a function", name)
		return vm.failNow(e)
	case !syntax.IsIdentifier(name) && !strings.HasPrefix(name, "anon$"):
		e := value.NotFound(name)
		e.Msg = "`" + name + "` cannot be the name of a function"
		return vm.failNow(e)
	default:
		var link any
		if in.C() == 1 {
			link = &closureRef{inst: vm.inst}
		}
		regs[in.A()] = vm.Heap.NewFn(name, nil, link)
		return next
	}
}

// maxName is the length of the longest text that is looked for among the names
// of functions, in bytes: looking for one of megabytes is work.
const maxName = 1 << 10

func longName(name string) *value.Error {
	return value.NotFound(name[:64] + "…")
}

// suggestFunc finds a function whose name is close to one that does not exist.
func (vm *VM) suggestFunc(name string) string {
	var names []string
	for k := range vm.fn.Prog.ByName {
		names = append(names, k.Name)
	}
	vm.fuel -= int64(len(names)+len(vm.cfg.Registry.Names())) / 4 // billed with what comes next
	sort.Strings(names)
	if s := compile.Suggest(name, names); s != "" {
		return s
	}
	return compile.Suggest(name, vm.cfg.Registry.Names())
}

// fnMeta runs FnMeta: get_fn_metadata_list([name[, params]]).
func (vm *VM) fnMeta(in code.Instr, regs *[256]value.Value) status {
	name, params := "", -1
	args := regs[int(in.A()) : int(in.A())+int(in.B())]
	for i := range args {
		args[i] = args[i].Plain()
	}
	if len(args) > 0 && !args[0].Is(value.KString) || len(args) > 1 && !args[1].IsInt() {
		return vm.failNow(vm.notFound("get_fn_metadata_list", args...))
	}
	if len(args) > 0 {
		name = args[0].Str()
	}
	if len(args) > 1 {
		params = int(args[1].Int())
	}
	h := &vm.Heap
	var list []value.Value
	defs := append([]*syntax.FnDef(nil), vm.fn.Prog.Defs...)
	sort.SliceStable(defs, func(i, j int) bool { return defs[i].Name < defs[j].Name })
	for _, fn := range vm.fn.Prog.Funcs {
		if fn.Anonymous && in.B() == 0 {
			list = append(list, vm.describeClosure(fn))
		}
	}
	for _, d := range defs {
		if in.B() > 0 && d.Name != name || params >= 0 && len(d.Params) != params {
			continue
		}
		list = append(list, vm.describeFn(d))
	}
	if err := h.Reserve(len(list) * value.SizeValue); err != nil {
		return vm.doneErr(err)
	}
	regs[in.A()] = h.NewArray(list)
	return next
}

func (vm *VM) describeFn(d *syntax.FnDef) value.Value {
	h := &vm.Heap
	v := h.NewMap()
	set := func(k string, x value.Value) { _ = v.Map().Set(h, k, x) }
	access := "public"
	if d.Private {
		access = "private"
	}
	set("access", h.NewString(access))
	set("is_anonymous", value.Bool(false))
	set("name", h.NewString(d.Name))
	params := make([]value.Value, len(d.Params))
	for i, p := range d.Params {
		params[i] = h.NewString(p.Name)
	}
	set("params", h.NewArray(params))
	if d.This != "" {
		set("this_type", h.NewString(d.This))
	}
	if len(d.Doc) > 0 {
		docs := make([]value.Value, len(d.Doc))
		for i, s := range d.Doc {
			docs[i] = h.NewString(s)
		}
		set("comments", h.NewArray(docs))
	}
	return v
}

func (vm *VM) describeClosure(fn *code.Func) value.Value {
	d := syntax.FnDef{Name: fn.Name}
	for _, name := range fn.Params {
		d.Params = append(d.Params, syntax.Param{Name: name})
	}
	v := vm.describeFn(&d)
	_ = v.Map().Set(&vm.Heap, "is_anonymous", value.Bool(true))
	return v
}
