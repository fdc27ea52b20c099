package syntax

// startPos is where native Rhai says that an expression begins, which is not
// always its first character: for most binary expressions it is the operator.
func startPos(x Expr) Pos {
	for {
		switch v := x.(type) {
		case *Qualified:
			return v.PathAt[0]
		case *Chain:
			x = v.Root
		case *Binary:
			switch v.Op {
			case OpAnd, OpOr, OpCoalesce:
				x = v.L
			default:
				return v.Pos()
			}
		default:
			return x.Pos()
		}
	}
}

// mainPos is the place that native Rhai gives an expression as a whole. It
// keeps a run of the same one of && || ?? as one list with the position of its
// first operator, and a chain has the position of its first step.
func mainPos(x Expr) Pos {
	switch v := x.(type) {
	case *Chain:
		return v.Steps[0].DotAt
	case *Binary:
		for v.Op == OpAnd || v.Op == OpOr || v.Op == OpCoalesce {
			l, ok := v.L.(*Binary)
			if !ok || l.Op != v.Op {
				break
			}
			v = l
		}
		return v.At.At
	}
	return x.Pos()
}

// isConstant reports whether x is a literal, all the way down. A closure that
// captures nothing is one, too.
func isConstant(x Expr) bool {
	switch x := x.(type) {
	case *UnitLit, *BoolLit, *IntLit, *FloatLit, *CharLit, *StringLit:
		return true
	case *ArrayLit:
		for _, e := range x.Elems {
			if !isConstant(e) {
				return false
			}
		}
		return true
	case *MapLit:
		for i := range x.Entries {
			if !isConstant(x.Entries[i].Value) {
				return false
			}
		}
		return true
	case *Closure:
		return len(x.Captures) == 0
	}
	return false
}

// literalType names the type of a literal, or returns "" for an expression
// whose type is known only at run time.
func literalType(x Expr) string {
	switch x := x.(type) {
	case *UnitLit:
		return "`()`"
	case *BoolLit:
		return "a boolean"
	case *IntLit:
		return "an integer"
	case *FloatLit:
		return "a float"
	case *CharLit:
		return "a character"
	case *StringLit, *Interp:
		return "a string"
	case *ArrayLit:
		return "an array"
	case *MapLit:
		return "a map"
	case *Closure:
		if len(x.Captures) == 0 {
			return "a closure"
		}
	}
	return ""
}

// checkBool fails at a literal that can never be true or false.
func (p *parser) checkBool(x Expr) {
	if t := literalType(x); t != "" && t != "a boolean" {
		p.failf(KindMismatchedType, startPos(x), "expected a boolean, found %s", t)
	}
}

// checkIterable fails at a literal that a loop cannot go through.
func (p *parser) checkIterable(x Expr) {
	switch t := literalType(x); x.(type) {
	case *UnitLit, *BoolLit, *IntLit, *FloatLit, *CharLit, *MapLit:
		hint := ""
		if _, ok := x.(*IntLit); ok {
			hint = "; a range is written `0..n`"
		}
		p.failf(KindMismatchedType, startPos(x), "expected something to iterate over, found %s%s", t, hint)
	}
}

// checkIndex fails at a literal index that the literal before it cannot take.
func (p *parser) checkIndex(root, index Expr) {
	wants := ""
	switch root.(type) {
	case *MapLit:
		wants = "a string"
	case *IntLit, *ArrayLit, *StringLit, *Interp:
		wants = "an integer"
	default:
		return
	}
	found := literalType(index)
	switch x := index.(type) {
	case *UnitLit, *BoolLit, *IntLit, *FloatLit, *CharLit, *StringLit, *Interp:
	case *Binary:
		if x.Op != OpAnd && x.Op != OpOr {
			return
		}
		found = "a boolean"
	default:
		return
	}
	if found != wants {
		p.failf(KindMalformedIndexExpr, startPos(index), "the index of %s must be %s, not %s", literalType(root), wants, found)
	}
}

// checkTarget fails if x cannot stand to the left of an assignment.
func (p *parser) checkTarget(x Expr, op Op, at Pos) {
	switch x := x.(type) {
	case *This, *Qualified:
		return
	case *Ident:
		if v := p.scope.find(x.Name, p.frame.base); v != nil && v.const_ {
			p.failf(KindAssignmentToConstant, x.At.At, "cannot assign to the constant %s", quote(x.Name))
		}
		return
	case *Chain:
		p.checkChainTarget(x)
		return
	case *Binary:
		if op == OpNone && (x.Op == OpAnd || x.Op == OpOr || x.Op == OpCoalesce) {
			p.fail(badInput(LexImproperSymbol, at, "the left side is not a variable; did you mean `==`?"))
		}
	}
	if isConstant(x) {
		p.failf(KindAssignmentToConstant, startPos(x), "cannot assign to a literal")
	}
	p.failf(KindAssignmentToInvalidLHS, mainPos(x), "only variables, properties and elements can be assigned to")
}

func (p *parser) checkChainTarget(x *Chain) {
	for i := range x.Steps {
		if s := &x.Steps[i]; s.Kind == StepMethod {
			p.failf(KindAssignmentToInvalidLHS, s.At, "cannot assign into the result of the method call %s", quote(s.Name))
		}
	}
	switch x.Root.(type) {
	case *Ident, *Qualified, *This:
		return
	}
	p.failf(KindAssignmentToInvalidLHS, mainPos(x.Root), "cannot assign into a value that is not held by a variable")
}
