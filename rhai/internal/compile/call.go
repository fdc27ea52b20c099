package compile

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// call compiles `name(args)` in all its forms.
func (f *fnState) call(e *syntax.Call, dst int) {
	f.cost++
	if len(e.Args) > maxArgs {
		f.fail(e.Pos(), "a call takes at most %d arguments, this one has %d", maxArgs, len(e.Args))
		return
	}
	mark := f.next
	base := f.over(dst)
	switch {
	case len(e.Path) > 0:
		f.modCall(e, base)
	case e.Bang:
		f.bang(e, base)
	case f.keyword(e, base):
	default:
		f.plainCall(e, base)
	}
	f.release(mark)
	f.take(dst, base, e.Pos())
}

// args evaluates arguments into registers from base on.
func (f *fnState) args(list []syntax.Expr, base int) {
	f.release(base)
	for _, x := range list {
		f.expr(x, f.temp())
	}
	if len(list) == 0 {
		f.temp()
	}
}

// argsFirstLast evaluates like args, but a first argument that is a variable
// is read after the others, as native does.
func (f *fnState) argsFirstLast(list []syntax.Expr, base int) {
	if len(list) < 2 || !isVariable(list[0]) || allQuiet(list[1:]) {
		f.args(list, base)
		return
	}
	f.release(base)
	f.temp()
	for _, x := range list[1:] {
		f.expr(x, f.temp())
	}
	f.expr(list[0], base)
}

func (f *fnState) plainCall(e *syntax.Call, base int) {
	n := len(e.Args)
	if fn, ok := f.c.prog.ByName[code.FnKey{Name: e.Name, Params: n}]; ok {
		f.argsFirstLast(e.Args, base)
		f.emit(code.Call, base, n, 0, int32(f.c.index[fn]), e.Pos())
		return
	}
	f.native(e, base)
}

// native compiles a call of a function that the script does not define. A
// first argument that is a variable goes by reference.
func (f *fnState) native(e *syntax.Call, base int) {
	n := len(e.Args)
	site := f.site(code.Site{Name: e.Name, NArgs: n, Natives: f.c.opts.Registry.Find(e.Name, n), Temp: true})
	if n == 0 {
		f.release(base)
		f.temp()
		f.emit(code.Native, base, base, 0, site, e.Pos())
		return
	}
	recv := base
	id, isIdent := e.Args[0].(*syntax.Ident)
	var v *variable
	if isIdent && !f.fn.HasEval {
		v = f.lookup(id.Name)
	}
	f.release(base)
	f.temp()
	if !isVariable(e.Args[0]) {
		f.expr(e.Args[0], base)
	}
	for _, x := range e.Args[1:] {
		f.expr(x, f.temp())
	}
	if v != nil && v.far < 0 && !v.isConst {
		f.cost++
		recv = v.reg
		s := &f.c.prog.Sites[site]
		s.Temp, s.Root = false, v.name
	} else if isVariable(e.Args[0]) {
		f.expr(e.Args[0], base)
	}
	f.emit(code.Native, base, recv, 0, site, e.Pos())
}

func (f *fnState) modCall(e *syntax.Call, base int) {
	n := len(e.Args)
	name := ""
	for _, p := range e.Path {
		name += p + "::"
	}
	site := code.Site{Name: e.Name, Path: e.Path, PathAt: e.PathAt, NArgs: n, Natives: f.c.opts.Registry.Find(name+e.Name, n)}
	f.args(e.Args, base)
	f.emit(code.ModCall, base, f.moduleReg(e.Path[0]), n, f.site(site), e.Pos())
}

// bang compiles `name!(args)`, whose function runs in this scope.
func (f *fnState) bang(e *syntax.Call, base int) {
	f.args(e.Args, base)
	key := code.FnKey{Name: e.Name, Params: len(e.Args)}
	fn := f.c.prog.ByName[key]
	if fn == nil && e.Name == "call" && len(e.Args) > 0 {
		f.emit(code.Bang, base, len(e.Args)-1, 1, f.scope(nil), e.Pos())
		f.valueAt(e.Args[0].Pos())
		return
	}
	if fn == nil {
		if plain := syntax.NewCall(e.Pos(), e.Name, e.Args...); !f.keyword(plain, base) {
			f.native(plain, base)
		}
		return
	}
	s := f.scope(fn.Def)
	f.emit(code.Bang, base, len(e.Args), 0, s, e.Pos())
}

// keyword compiles calls that the machine itself carries out, and reports
// whether e is one.
func (f *fnState) keyword(e *syntax.Call, base int) bool {
	n := len(e.Args)
	op, arity, ok := keywordOp(e.Name)
	if !ok || arity >= 0 && n != arity {
		return f.otherKeyword(e, base)
	}
	f.args(e.Args, base)
	at := e.Pos()
	if op == code.NewFn {
		at = e.Args[0].Pos()
	}
	f.emit(op, base, base, 0, 0, at)
	return true
}

func keywordOp(name string) (op code.Op, arity int, ok bool) {
	switch name {
	case "type_of":
		return code.TypeOf, 1, true
	case "Fn":
		return code.NewFn, 1, true
	}
	return 0, 0, false
}

func (f *fnState) otherKeyword(e *syntax.Call, base int) bool {
	n := len(e.Args)
	switch {
	case e.Name == "print" && n <= 1, e.Name == "debug" && n <= 1:
		op := code.Print
		if e.Name == "debug" {
			op = code.Debug
		}
		f.args(e.Args, base)
		f.emit(op, base, base, n, 0, e.Pos())
	case e.Name == "eval" && n == 1:
		f.args(e.Args, base)
		f.emit(code.Eval, base, 0, 0, f.scope(nil), e.Args[0].Pos())
	case e.Name == "exit" && n <= 1 && f.c.prog.ByName[code.FnKey{Name: e.Name, Params: n}] == nil:
		f.args(e.Args, base)
		if n == 0 {
			f.emit(code.Load, base, 0, 0, 0, e.Pos())
		}
		f.emit(code.Exit, base, 0, 0, 0, e.Pos())
	case e.Name == "call" && n >= 1:
		f.args(e.Args, base)
		f.emit(code.CallFn, base, n, 0, 0, e.Pos())
		f.valueAt(e.Args[0].Pos())
	case e.Name == "curry" && n >= 2:
		f.args(e.Args, base)
		f.emit(code.Curry, base, n, 0, 0, e.Args[0].Pos())
	case e.Name == "is_def_var" && n == 1:
		f.args(e.Args, base)
		f.emit(code.IsDefVar, base, 0, 0, f.scope(nil), e.Args[0].Pos())
	case e.Name == "is_def_fn" && (n == 2 || n == 3):
		f.args(e.Args, base)
		f.emit(code.IsDefFn, base, n, 0, 0, e.Pos())
	case e.Name == "is_shared" && n == 1:
		f.isShared(e, base)
	case e.Name == "get_fn_metadata_list" && n <= 2:
		f.args(e.Args, base)
		f.emit(code.FnMeta, base, n, 0, 0, e.Pos())
	default:
		return false
	}
	return true
}

func (f *fnState) isShared(e *syntax.Call, base int) {
	if id, ok := e.Args[0].(*syntax.Ident); ok {
		if v := f.lookup(id.Name); v != nil && v.far < 0 {
			f.release(base)
			f.temp()
			f.emit(code.IsCell, base, v.reg, 0, 0, e.Pos())
			return
		}
	}
	f.args(e.Args, base)
	f.emit(code.IsCell, base, base, 0, 0, e.Pos())
}
