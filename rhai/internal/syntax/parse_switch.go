package syntax

import "math"

func (p *parser) switchStmt(c context) *Switch {
	s := &Switch{bothNode: bothNode{At{p.take()}}, Default: -1}
	c = p.deeperAt(c, s.At.At)
	s.Value = p.expr(c)
	p.expect(tLBrace, "to start the cases of `switch`")
	ranges := false // a range case that can match has been seen
	for !p.accept(tRBrace) {
		if p.tok.kind == tEOF {
			p.missing(tRBrace, "to end the cases of `switch`")
		}
		if s.Default >= 0 {
			p.failf(KindWrongSwitchDefaultCase, s.Cases[s.Default].At, "the `_` case must be the last one")
		}
		k := p.switchCase(c, &ranges)
		if k.Values == nil {
			s.Default = len(s.Cases)
		}
		s.Cases = append(s.Cases, k)
		p.endCase(k.Body)
	}
	return s
}

// endCase passes over the comma after a case, which a block needs not.
func (p *parser) endCase(body Stmt) {
	switch p.tok.kind {
	case tComma:
		p.next()
	case tRBrace:
	case tEOF:
		p.missing(tRBrace, "to end the cases of `switch`")
	default:
		p.checkToken()
		if !endsItself(body) {
			p.missing(tComma, "after a case of `switch`")
		}
	}
}

func (p *parser) switchCase(c context, ranges *bool) Case {
	k := Case{At: p.tok.pos}
	if p.accept(tUnderscore) {
		if p.tok.kind == tIf {
			p.failf(KindWrongSwitchCaseCondition, p.tok.pos, "the `_` case cannot have a condition")
		}
	} else {
		k.Values = p.caseValues(c)
		if p.accept(tIf) {
			k.Guard = p.condition(c)
		}
	}
	p.expect(tArrow, "after the value of a case")
	k.Body = p.stmtOrEmpty(c)
	for i, x := range k.Values {
		k.Values[i] = p.caseValue(x, ranges)
	}
	return k
}

// caseValues reads `a | b | c`.
func (p *parser) caseValues(c context) (values []Expr) {
	for {
		filter := p.noPipe
		p.noPipe = true
		err := p.attempt(func() { values = append(values, p.expr(c)) })
		p.noPipe = filter
		if err != nil {
			if err.Kind != KindExprExpected { // once is enough, however deep this is nested
				err = &Error{Kind: KindExprExpected, Pos: err.Pos, Msg: "expected a literal as the value of a case: " + err.Msg}
			}
			p.fail(err)
		}
		if !p.accept(tPipe) {
			return values
		}
	}
}

// caseValue checks a value, which must be known before the script runs, and
// fills in the sides that a range leaves out.
func (p *parser) caseValue(x Expr, ranges *bool) Expr {
	if !isCaseLiteral(x) {
		p.failf(KindExprExpected, startPos(x), "the value of a case must be a literal")
	}
	switch v := x.(type) {
	case *Binary:
		r := *v
		lo, hi := rangeSide(v.L, 0), rangeSide(v.R, math.MaxInt64)
		r.L, r.R = lo, hi
		if lo.Value < hi.Value || lo.Value == hi.Value && v.Op == OpRangeIncl {
			*ranges = true
		}
		return &r
	case *IntLit, *FloatLit:
		if *ranges {
			p.failf(KindWrongSwitchIntegerCase, startPos(x), "cases of single numbers must stand before cases of ranges")
		}
	}
	return x
}

func rangeSide(x Expr, open int64) *IntLit {
	if n, ok := x.(*IntLit); ok {
		return n
	}
	return &IntLit{exprNode{At{x.Pos()}}, open}
}

// isCaseLiteral reports whether x may be the value of a case.
func isCaseLiteral(x Expr) bool {
	switch x := x.(type) {
	case *Binary:
		return (x.Op == OpRange || x.Op == OpRangeIncl) && isRangeOfLiterals(x)
	case *Call:
		if x.Name != "Fn" || len(x.Path) > 0 || len(x.Args) != 1 {
			return false
		}
		name, ok := x.Args[0].(*StringLit)
		return ok && IsIdentifier(name.Value) && !IsReserved(name.Value)
	}
	return isConstant(x)
}

func isRangeOfLiterals(x *Binary) bool {
	_, lInt := x.L.(*IntLit)
	_, rInt := x.R.(*IntLit)
	lo, lUnit := x.L.(*UnitLit)
	_, rUnit := x.R.(*UnitLit)
	// An open start counts as the literal 0, so that `..` alone is a range
	// from 0 on, but `()..()` is not.
	return (lInt || lUnit) && (rInt || rUnit) && (lInt || rInt || !lo.Pos().Known())
}
