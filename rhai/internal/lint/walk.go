package lint

import "github.com/picloud/picloud/rhai/internal/syntax"

// The walk goes through a function in the order in which names become visible.
// Statements answer whether what follows them can be reached: false when they
// always leave the block.

// stmts walks a list of statements.
func (c *checker) stmts(list []syntax.Stmt) (goesOn bool) {
	goesOn = true
	told := false
	for _, s := range list {
		if _, empty := s.(*syntax.Empty); !goesOn && !told && !empty && s != nil {
			told = true
			if at := startOf(s); !c.full() && at.Known() {
				c.found = append(c.found, Finding{at, max(c.lineEnd(at.Line), at.Col+1), Unreachable, "this is never reached"})
			}
		}
		if !c.stmt(s) {
			goesOn = false
		}
	}
	return goesOn
}

func (c *checker) block(b *syntax.Block) (goesOn bool) {
	goesOn = true
	if b != nil {
		c.scoped(func() { goesOn = c.stmts(b.Stmts) })
	}
	return goesOn
}

func (c *checker) stmt(s syntax.Stmt) (goesOn bool) {
	switch s := s.(type) {
	case nil, *syntax.Empty:
	case *syntax.Let:
		c.expr(s.Value)
		used := s.Exported || c.facts.globals[s.Name]
		c.scope.declare(&variable{name: s.Name, at: s.NameAt, constant: s.Const, read: used, closures: c.closures})
	case *syntax.Assign:
		c.expr(s.Value)
		c.target(s.Target)
	case *syntax.ExprStmt:
		if x, ok := s.X.(syntax.Stmt); ok {
			return c.control(x)
		}
		// A name whose value nobody wants is not looked up.
		_, bare := s.X.(*syntax.Ident)
		c.doubtful(bare && !c.wanted[s], func() { c.expr(s.X) })
	case *syntax.Try:
		return c.try(s)
	case *syntax.Import:
		c.expr(s.Path)
	case *syntax.Export:
		if c.use(s.Name.Name) == nil {
			c.unknownVariable(s.Name.At, s.Name.Name)
		}
	default:
		return c.control(s)
	}
	return true
}

func (c *checker) try(s *syntax.Try) (goesOn bool) {
	c.doubtful(true, func() { goesOn = c.block(s.Body) })
	c.scoped(func() {
		if s.Var.Name != "" {
			c.scope.declare(&variable{name: s.Var.Name, at: s.Var.At, kind: caught})
		}
		if c.block(s.Catch) {
			goesOn = true
		}
	})
	return goesOn
}

// control walks what is a statement and an expression.
func (c *checker) control(s syntax.Node) (goesOn bool) {
	switch s := s.(type) {
	case *syntax.Block:
		return c.block(s)
	case *syntax.If:
		return c.choice(s)
	case *syntax.Switch:
		return c.switchOn(s)
	case *syntax.While:
		c.expr(s.Cond)
		c.doubtful(literally(s.Cond, false), func() { c.loop(s.Body) })
	case *syntax.Loop:
		return c.loop(s.Body)
	case *syntax.Do:
		c.loop(s.Body)
		c.expr(s.Cond)
	case *syntax.For:
		c.expr(s.Iter)
		c.scoped(func() {
			c.scope.declare(&variable{name: s.Var.Name, at: s.Var.At, kind: item})
			if s.Counter.Name != "" {
				c.scope.declare(&variable{name: s.Counter.Name, at: s.Counter.At, kind: counter})
			}
			c.loop(s.Body)
		})
	case *syntax.Break:
		c.expr(s.Value)
		for i := range c.loops {
			c.loops[i] = true
		}
		return false
	case *syntax.Continue:
		return false
	case *syntax.Return:
		c.expr(s.Value)
		return false
	case *syntax.Throw:
		c.expr(s.Value)
		return false
	}
	return true
}

func (c *checker) choice(s *syntax.If) (goesOn bool) {
	c.expr(s.Cond)
	c.doubtful(literally(s.Cond, false), func() { goesOn = c.block(s.Then) })
	if s.Else == nil {
		return true
	}
	c.doubtful(literally(s.Cond, true), func() {
		if c.stmt(s.Else) {
			goesOn = true
		}
	})
	return goesOn
}

// doubtful walks body, in doubt when doubt is set.
func (c *checker) doubtful(doubt bool, body func()) {
	if doubt {
		c.doubt++
		defer func() { c.doubt-- }()
	}
	body()
}

// literally reports whether a condition is made of literals and has the value
// want.
func literally(e syntax.Expr, want bool) bool {
	switch e := e.(type) {
	case *syntax.BoolLit:
		return e.Value == want
	case *syntax.Unary:
		return e.Op == syntax.OpNot && literally(e.X, !want)
	case *syntax.Binary:
		l, ok := e.L.(*syntax.IntLit)
		r, also := e.R.(*syntax.IntLit)
		switch {
		case !ok || !also:
		case e.Op == syntax.OpEq:
			return (l.Value == r.Value) == want
		case e.Op == syntax.OpNe:
			return (l.Value != r.Value) == want
		}
	}
	return false
}

// loop walks the body of a loop and answers whether a break leaves it. To be
// on the safe side, a break counts for the loops around its own as well.
func (c *checker) loop(body *syntax.Block) (broken bool) {
	c.loops = append(c.loops, false)
	c.block(body)
	last := len(c.loops) - 1
	broken = c.loops[last]
	c.loops = c.loops[:last]
	return broken
}

func (c *checker) switchOn(s *syntax.Switch) (goesOn bool) {
	c.expr(s.Value)
	goesOn = s.Default < 0
	for _, a := range s.Cases {
		c.expr(a.Guard)
		c.scoped(func() {
			if c.stmt(a.Body) {
				goesOn = true
			}
		})
	}
	return goesOn
}

func (c *checker) exprs(list []syntax.Expr) {
	for _, e := range list {
		c.expr(e)
	}
}

func (c *checker) expr(e syntax.Expr) {
	switch e := e.(type) {
	case nil:
	case *syntax.Ident:
		if c.use(e.Name) == nil && c.facts.arity[e.Name] == nil {
			c.unknownVariable(e.Pos(), e.Name)
		}
	case *syntax.Qualified:
		c.qualified(e)
	case *syntax.Interp:
		c.exprs(e.Parts)
	case *syntax.ArrayLit:
		c.exprs(e.Elems)
	case *syntax.MapLit:
		for _, m := range e.Entries {
			c.expr(m.Value)
		}
	case *syntax.Unary:
		c.expr(e.X)
	case *syntax.Binary:
		c.expr(e.L)
		c.expr(e.R)
	case *syntax.Chain:
		c.chain(e)
	case *syntax.Call:
		c.exprs(e.Args)
		c.call(e)
	case *syntax.Closure:
		c.closure(e)
	default:
		c.result(e)
		c.control(e)
	}
}

// result notes the statements whose values are that of n.
func (c *checker) result(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.ExprStmt:
		if _, ok := n.X.(syntax.Stmt); ok {
			c.result(n.X)
		} else {
			c.wanted[n] = true
		}
	case *syntax.Block:
		if n != nil && len(n.Stmts) > 0 {
			c.result(n.Stmts[len(n.Stmts)-1])
		}
	case *syntax.If:
		c.result(n.Then)
		c.result(n.Else)
	case *syntax.Switch:
		for _, a := range n.Cases {
			c.result(a.Body)
		}
	}
}

// closure walks a closure, which sees the variables around it. The loops around
// it are not its own. It may well be called inside the try that it stands in.
func (c *checker) closure(e *syntax.Closure) {
	loops := c.loops
	c.loops = nil
	c.closures++
	c.scoped(func() {
		for _, p := range e.Params {
			// Who calls a closure decides what it gets, used or not.
			c.scope.declare(&variable{name: p.Name, at: p.At, kind: parameter, read: true})
		}
		c.result(e.Body)
		c.stmt(e.Body)
	})
	c.loops = loops
	c.closures--
}

// chain walks root.a[i].f(x).
func (c *checker) chain(e *syntax.Chain) {
	c.expr(e.Root)
	optional := false
	for i := range e.Steps {
		s := &e.Steps[i]
		optional = optional || s.Elvis
		c.expr(s.Index)
		c.exprs(s.Args)
		if s.Kind == syntax.StepMethod {
			c.method(s, optional)
			if i == 0 {
				c.constReceiver(e.Root, s)
			}
		}
	}
}

// target walks the left side of an assignment.
func (c *checker) target(e syntax.Expr) {
	switch e := e.(type) {
	case *syntax.Ident:
		if v := c.scope.top[e.Name]; v != nil {
			v.written = true
		} else {
			c.unknownVariable(e.Pos(), e.Name)
		}
	case *syntax.Chain:
		c.chain(e)
	default:
		c.expr(e)
	}
}
