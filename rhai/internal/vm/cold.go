package vm

import (
	"strconv"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// cold runs the operations that are not worth a place in the loop. On next,
// the loop goes on at vm.pc.
func (vm *VM) cold(in code.Instr, regs *[256]value.Value) status {
	switch in.Op() {
	case code.Binary:
		return vm.done(vm.binary(syntax.Op(in.D()), &regs[in.A()], regs[in.B()], regs[in.C()]))
	case code.Assign:
		return vm.done(vm.assign(syntax.Op(in.D()), &regs[in.A()], regs[in.B()]))
	case code.AssignVar:
		if in.C() == 1 {
			return vm.failNow(compile.AssignConst("variable"))
		}
		return vm.done(vm.assign(syntax.Op(in.D()), &regs[in.A()], regs[in.B()]))
	case code.Unary:
		return vm.done(vm.unary(syntax.Op(in.D()), regs[in.B()], &regs[in.A()]))
	case code.NeedBool:
		_, ok := vm.truth(&regs[in.A()])
		return vm.done(ok)
	case code.JumpUnit, code.JumpNotUnit:
		v, ok := vm.plain(regs[in.A()])
		if ok && v.IsUnit() == (in.Op() == code.JumpUnit) {
			vm.pc = int(in.D())
		}
		return vm.done(ok)
	case code.MakeArray:
		return vm.makeArray(in, regs)
	case code.PushArray:
		return vm.pushArray(in, regs)
	case code.MakeMap:
		return vm.makeMap(in, regs)
	case code.SetKey:
		err := regs[in.A()].Map().Set(&vm.Heap, vm.fn.Consts[in.D()].Str(), regs[in.B()])
		return vm.doneErr(err)
	case code.Concat:
		return vm.concat(in, regs)
	case code.MakeRange:
		return vm.makeRange(in, regs)
	case code.MakeFn:
		return vm.makeFn(in, regs)
	case code.This, code.NeedThis, code.SetThis:
		return vm.this(in, regs)
	case code.ForPrep:
		return vm.forPrep(in, regs)
	case code.ForPrepRange:
		return vm.forPrepRange(in, regs)
	case code.Switch:
		return vm.switchOn(in, regs)
	case code.InRange:
		return vm.inRange(in, regs)
	case code.PathSet:
		return vm.pathSet(in, regs)
	case code.PathCall:
		return vm.pathCall(in, regs)
	case code.IsCell:
		regs[in.A()] = value.Bool(regs[in.B()].Is(value.KCell))
	case code.Throw:
		return vm.raise(regs[in.A()], vm.Position())
	case code.Rethrow:
		return vm.rethrow(in, regs)
	case code.Catch:
		e := vm.caught
		regs[in.A()+1] = vm.Heap.NewObject(nil, e, 0)
		regs[in.A()] = vm.thrown(e)
		vm.caught = nil
	case code.Fail:
		e := *vm.fn.Prog.Errors[in.D()]
		e.Pos = vm.Position()
		return vm.failNow(&e)
	case code.Far, code.SetFar:
		return vm.far(in, regs)
	case code.Global, code.SetGlobal:
		return vm.global(in, regs)
	default:
		return vm.colder(in, regs)
	}
	return next
}

// colder runs operations that do more than compute.
func (vm *VM) colder(in code.Instr, regs *[256]value.Value) status {
	switch in.Op() {
	case code.ModVar:
		return vm.modVar(in, regs)
	case code.ModCall:
		return vm.modCall(in, regs)
	case code.Import:
		return vm.importModule(in, regs)
	case code.Export:
		vm.inst.env.exports = append(vm.inst.env.exports, exported{vm.fn.Consts[in.D()].Str(), regs[in.A()]})
	case code.CallFn:
		return vm.callFn(in, regs)
	case code.Curry:
		return vm.curryOp(in, regs)
	case code.NewFn:
		return vm.newFn(in, regs)
	case code.Eval:
		return vm.eval(in, regs)
	case code.Bang:
		return vm.bang(in, regs)
	case code.IsDefVar:
		return vm.isDefVar(in, regs)
	case code.IsDefFn:
		return vm.isDefFn(in, regs)
	case code.TypeOf:
		regs[in.A()] = vm.Heap.NewString(regs[in.B()].TypeName())
	case code.Print, code.Debug:
		return vm.print(in, regs)
	case code.Exit:
		vm.exit, vm.result = true, regs[in.A()]
		vm.err = value.Errorf(value.ErrTerminated, "exit")
		return failed
	case code.DynLoad, code.DynStore, code.DynDeclare, code.DynMark, code.DynTrim, code.DynReset:
		return vm.dynamic(in, regs)
	case code.FnMeta:
		return vm.fnMeta(in, regs)
	default:
		return vm.failNow(value.Errorf(value.ErrRuntime, "internal error: unknown instruction %s", in.Op()))
	}
	return next
}

func (vm *VM) done(ok bool) status {
	if ok {
		return next
	}
	return failed
}

func (vm *VM) doneErr(err error) status {
	if err == nil {
		return next
	}
	vm.failErr(err)
	return failed
}

// unary computes op x into *dst.
func (vm *VM) unary(op syntax.Op, x value.Value, dst *value.Value) bool {
	x, ok := vm.plain(x)
	if !ok {
		return false
	}
	v, err := value.Unary(op, x)
	if err == value.ErrNoOperator {
		return vm.unaryOverload(op, x, dst)
	}
	if err != nil {
		return vm.failErr(err)
	}
	*dst = v
	return true
}

// unaryOverload tries the embedder's overloads of a unary operator. It is
// apart from unary, whose operand would otherwise be moved to the Go heap.
//
//go:noinline
func (vm *VM) unaryOverload(op syntax.Op, x value.Value, dst *value.Value) bool {
	if f := vm.overload(vm.cfg.Registry.Find(op.String(), 1), &x, nil); f != nil {
		return vm.invoke(f, &x, nil, dst)
	}
	return vm.fail(vm.notFound(op.String(), x))
}

func (vm *VM) makeArray(in code.Instr, regs *[256]value.Value) status {
	n := int(in.D())
	e, err := vm.Heap.MakeElems(n)
	if err != nil {
		return vm.doneErr(err)
	}
	e = append(e, regs[in.A():int(in.A())+n]...)
	regs[in.A()] = vm.Heap.NewArray(e)
	if vm.cfg.Limits.Sizes != (value.Sizes{}) && in.B() == 0 {
		return vm.sizedLiteral(regs[in.A()], e)
	}
	return next
}

func (vm *VM) sizedNew(v value.Value) bool {
	if err := vm.Heap.CheckLiteral(vm, v); err != nil {
		return vm.failErr(err)
	}
	return true
}

// sizedLiteral checks the size of a value that a literal made; the error is
// placed at the element with which it grew too large.
func (vm *VM) sizedLiteral(v value.Value, elems []value.Value) status {
	if vm.sizedNew(v) {
		return next
	}
	at := vm.fn.Prog.Parts[code.Place{Fn: vm.fn, PC: vm.pc}]
	err := vm.err
	for i := range elems {
		if i >= len(at) {
			break
		}
		part := vm.Heap.NewArray(elems[:i+1])
		if v.Is(value.KMap) {
			part = vm.Heap.NewMapOf(v.Map().FirstKeys(i + 1))
			copy(part.Map().Vals(), elems[:i+1])
		}
		if !vm.sizedNew(part) {
			err = vm.err
			err.Pos = at[i]
			break
		}
	}
	vm.err = err
	return failed
}

func (vm *VM) pushArray(in code.Instr, regs *[256]value.Value) status {
	a := regs[in.A()].Array()
	for _, v := range regs[in.B() : int(in.B())+int(in.D())] {
		if err := a.Append(&vm.Heap, v); err != nil {
			return vm.doneErr(err)
		}
	}
	if vm.cfg.Limits.Sizes != (value.Sizes{}) {
		return vm.done(vm.sized(regs[in.A()]))
	}
	return next
}

func (vm *VM) makeMap(in code.Instr, regs *[256]value.Value) status {
	keys := vm.fn.Prog.Shapes[in.D()]
	if len(keys) == 0 {
		regs[in.A()] = vm.Heap.NewMap()
		return next
	}
	m := vm.Heap.NewMapOf(keys)
	copy(m.Map().Vals(), regs[in.A():])
	regs[in.A()] = m
	if vm.cfg.Limits.Sizes != (value.Sizes{}) && in.B() == 0 {
		return vm.sizedLiteral(m, m.Map().Vals())
	}
	return next
}

// concat joins the texts of D registers from A on.
func (vm *VM) concat(in code.Instr, regs *[256]value.Value) status {
	vm.paid = freeText
	st := vm.join(in, regs)
	if vm.paid > freeText {
		vm.Heap.Refund(vm.paid - freeText)
	}
	return st
}

// join makes the text of concat, in the scratch buffer first. What it costs
// does not hang on how large that has become.
func (vm *VM) join(in code.Instr, regs *[256]value.Value) status {
	parts := regs[in.A() : int(in.A())+int(in.D())]
	buf := vm.text[:0]
	var err error
	for i, p := range parts {
		vm.part = i
		switch {
		case p.Ref == &value.IntTag:
			buf = strconv.AppendInt(buf, p.Int(), 10)
		case p.Is(value.KString):
			if err = vm.Heap.ReserveText(len(buf), len(p.Str())); err != nil {
				return vm.concatErr(in, err)
			}
			buf = append(buf, p.Str()...)
		case p.Is(value.KObject) && in.B() == 1:
			return vm.addParts(in, regs)
		default:
			if p, ok := vm.plain(p); !ok {
				return failed
			} else if buf, err = vm.appendText(buf, p, in.B() == 1); err != nil {
				return vm.concatErr(in, err)
			}
		}
		if limit := vm.cfg.Limits.Sizes.String; limit > 0 && len(buf) > limit && (i > 0 || in.B() == 0) {
			return vm.concatErr(in, value.TooLarge("string", limit))
		}
	}
	if cap(buf) <= maxScratch {
		vm.text = buf
		if in.C() == 1 {
			regs[in.A()] = vm.key.SetFleeting(buf)
			return next
		}
	}
	v, err := vm.Heap.CopyString(buf)
	if err != nil {
		return vm.concatErr(in, err)
	}
	regs[in.A()] = v
	return next
}

// addParts joins the registers of a chain of + one after the other: one of them
// is a value of the embedder, who may have said what + does with it.
func (vm *VM) addParts(in code.Instr, regs *[256]value.Value) status {
	parts := regs[in.A() : int(in.A())+int(in.D())]
	sum := parts[0]
	for i, p := range parts[1:] {
		vm.part = i + 1
		if !vm.binary(syntax.OpAdd, &sum, sum, p) {
			return failed
		}
	}
	regs[in.A()] = sum
	return next
}

// maxScratch is the largest buffer kept for the next text.
const maxScratch = 64 << 10

// freeText is how long the text of a value may become before it is billed by
// its length.
const freeText = 128

func (vm *VM) concatErr(in code.Instr, err error) status {
	vm.failErr(err)
	vm.err.NoPos = in.B() == 1 && vm.plainText(in, vm.part) && (vm.part > 1 || vm.plainText(in, 0))
	if at := vm.fn.Prog.Parts[code.Place{Fn: vm.fn, PC: vm.pc}]; vm.part < len(at) {
		vm.err.Pos = at[vm.part]
	}
	return failed
}

// plainText reports whether part i of a text is a string or char: native gives
// the errors of joining those no position.
func (vm *VM) plainText(in code.Instr, i int) bool {
	v := vm.stack[vm.base+int(in.A())+i].Plain()
	return v.Is(value.KString) || v.Is(value.KChar)
}

// appendText appends what + or interpolation shows of a value; + takes the
// bytes of a blob as text.
func (vm *VM) appendText(buf []byte, v value.Value, plus bool) ([]byte, error) {
	if plus && v.Is(value.KBlob) {
		s, err := value.Binary(&vm.Heap, vm, syntax.OpAdd, value.Static(""), v)
		if err != nil {
			return buf, err
		}
		return append(buf, s.Str()...), nil
	}
	return vm.Heap.AppendPaid(buf, &vm.paid, vm, v)
}

func (vm *VM) makeRange(in code.Instr, regs *[256]value.Value) status {
	a, ok := vm.plain(regs[in.B()])
	if !ok {
		return failed
	}
	b, ok := vm.plain(regs[in.C()])
	if !ok {
		return failed
	}
	v, err := value.MakeRange(&vm.Heap, a, b, in.D() == 1)
	if err == value.ErrNoOperator {
		op := syntax.OpRange
		if in.D() == 1 {
			op = syntax.OpRangeIncl
		}
		return vm.failNow(vm.notFound(op.String(), a, b))
	}
	if err != nil {
		return vm.doneErr(err)
	}
	regs[in.A()] = v
	return next
}

// makeFn makes the function pointer of a closure: the captured variables
// become cells, which the closure gets as its first arguments.
func (vm *VM) makeFn(in code.Instr, regs *[256]value.Value) status {
	fn := vm.fn.Prog.Funcs[in.D()]
	var curry []value.Value
	for i := range fn.Captures {
		c := &fn.Captures[i]
		slot, err := vm.captureSlot(c)
		if err != nil {
			err.Pos = c.Pos
			return vm.failNow(err)
		}
		if c.Copy {
			curry = append(curry, slot.Plain().Share())
			continue
		}
		if !slot.Is(value.KCell) {
			*slot = vm.Heap.NewCell(*slot)
			if c.Const {
				slot.Cell().Flags |= value.Const
			}
		}
		curry = append(curry, *slot)
	}
	regs[in.A()] = vm.Heap.NewFn(fn.Name, curry, &closureRef{fn, vm.inst})
	return next
}

func (vm *VM) captureSlot(c *code.Capture) (*value.Value, *value.Error) {
	if c.Dynamic {
		since := 0
		if c.Mark >= 0 {
			since = int(vm.stack[vm.base+int(c.Mark)].Int())
		}
		if d := vm.findDyn(c.Name, since); d != nil {
			return &d.v, nil
		}
		if c.Reg == 255 && c.Far < 0 {
			return nil, unknownVariable(c.Name)
		}
	}
	if c.Missing {
		return nil, unknownVariable(c.Name)
	}
	if c.Far >= 0 {
		return &vm.stack[vm.base+int(c.Far)], nil
	}
	return &vm.stack[vm.base+int(c.Reg)], nil
}

func unknownVariable(name string) *value.Error {
	e := value.Errorf(value.ErrVariableNotFound, "no variable `%s` here", name)
	e.Name = name
	return e
}

func (vm *VM) this(in code.Instr, regs *[256]value.Value) status {
	reg := vm.fn.ThisReg
	if reg < 0 || regs[reg].Is(value.KUnbound) {
		return vm.failNow(value.Errorf(value.ErrUnboundThis, "`this` is not bound here: the function was not called as a method"))
	}
	switch in.Op() {
	case code.This:
		regs[in.A()] = regs[reg].Share()
	case code.SetThis:
		if vm.constThis() {
			return vm.failNow(compile.AssignConst("this"))
		}
		if in.B() > 0 {
			return vm.done(vm.assign(syntax.Op(in.B()-1), &regs[reg], regs[in.A()]))
		}
		regs[reg] = regs[in.A()]
	}
	return next
}

func (vm *VM) switchOn(in code.Instr, regs *[256]value.Value) status {
	t := &vm.fn.Prog.Tables[in.D()]
	v, ok := vm.plain(regs[in.A()])
	if !ok {
		return failed
	}
	regs[in.A()] = v
	vm.pc = int(t.Other)
	if v.IsInt() && t.Ints != nil {
		if i := uint64(v.Int() - t.Base); i < uint64(len(t.Ints)) && t.Ints[i] != 0 {
			vm.pc = int(t.Ints[i])
		}
		return next
	}
	if len(t.Exact) == 0 {
		return next
	}
	if v.Is(value.KString) {
		n := len(v.Str())
		if n > t.Longest {
			return next
		}
		if !vm.spend(int64(n / 64)) {
			return failed
		}
	}
	if k, ok := code.KeyOf(v); ok {
		if at, ok := t.Exact[k]; ok {
			vm.pc = int(at)
		}
	}
	return next
}

// inRange tests the switch value in R[A] against a range whose ends are in the
// two words that follow.
func (vm *VM) inRange(in code.Instr, regs *[256]value.Value) status {
	lo := vm.fn.Consts[vm.fn.Code[vm.pc].D()].Int()
	hi := vm.fn.Consts[vm.fn.Code[vm.pc+1].D()].Int()
	vm.pc += 2
	ok := false
	switch v := regs[in.A()]; {
	case v.IsInt():
		x := v.Int()
		ok = x >= lo && (x < hi || in.B() == 1 && x == hi)
	case v.Is(value.KRange):
		r := v.Range()
		ok = r.Start == lo && r.End == hi && r.Inclusive == (in.B() == 1)
	case v.IsFloat():
		x := v.Float()
		ok = x >= float64(lo) && (x < float64(hi) || in.B() == 1 && x == float64(hi))
	}
	if !ok {
		vm.pc = int(in.D())
	}
	return next
}

func (vm *VM) rethrow(in code.Instr, regs *[256]value.Value) status {
	pos := vm.Position()
	if in.B() == 1 && !regs[in.C()].Plain().IsUnit() {
		return vm.raise(regs[in.C()], pos)
	}
	e, ok := regs[in.A()+1].Object().Data.(*value.Error)
	if !ok {
		return vm.raise(value.Unit, pos)
	}
	moved := *e
	moved.Pos, moved.NoPos = pos, false
	return vm.failNow(&moved)
}

func (vm *VM) far(in code.Instr, regs *[256]value.Value) status {
	slot := &vm.stack[vm.base+int(in.D())]
	if in.Op() == code.Far {
		v := *slot
		if v.Is(value.KCell) {
			if v.Ref.Flags&value.Locked != 0 {
				return vm.failNow(dataRace())
			}
			v = v.Cell().V
		}
		if in.B() == 0 {
			v.Share()
		}
		regs[in.A()] = v
		return next
	}
	if in.B() != 2 && slot.Is(value.KCell) {
		if f := slot.Ref.Flags; in.B() == 0 && f&(value.Locked|value.Const) != 0 {
			return vm.failNow(storeRefused(f))
		}
		slot = &slot.Cell().V
	}
	*slot = regs[in.A()]
	return next
}

func (vm *VM) global(in code.Instr, regs *[256]value.Value) status {
	env, name := vm.inst.env, vm.fn.Consts[in.D()].Str()
	if in.Op() == code.SetGlobal {
		if env.globals == nil {
			env.globals = map[string]value.Value{}
		}
		env.globals[name] = regs[in.A()]
		return next
	}
	v, ok := env.globals[name]
	if !ok {
		e := value.Errorf(value.ErrVariableNotFound, "no constant `global::%s`", name)
		e.Name = "global::" + name
		return vm.failNow(e)
	}
	regs[in.A()] = v.Share()
	return next
}

func (vm *VM) print(in code.Instr, regs *[256]value.Value) status {
	var line string
	if in.C() > 0 {
		v, ok := vm.plain(regs[in.B()])
		if !ok {
			return failed
		}
		var err error
		if in.Op() == code.Print {
			v, err = vm.Heap.TextOf(vm, v)
		} else {
			v, err = vm.Heap.DebugOf(vm, v)
		}
		if err != nil {
			return vm.doneErr(err)
		}
		line = v.Str()
	}
	if !vm.spend(int64(1 + len(line)/64)) {
		return failed
	}
	var err error
	if in.Op() == code.Print {
		err = vm.Print(line)
	} else {
		err = vm.Debug(line, vm.Position())
	}
	if err != nil {
		return vm.doneErr(err)
	}
	regs[in.A()] = value.Unit
	return next
}
