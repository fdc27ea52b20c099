package syntax

import "math"

// expr reads an expression.
func (p *parser) expr(c context) Expr {
	c.pos = p.tok.pos
	c = p.deeper(c)
	return p.binary(c, 1, p.unary(c))
}

// binary reads infix operators of at least the precedence prec, and their
// right sides, after the operand x.
func (p *parser) binary(c context, prec int8, x Expr) Expr {
	if infixTable[p.tok.kind].prec == 0 && p.tok.kind != tReservedSym {
		return x // no operator: by far the most usual case
	}
	c.pos = mainPos(x)
	for {
		op := p.infix()
		if p.noPipe && p.tok.kind == tPipe || op.prec < prec {
			return x
		}
		pos := p.take()
		y := p.rightSide(c, op)
		// What follows belongs to the right side if it binds tighter.
		switch next := p.infix(); {
		case next.prec > op.prec:
			y = p.binary(p.deeper(c), op.prec+1, y)
		case next.prec == op.prec && op.right:
			y = p.binary(p.deeper(c), op.prec, y)
		}
		c = p.deeperAt(c, pos)
		if op.op == OpAnd || op.op == OpOr {
			p.checkBool(x)
			p.checkBool(y)
		}
		if n, ok := x.(*IntLit); ok && n.At.At == pos {
			x = &UnitLit{}
		}
		x = &Binary{exprNode{At{pos}}, op.op, x, y}
	}
}

// infix looks up the current token as an infix operator.
func (p *parser) infix() infix {
	if p.tok.kind == tReservedSym {
		p.failf(KindUnknownOperator, p.tok.pos, "%s is not an operator of Rhai", quote(p.tok.text))
	}
	return infixTable[p.tok.kind]
}

func (p *parser) rightSide(c context, op infix) Expr {
	switch k := p.tok.kind; op.op {
	case OpCoalesce:
		if k == tBreak || k == tContinue || k == tReturn || k == tThrow {
			return p.stmt(c).(Expr)
		}
	case OpRange, OpRangeIncl:
		switch k {
		case tRBracket, tRParen, tRBrace, tComma, tSemicolon, tArrow:
			return &UnitLit{}
		}
	}
	return p.unary(c)
}

// unary reads an operand with any prefix operators.
func (p *parser) unary(c context) Expr {
	c.pos = p.tok.pos
	op := OpNone
	switch p.tok.kind {
	case tMinus:
		op = OpNeg
	case tPlus:
		op = OpPlus
	case tBang:
		op = OpNot
	default:
		return p.operand(c)
	}
	pos := p.take()
	x := p.unary(p.deeper(c))
	if n := signed(op, pos, x); n != nil {
		return n
	}
	return &Unary{exprNode{At{pos}}, op, x}
}

// signed applies a sign to a number literal; nil if x is none. The smallest
// integer has no positive counterpart and becomes a float.
func signed(op Op, pos Pos, x Expr) Expr {
	switch v := x.(type) {
	case *IntLit:
		switch {
		case op == OpPlus:
			return x
		case op == OpNeg && v.Value == math.MinInt64:
			return &FloatLit{exprNode{At{pos}}, -float64(v.Value)}
		case op == OpNeg:
			return &IntLit{exprNode{At{pos}}, -v.Value}
		}
	case *FloatLit:
		switch op {
		case OpPlus:
			return x
		case OpNeg:
			return &FloatLit{exprNode{At{pos}}, -v.Value}
		}
	}
	return nil
}

// operand reads a literal, name, bracketed expression or control structure and
// whatever calls, indexes and properties follow it.
func (p *parser) operand(c context) Expr {
	c.pos = p.tok.pos
	at := exprNode{At{p.tok.pos}}
	var x Expr
	switch p.tok.kind {
	case tIdent:
		x = p.name(at)
	case tInt:
		x = &IntLit{at, p.tok.int}
		p.next()
	case tString:
		x = &StringLit{at, p.tok.text}
		p.next()
	case tFloat:
		x = &FloatLit{at, p.tok.float}
		p.next()
	case tChar:
		x = &CharLit{at, rune(p.tok.int)}
		p.next()
	case tTrue, tFalse:
		x = &BoolLit{at, p.tok.kind == tTrue}
		p.next()
	case tUnit:
		x = &UnitLit{at}
		p.next()
	case tRange, tRangeIncl:
		// A range without a start: it counts as 0. If an operator before it
		// does not take that 0 away, binary leaves the start out of the tree.
		return &IntLit{at, 0}
	case tLParen:
		pos := p.take()
		x = p.expr(p.deeper(c))
		p.expect(tRParen, "to match the `(` at "+describePos(pos))
	case tLBracket:
		x = p.array(p.deeper(c))
	case tMapStart:
		x = p.mapLit(p.deeper(c))
	case tInterp:
		x = p.interp(p.deeper(c))
	case tPipe, tOrOr:
		if p.noPipe && p.tok.kind == tPipe {
			p.failNoExpr()
		}
		x = p.closure(c)
	case tReservedWord:
		x = p.reserved(c, at)
	default:
		x = p.control(c)
	}
	return p.suffixes(c, x)
}

// control reads a control structure that is used for its value.
func (p *parser) control(c context) Expr {
	switch p.tok.kind {
	case tIf:
		return p.ifStmt(p.deeper(c))
	case tSwitch:
		return p.switchStmt(p.deeper(c))
	case tLBrace:
		return p.block(p.deeper(c))
	case tWhile:
		return p.whileStmt(p.deeper(c))
	case tLoop:
		return p.loopStmt(p.deeper(c))
	case tDo:
		return p.doStmt(p.deeper(c))
	case tFor:
		return p.forStmt(p.deeper(c))
	}
	p.failNoExpr()
	panic("unreachable")
}

// failNoExpr reports a token that cannot start an expression.
func (p *parser) failNoExpr() {
	switch p.tok.kind {
	case tEOF:
		p.failf(KindUnexpectedEOF, p.tok.pos, "expected an expression, found the end of the script")
	case tReservedSym:
		p.failReserved()
	}
	p.checkToken()
	p.fail(badInput(LexUnexpectedInput, p.tok.pos, "expected an expression, found "+p.tok.describe()))
}

// name reads an identifier: a variable, unless a call or a path follows.
func (p *parser) name(at exprNode) Expr {
	x := &Ident{at, p.tok.text}
	p.next()
	switch p.tok.kind {
	case tLParen, tUnit, tBang, tColon2:
	default:
		p.access(x.Name, at.At.At)
	}
	return x
}

// reserved reads a reserved word that may stand in an expression: `this`, or
// the name of a built-in function that is called.
func (p *parser) reserved(c context, at exprNode) Expr {
	word := p.tok
	fn, _ := callable(word.text)
	if word.text == "this" && !c.has(inFn) {
		p.fail(badInput(LexImproperSymbol, word.pos, "`this` can only be used in functions and closures"))
	}
	if word.text == "this" {
		p.next()
		return &This{at}
	}
	if fn {
		p.next()
		switch p.tok.kind {
		case tLParen, tUnit, tBang:
			return &Ident{at, word.text}
		}
		p.failf(KindReserved, word.pos, "%s is a built-in function: it can only be called", quote(word.text))
	}
	p.failReserved()
	panic("unreachable")
}

func (p *parser) array(c context) Expr {
	x := &ArrayLit{exprNode: exprNode{At{p.take()}}}
	c.pos = x.At.At
	for {
		if limit := p.opts.MaxArraySize; limit > 0 && len(x.Elems) >= limit {
			p.failf(KindLiteralTooLarge, p.tok.pos, "an array literal must have fewer than %d elements", limit)
		}
		switch p.tok.kind {
		case tRBracket:
			p.next()
			return x
		case tEOF:
			p.missing(tRBracket, "to end the array that starts at "+describePos(x.At.At))
		}
		x.Elems = append(x.Elems, p.expr(p.deeper(c)))
		switch p.tok.kind {
		case tRBracket:
		case tEOF:
			p.missing(tRBracket, "to end the array that starts at "+describePos(x.At.At))
		default:
			p.expect(tComma, "between the elements of an array")
		}
	}
}

func (p *parser) mapLit(c context) Expr {
	x := &MapLit{exprNode: exprNode{At{p.take()}}}
	c.pos = x.At.At
	var seen map[string]bool // made once there are too many keys to compare
	for !p.accept(tRBrace) {
		e := p.mapKey(c, x)
		if seen == nil && len(x.Entries) > 8 {
			seen = make(map[string]bool)
			for i := range x.Entries {
				seen[x.Entries[i].Key] = true
			}
		}
		if seen[e.Key] || seen == nil && hasKey(x, e.Key) {
			p.failf(KindDuplicatedProperty, e.KeyAt, "the map has two entries named %s", quote(e.Key))
		}
		if seen != nil {
			seen[e.Key] = true
		}
		p.next()
		p.expect(tColon, "after the key of a map entry")
		if limit := p.opts.MaxMapSize; limit > 0 && len(x.Entries) >= limit {
			p.failf(KindLiteralTooLarge, p.tok.pos, "a map literal must have at most %d entries", limit)
		}
		e.Value = p.expr(p.deeper(c))
		x.Entries = append(x.Entries, e)
		switch p.tok.kind {
		case tComma:
			p.next()
		case tRBrace:
		case tIdent:
			p.missing(tComma, "between the entries of a map")
		default:
			p.expect(tRBrace, "to end the map that starts at "+describePos(x.At.At))
		}
	}
	return x
}

func hasKey(x *MapLit, key string) bool {
	for i := range x.Entries {
		if x.Entries[i].Key == key {
			return true
		}
	}
	return false
}

// mapKey takes the current token as the key of an entry.
func (p *parser) mapKey(c context, x *MapLit) MapEntry {
	switch k := p.tok.kind; {
	case k == tIdent || k == tString:
		return MapEntry{Key: p.tok.text, KeyAt: p.tok.pos}
	case k == tInterp:
		p.failf(KindPropertyExpected, p.tok.pos, "expected a string as the key of a map entry, found %s", p.tok.describe())
	case k == tReservedWord:
		p.failf(KindReserved, p.tok.pos, "%s is reserved; as a key it needs quotes", quote(p.tok.text))
	}
	p.checkToken()
	if p.tok.kind == tEOF || len(x.Entries) == 0 {
		p.missing(tRBrace, "or a key in the map that starts at "+describePos(x.At.At))
	}
	p.failf(KindPropertyExpected, p.tok.pos, "expected the key of a map entry, found %s", p.tok.describe())
	panic("unreachable")
}

// interp reads a back-tick string with interpolations.
func (p *parser) interp(c context) Expr {
	x := &Interp{exprNode: exprNode{At{p.tok.pos}}}
	for {
		if p.tok.text != "" {
			x.Parts = append(x.Parts, &StringLit{exprNode{At{p.tok.pos}}, p.tok.text})
		}
		if p.tok.kind == tString {
			p.next()
			return x
		}
		p.next()
		x.Parts = append(x.Parts, p.openBlock(c))
		p.continueText()
		p.checkToken()
	}
}
