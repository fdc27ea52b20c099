package compile

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// stmtList compiles statements in the current scope. dst receives the value of
// the last one; it is -1 when nobody wants it.
func (f *fnState) stmtList(list []syntax.Stmt, dst int, end syntax.Pos) {
	for len(list) > 0 {
		if _, ok := list[len(list)-1].(*syntax.Empty); !ok {
			break
		}
		list = list[:len(list)-1]
		if len(list) == 0 || dst < 0 {
			continue
		}
		// `x;;` has the value of the empty statement.
		f.stmtsUnused(list)
		list = nil
	}
	if len(list) == 0 {
		if dst >= 0 {
			f.emit(code.Load, dst, 0, 0, 0, end)
		}
		return
	}
	f.stmtsUnused(list[:len(list)-1])
	f.stmt(list[len(list)-1], dst)
}

func (f *fnState) stmtsUnused(list []syntax.Stmt) {
	for _, s := range list {
		f.stmt(s, -1)
	}
}

// stmt compiles one statement; see stmtList for dst.
func (f *fnState) stmt(s syntax.Stmt, dst int) {
	if f.c.opts.Profile {
		defer f.bill(s)()
	}
	f.cost++
	switch s := s.(type) {
	case nil, *syntax.Empty:
		f.unit(dst, syntax.Pos{})
	case *syntax.ExprStmt:
		f.cost--
		f.exprStmt(s.X, dst)
	case *syntax.Let:
		f.let(s)
		f.unit(dst, s.Pos())
	case *syntax.Assign:
		f.assign(s)
		f.unit(dst, s.Pos())
	case *syntax.Try:
		f.try(s, dst)
	case *syntax.Import:
		f.importStmt(s)
		f.unit(dst, s.Pos())
	case *syntax.Export:
		f.export(s.Name.Name, s.Alias.Name, s.Name.At)
		f.unit(dst, s.Pos())
	default:
		f.cost--
		f.control(s, dst)
	}
}

func (f *fnState) unit(dst int, pos syntax.Pos) {
	if dst >= 0 {
		f.emit(code.Load, dst, 0, 0, 0, pos)
	}
}

func (f *fnState) exprStmt(e syntax.Expr, dst int) {
	if c, ok := e.(syntax.Stmt); ok {
		f.control(c, dst)
		return
	}
	if dst >= 0 {
		f.expr(e, dst)
		return
	}
	if pure(e) {
		return
	}
	mark := f.next
	f.expr(e, f.temp())
	f.release(mark)
}

// count is the number of variables in scope. One that is declared again in the
// same block counts once.
func (f *fnState) count() int {
	if f.vars.len() == 0 {
		return 0
	}
	return f.vars.last().count
}

// tooManyVars raises the error of more variables than allowed.
func (f *fnState) tooManyVars(more int, at syntax.Pos) {
	if limit := f.c.opts.MaxVariables; limit != 0 && f.count()+more > max(limit, 0) {
		f.raise(tooMany("variables", max(limit, 0)), at)
	}
}

func (f *fnState) let(s *syntax.Let) {
	reg := f.next
	vars := f.vars.len()
	again := f.vars.has(s.Name, f.blockVars)
	if !again {
		f.tooManyVars(1, s.Pos())
	}
	if s.Value != nil {
		f.expr(s.Value, f.temp())
	} else {
		f.emit(code.Load, f.temp(), 0, 0, 0, s.Pos())
	}
	f.release(reg)
	f.declareValue(s.Name, reg, s.Const, f.c.res.captured[declKey{s, 0}], s.Pos())
	if again && f.vars.len() > vars {
		f.vars.last().count--
	}
	if s.Const && (s.Value == nil || isConst(s.Value)) && !f.fn.HasEval && !f.info.hasBang {
		f.vars.last().literal = true
	}
	if s.Const && f.top() && len(f.c.prog.Defs) > 0 {
		mark := f.next
		t := f.temp()
		f.ident(syntax.NewIdent(s.NameAt, s.Name), t, false)
		f.emit(code.SetGlobal, t, 0, 0, f.text(s.Name), s.Pos())
		f.release(mark)
	}
	if s.Exported {
		f.export(s.Name, "", s.NameAt)
	}
}

// top reports whether the code stands outside of all functions and blocks.
func (f *fnState) top() bool {
	return f.parent == nil && f.fn == f.c.prog.Main && f.depth == 0 && !f.inner
}

// declareValue makes the value in reg, the next free register, a variable.
func (f *fnState) declareValue(name string, reg int, isConst, boxed bool, pos syntax.Pos) {
	if f.fn.Chunk && f.depth == 0 && f.fn.HasEval {
		// A variable that eval declares lives on in the caller's scope.
		f.emit(code.DynDeclare, reg, int(bit(isConst)), 0, f.text(name), pos)
		return
	}
	if reg < maxNear {
		v := f.declare(name, isConst)
		v.boxed = boxed
		f.markDyn()
		return
	}
	f.emit(code.SetFar, reg, 2, 0, int32(256+f.far), pos)
	f.push(variable{name: name, reg: 255, far: f.far, isConst: isConst, boxed: boxed, mark: -1})
	f.far++
	f.maxFar = max(f.maxFar, f.far)
}

func (f *fnState) assign(s *syntax.Assign) {
	mark := f.next
	defer f.release(mark)
	switch t := s.Target.(type) {
	case *syntax.Ident:
		f.assignVar(t, s)
	case *syntax.This:
		v := f.temp()
		f.expr(s.Value, v)
		how := 0
		if s.Op != syntax.OpNone {
			how = 1 + int(s.Op)
		}
		pos := s.Pos()
		if s.Op == syntax.OpNone {
			pos = t.Pos()
		}
		f.emit(code.NeedThis, 0, 0, 0, 0, t.Pos())
		f.emit(code.SetThis, v, how, 0, 0, pos)
	case *syntax.Chain:
		v := f.temp()
		f.expr(s.Value, v)
		f.assignChain(t, s.Op, v, s.Pos())
	default:
		v := f.temp()
		f.expr(s.Value, v)
		f.expr(s.Target, f.temp()) // it may not exist
		f.raise(value.Errorf(value.ErrAssignConstant, "a variable of a module cannot be assigned to"), s.Target.Pos())
	}
}

func (f *fnState) assignVar(t *syntax.Ident, s *syntax.Assign) {
	op, val := s.Op, s.Value
	if b, ok := val.(*syntax.Binary); ok && op == syntax.OpNone && assignable(b.Op) {
		if l, ok := b.L.(*syntax.Ident); ok && l.Name == t.Name && f.lookup(t.Name) != nil {
			// x = x op y means x op= y.
			f.opAssign(t, b.Op, b.R, b.Pos())
			return
		}
	}
	if op != syntax.OpNone {
		f.opAssign(t, op, val, s.Pos())
		return
	}
	v := f.lookup(t.Name)
	if v != nil && v.far < 0 && !v.boxed && !v.isConst && !f.fn.HasEval && !late(val) {
		outer := f.target
		f.target = v.reg
		f.expr(val, v.reg)
		f.target = outer
		return
	}
	r := f.temp()
	f.expr(val, r)
	f.store(t, v, r)
}

// store puts the temporary r into a variable.
func (f *fnState) store(t *syntax.Ident, v *variable, r int) {
	switch {
	case f.fn.HasEval && (v == nil || v.far < 0):
		how := 0
		if v != nil && v.isConst {
			how = 3
		}
		f.dynStore(t.Name, r, how, t.Pos())
	case v == nil && f.c.hasFunc(t.Name):
		f.raise(AssignConst(t.Name), t.Pos())
	case v == nil:
		f.raise(f.unknown(t.Name), t.Pos())
	case v.isConst:
		f.raise(AssignConst(t.Name), t.Pos())
	case v.far >= 0:
		f.emit(code.SetFar, r, 0, 0, int32(256+v.far), t.Pos())
	case v.boxed:
		f.emit(code.StoreVar, v.reg, r, int(bit(v.isConst)), 0, t.Pos())
	default:
		f.emit(code.Take, v.reg, r, 0, 0, t.Pos())
	}
}

// AssignConst is the error of an assignment to a constant.
func AssignConst(name string) *value.Error {
	err := value.Errorf(value.ErrAssignConstant, "`%s` is a constant and cannot be assigned to", name)
	err.Name = name
	return err
}

// assignable lists the operators that have an op= form.
func assignable(op syntax.Op) bool { return op >= syntax.OpAdd && op <= syntax.OpBitXor }

func (f *fnState) opAssign(t *syntax.Ident, op syntax.Op, val syntax.Expr, pos syntax.Pos) {
	v := f.lookup(t.Name)
	if v == nil || v.far >= 0 || v.boxed || v.isConst || f.fn.HasEval {
		f.opAssignSlow(t, v, op, val, pos)
		return
	}
	if h, ok := hotInt[op]; ok {
		if n, ok := immediate(val); ok {
			f.emit(h, v.reg, v.reg, 1, n, pos)
			return
		}
	}
	r := f.operand(val)
	if h, ok := hot[op]; ok {
		f.emit(h, v.reg, v.reg, r, 1, pos)
		return
	}
	f.emit(code.Assign, v.reg, r, 0, int32(op), pos)
}

func (f *fnState) opAssignSlow(t *syntax.Ident, v *variable, op syntax.Op, val syntax.Expr, pos syntax.Pos) {
	r := f.temp()
	f.expr(val, r)
	switch {
	case v != nil && v.isConst && !f.fn.HasEval:
		f.raise(AssignConst(t.Name), t.Pos())
	case v != nil && v.far < 0 && !f.fn.HasEval:
		f.emit(code.AssignVar, v.reg, r, int(bit(v.isConst)), int32(op), pos)
	case v == nil && !f.fn.HasEval && f.c.hasFunc(t.Name):
		f.raise(AssignConst(t.Name), t.Pos())
	case v == nil && !f.fn.HasEval:
		f.raise(f.unknown(t.Name), t.Pos())
	default:
		x := f.temp()
		f.ident(t, x, true)
		f.emit(code.AssignVar, x, r, 0, int32(op), pos)
		if v != nil && v.far >= 0 {
			f.emit(code.SetFar, x, 1, 0, int32(256+v.far), t.Pos())
		} else {
			how := 2
			if v != nil && v.isConst {
				how = 3
			}
			f.dynStore(t.Name, x, how, t.Pos())
		}
	}
}

// try compiles try/catch. Its value is the body's, or () after the catch.
func (f *fnState) try(s *syntax.Try, dst int) {
	if pureBlock(s.Body) {
		// Nothing to catch: native drops the statement, value and all.
		f.unit(dst, s.Pos())
		return
	}
	mark := f.next
	errReg := f.temp()
	f.temp() // the handle that a bare throw needs
	dyn := -1
	if f.fn.HasEval {
		dyn = f.temp()
		f.emit(code.DynMark, dyn, 0, 0, 0, s.Pos())
	}
	from := f.here()
	f.block(s.Body, dst)
	to := f.here()
	end := f.emit(code.Jump, 0, 0, 0, 0, s.Pos())
	// Inner ranges come first in the table, so that they win.
	f.fn.Tries = append(f.fn.Tries, code.Try{From: int32(from), To: int32(to), Handler: int32(f.here()), Reg: uint8(errReg)})
	if dyn >= 0 {
		f.emit(code.DynTrim, dyn, 0, 0, 0, s.Pos())
	}
	f.emit(code.Catch, errReg, 0, 0, 0, s.Pos())
	f.catch = append(f.catch, errReg)
	vars := f.vars.len()
	if s.Var.Name != "" {
		// The variable's register is apart from the handle, which rethrow reads.
		f.tooManyVars(1, s.Var.At)
		v := f.declare(s.Var.Name, false)
		v.boxed = f.c.res.captured[declKey{s, 0}]
		f.emit(code.Move, v.reg, errReg, 0, 0, s.Var.At)
		f.markDyn()
	}
	f.block(s.Catch, -1)
	f.vars.cut(vars)
	f.catch = f.catch[:len(f.catch)-1]
	f.unit(dst, s.Pos())
	f.patch(end)
	f.release(mark)
}

func pureBlock(b *syntax.Block) bool {
	for _, s := range b.Stmts {
		switch s := s.(type) {
		case *syntax.Empty:
		case *syntax.ExprStmt:
			if !pure(s.X) {
				return false
			}
		case *syntax.Let:
			if s.Value != nil && !isConst(s.Value) {
				return false
			}
		case *syntax.Block:
			if !pureBlock(s) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (f *fnState) importStmt(s *syntax.Import) {
	reg := f.next
	f.expr(s.Path, f.temp())
	name := int32(-1)
	if s.Alias.Name != "" && f.parent == nil && f.depth == 0 {
		name = f.text(s.Alias.Name)
	}
	f.emit(code.Import, reg, 0, 0, name, operatorAt(s.Path))
	f.valueAt(s.Pos())
	f.release(reg)
	if s.Alias.Name == "" {
		return
	}
	v := f.declare(s.Alias.Name, true)
	v.module = true
}

func (f *fnState) export(name, alias string, pos syntax.Pos) {
	mark := f.next
	t := f.temp()
	f.ident(syntax.NewIdent(pos, name), t, false)
	if alias == "" {
		alias = name
	}
	f.emit(code.Export, t, 0, 0, f.text(alias), pos)
	f.release(mark)
}
