package compile

import "github.com/picloud/picloud/rhai/internal/syntax"

// declKey names a declaration: the node that declares, and which of its names.
type declKey struct {
	node any
	n    int
}

// fnInfo is what the first pass learns of a function or closure.
type fnInfo struct {
	usesThis bool
	hasEval  bool
	hasBang  bool
}

// resolution is the result of the first pass.
type resolution struct {
	captured map[declKey]bool // declarations that some closure captures
	fns      map[any]*fnInfo  // by *syntax.FnDef, *syntax.Closure or *syntax.File
}

type resolver struct {
	out *resolution
	fns []*fnScope
}

// fnScope is one function being walked.
type fnScope struct {
	info  *fnInfo
	names names[declKey]
	all   []declKey
}

func resolveFile(file *syntax.File) *resolution {
	r := newResolver()
	r.function(file, nil, func() { r.stmts(file.Stmts) })
	for _, def := range file.Funcs {
		r.fn(def)
	}
	return r.out
}

func newResolver() *resolver {
	return &resolver{out: &resolution{captured: map[declKey]bool{}, fns: map[any]*fnInfo{}}}
}

func (r *resolver) fn(def *syntax.FnDef) {
	r.function(def, def.Params, func() { r.stmt(def.Body) })
}

func (r *resolver) top() *fnScope { return r.fns[len(r.fns)-1] }

func (r *resolver) function(node any, params []syntax.Param, body func()) {
	f := &fnScope{info: &fnInfo{}}
	r.fns = append(r.fns, f)
	for i, p := range params {
		r.declare(p.Name, declKey{node, i})
	}
	body()
	if f.info.hasEval || f.info.hasBang {
		// Code that is compiled later may capture anything.
		for _, k := range f.all {
			r.out.captured[k] = true
		}
	}
	r.fns = r.fns[:len(r.fns)-1]
	r.out.fns[node] = f.info
}

func (r *resolver) declare(name string, key declKey) {
	f := r.top()
	f.names.push(name, key)
	f.all = append(f.all, key)
}

// capture marks the variable that a closure inside the function on top
// captures.
func (r *resolver) capture(name string) {
	if key := r.top().names.find(name, func(*declKey) bool { return true }); key != nil {
		r.out.captured[*key] = true
	}
}

// scoped runs body and forgets what it declared.
func (r *resolver) scoped(body func()) {
	n := r.top().names.len()
	body()
	r.top().names.cut(n)
}

func (r *resolver) stmts(list []syntax.Stmt) {
	for _, s := range list {
		r.stmt(s)
	}
}

func (r *resolver) block(b *syntax.Block) {
	if b != nil {
		r.scoped(func() { r.stmts(b.Stmts) })
	}
}

func (r *resolver) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case nil, *syntax.Empty:
	case *syntax.Let:
		r.expr(s.Value)
		r.declare(s.Name, declKey{s, 0})
	case *syntax.Assign:
		r.expr(s.Value)
		r.expr(s.Target)
	case *syntax.ExprStmt:
		r.expr(s.X)
	case *syntax.Try:
		r.block(s.Body)
		r.scoped(func() {
			if s.Var.Name != "" {
				r.declare(s.Var.Name, declKey{s, 0})
			}
			r.block(s.Catch)
		})
	case *syntax.Import:
		r.expr(s.Path)
	default:
		r.control(s)
	}
}

// control walks the nodes that are statements and expressions.
func (r *resolver) control(s syntax.Node) {
	switch s := s.(type) {
	case *syntax.Block:
		r.block(s)
	case *syntax.If:
		r.expr(s.Cond)
		r.block(s.Then)
		r.stmt(s.Else)
	case *syntax.Switch:
		r.expr(s.Value)
		for _, c := range s.Cases {
			r.expr(c.Guard)
			r.scoped(func() { r.stmt(c.Body) })
		}
	case *syntax.While:
		r.expr(s.Cond)
		r.block(s.Body)
	case *syntax.Loop:
		r.block(s.Body)
	case *syntax.Do:
		r.block(s.Body)
		r.expr(s.Cond)
	case *syntax.For:
		r.expr(s.Iter)
		r.scoped(func() {
			r.declare(s.Var.Name, declKey{s, 0})
			if s.Counter.Name != "" {
				r.declare(s.Counter.Name, declKey{s, 1})
			}
			r.block(s.Body)
		})
	case *syntax.Break:
		r.expr(s.Value)
	case *syntax.Return:
		r.expr(s.Value)
	case *syntax.Throw:
		r.expr(s.Value)
	}
}

func (r *resolver) exprs(list []syntax.Expr) {
	for _, e := range list {
		r.expr(e)
	}
}

func (r *resolver) expr(e syntax.Expr) {
	switch e := e.(type) {
	case nil:
	case *syntax.This:
		r.top().info.usesThis = true
	case *syntax.Interp:
		r.exprs(e.Parts)
	case *syntax.ArrayLit:
		r.exprs(e.Elems)
	case *syntax.MapLit:
		for _, m := range e.Entries {
			r.expr(m.Value)
		}
	case *syntax.Unary:
		r.expr(e.X)
	case *syntax.Binary:
		r.expr(e.L)
		r.expr(e.R)
	case *syntax.Chain:
		r.expr(e.Root)
		for _, s := range e.Steps {
			r.expr(s.Index)
			r.exprs(s.Args)
		}
	case *syntax.Call:
		info := r.top().info
		if e.Bang {
			info.hasBang, info.usesThis = true, true
		}
		if e.Name == "eval" && len(e.Path) == 0 {
			info.hasEval, info.usesThis = true, true
		}
		r.exprs(e.Args)
	case *syntax.Closure:
		for _, c := range e.Captures {
			r.capture(c.Name)
		}
		r.function(e, e.Params, func() {
			for i, c := range e.Captures {
				r.declare(c.Name, declKey{e, -1 - i})
			}
			r.stmt(e.Body)
		})
	default:
		r.control(e)
	}
}
