package vm

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Variables by name: eval and what comes with it. Code compiled at run time
// (a chunk) runs on its caller's registers. Variables that it declares have no
// register; they are in vm.dyn, with the index of the frame whose scope they
// are in, and functions that contain eval look there first.

// owner is the frame in whose scope the running code declares variables.
func (vm *VM) owner() int32 {
	i := vm.depth
	for vm.frames[i].flags&flagChunk != 0 && i > 0 {
		i--
	}
	return int32(i)
}

// findDyn finds the variable of that name that eval declared last, after the
// first since.
func (vm *VM) findDyn(name string, since int) *dynVar {
	at := vm.owner()
	for i := len(vm.dyn) - 1; i >= since; i-- {
		if d := &vm.dyn[i]; d.depth == at && d.name == name {
			return d
		}
	}
	return nil
}

func (vm *VM) dynamic(in code.Instr, regs *[256]value.Value) status {
	switch in.Op() {
	case code.DynMark:
		regs[in.A()].SetInt(int64(len(vm.dyn)))
		return next
	case code.DynTrim:
		vm.trimDyn(int(regs[in.A()].Int()))
		return next
	case code.DynReset:
		i := len(vm.dyn)
		for i > 0 && vm.dyn[i-1].depth >= int32(vm.depth) {
			i--
		}
		vm.trimDyn(i)
		return next
	}
	name := vm.fn.Consts[in.D()].Str()
	if in.Op() == code.DynDeclare {
		vm.dyn = append(vm.dyn, dynVar{name: name, v: regs[in.A()], isConst: in.B() == 1, depth: vm.owner()})
		vm.Heap.Charge(64)
		return next
	}
	since := 0
	if m := vm.fn.Code[vm.pc].A(); m != 255 {
		since = int(regs[m].Int())
	}
	vm.pc++ // past the word with the mark
	var slot *value.Value
	d := vm.findDyn(name, since)
	switch {
	case d != nil:
		slot = &d.v
	case in.B() != 255:
		if in.Op() == code.DynStore && in.C() == 3 {
			return vm.failNow(compile.AssignConst(name))
		}
		slot = &regs[in.B()]
	default:
		return vm.failNow(unknownVariable(name))
	}
	if in.Op() == code.DynLoad {
		return vm.dynLoad(in, regs, slot)
	}
	if d != nil && d.isConst && in.C() != 1 {
		return vm.failNow(compile.AssignConst(name))
	}
	if slot.Is(value.KCell) {
		if f := slot.Ref.Flags; in.C() != 1 && f&(value.Locked|value.Const) != 0 {
			return vm.failNow(storeRefused(f))
		}
		slot = &slot.Cell().V
	}
	*slot = regs[in.A()]
	return next
}

func (vm *VM) trimDyn(n int) {
	if n < len(vm.dyn) {
		clear(vm.dyn[n:])
		vm.dyn = vm.dyn[:n]
	}
}

func (vm *VM) dynLoad(in code.Instr, regs *[256]value.Value, slot *value.Value) status {
	v := *slot
	if v.Is(value.KCell) {
		if v.Ref.Flags&value.Locked != 0 {
			return vm.failNow(dataRace())
		}
		v = v.Cell().V
	}
	if in.C() == 0 {
		v.Share()
	}
	regs[in.A()] = v
	return next
}

// eval runs Eval.
func (vm *VM) eval(in code.Instr, regs *[256]value.Value) status {
	src, ok := vm.plain(regs[in.A()])
	if !ok {
		return failed
	}
	if !src.Is(value.KString) {
		return vm.failNow(value.Mismatch("string", src.TypeName()))
	}
	pos := vm.Position()
	if vm.cfg.NoEval {
		return vm.failNow(value.Errorf(value.ErrFunctionNotFound, "eval is switched off"))
	}
	if !vm.spend(int64(len(src.Str())) + vm.chunkCost(in.D())) {
		return failed
	}
	l := &vm.cfg.Limits
	file, err := syntax.Parse(src.Str(), syntax.Options{
		MaxExprDepth: l.ExprDepth, MaxFnExprDepth: l.FnExprDepth,
		MaxStringSize: l.Sizes.String, MaxArraySize: l.Sizes.Array, MaxMapSize: l.Sizes.Map,
	})
	if err != nil {
		return vm.failNow(vm.inCall(parseError(err), "eval", pos))
	}
	vm.Heap.Charge(8 * len(src.Str()))
	fn, err := compile.Eval(file, &vm.fn.Prog.Scopes[in.D()], vm.compileOptions())
	if err != nil {
		return vm.failNow(vm.inCall(parseError(err), "eval", pos))
	}
	return vm.runChunk(fn, vm.base+int(in.A()))
}

// runChunk starts a chunk on the registers of the running frame.
func (vm *VM) runChunk(fn *code.Func, ret int) status {
	inst := &instance{prog: fn.Prog, caches: make([]siteCache, len(fn.Prog.Sites)), env: vm.inst.env}
	flags := flagExt | flagChunk | vm.frames[vm.depth].flags&flagConst
	if vm.evals++; vm.evals > maxEvals {
		vm.evals--
		return vm.failNow(stackOverflow())
	}
	// A text that runs counts as one level for what it calls, but is itself
	// never refused for its level.
	limit := vm.maxDepth
	if fn.Def == nil {
		vm.maxDepth = max(limit, vm.depth+1)
	}
	vm.exts = append(vm.exts, ext{kind: extChunk, ret: int32(ret), this: -1, eval: fn.Def == nil})
	depth := vm.depth
	ok := vm.push(fn, inst, vm.base, flags)
	vm.maxDepth = limit
	if !ok {
		if vm.depth == depth {
			x := vm.popExt()
			vm.leave(&x)
		}
		return failed
	}
	return reload
}

// chunkCost is what it costs to compile an empty text in scope d: all that is
// visible is gone through.
func (vm *VM) chunkCost(d int32) int64 {
	p := vm.fn.Prog
	return int64(p.Scopes[d].Len+len(p.Funcs)) / 8
}

// maxEvals bounds the nesting of eval and call!.
const maxEvals = 64

// bang runs Bang: a call that sees its caller's variables. The callee is
// compiled for this place; its arguments are the B registers from A on, after
// a function pointer when C is 1.
func (vm *VM) bang(in code.Instr, regs *[256]value.Value) status {
	s := &vm.fn.Prog.Scopes[in.D()]
	def, n, from := s.Bang, int(in.B()), vm.base+int(in.A())
	if in.C() == 1 {
		f := regs[in.A()].Plain()
		if !f.Is(value.KFn) {
			vm.err = value.Mismatch("Fn", f.TypeName())
			vm.err.OfValue = true
			vm.placeValue()
			return failed
		}
		fn, _ := vm.resolve(f.Fn(), n)
		// A pointer written as the function's name is bound to it, and runs by
		// itself, as in native.
		if fn == nil || fn.Def == nil || len(f.Fn().Curry) > 0 || f.Fn().Code != nil {
			return vm.callPointer(f, from, from+1, n, nil, from)
		}
		def = fn.Def
		from++
	}
	if !vm.spend(vm.chunkCost(in.D())) {
		return failed
	}
	fn, err := compile.Bang(s, def, vm.compileOptions())
	if err != nil {
		vm.failErr(parseError(err))
		return failed
	}
	made := len(fn.Code)
	for _, f := range fn.Prog.Funcs[len(vm.fn.Prog.Funcs):] {
		made += len(f.Code)
	}
	vm.Heap.Charge(64 * made)
	if !vm.spend(int64(made)) {
		return failed
	}
	to := vm.base + s.NRegs
	copy(vm.stack[to:to+n], vm.stack[from:from+n])
	return vm.runChunk(fn, vm.base+int(in.A()))
}

// parseError is an error of the parser as a run-time error.
func parseError(err error) *value.Error {
	e := value.Errorf(value.ErrParsing, "%s", err.Error())
	e.Parse = err
	if p, ok := err.(*syntax.Error); ok {
		e.Msg = p.Msg
	}
	e.NoPos = true
	return e
}

func (vm *VM) isDefVar(in code.Instr, regs *[256]value.Value) status {
	v := regs[in.A()].Plain()
	if !v.Is(value.KString) {
		return vm.failNow(value.Mismatch("string", v.TypeName()))
	}
	name := v.Str()
	found := vm.findDyn(name, 0) != nil
	scope := &vm.fn.Prog.Scopes[in.D()]
	if !found && !vm.spend(int64(scope.Len/8)) {
		return failed
	}
	for x := scope.Last; x != nil && !found; x = x.Outer {
		found = x.Name == name && !x.Module
	}
	regs[in.A()] = value.Bool(found)
	return next
}

func (vm *VM) isDefFn(in code.Instr, regs *[256]value.Value) status {
	args := make([]value.Value, in.B())
	for i := range args {
		args[i] = regs[int(in.A())+i].Plain()
	}
	last := len(args) - 1
	for _, a := range args[:last] {
		if !a.Is(value.KString) {
			return vm.failNow(value.Mismatch("string", a.TypeName()))
		}
	}
	if !args[last].IsInt() {
		return vm.failNow(value.Mismatch("i64", args[last].TypeName()))
	}
	key := code.FnKey{Name: args[last-1].Str(), Params: int(args[last].Int())}
	found := false
	if len(key.Name) > maxName {
		regs[in.A()] = value.Bool(false)
		return next
	}
	if len(args) == 3 {
		for k := range vm.fn.Prog.ByName {
			found = found || k.Name == key.Name && k.Params == key.Params && k.This != "" && compile.TypeName(k.This) == args[0].Str()
		}
	} else {
		_, found = vm.fn.Prog.ByName[key]
	}
	regs[in.A()] = value.Bool(found)
	return next
}
