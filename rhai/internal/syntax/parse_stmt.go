package syntax

// program reads statements up to the end of the text.
func (p *parser) program(c context) (stmts []Stmt) {
	for p.tok.kind != tEOF {
		s := p.stmt(c)
		if s == nil {
			continue
		}
		stmts = append(stmts, s)
		if p.tok.kind == tEOF {
			break
		}
		p.endStmt(s)
	}
	return stmts
}

// endStmt passes over the semicolon after a statement; one that ends with a
// brace needs none.
func (p *parser) endStmt(s Stmt) {
	switch {
	case p.accept(tSemicolon):
	case endsItself(s):
	default:
		p.checkToken()
		p.failNoSemicolon(s)
	}
}

// failNoSemicolon reports the token after a statement. Where the statement is
// a keyword of another language, that is said instead.
func (p *parser) failNoSemicolon(s Stmt) {
	if x, ok := s.(*ExprStmt); ok {
		if id, ok := x.X.(*Ident); ok && instead[id.Name] != "" {
			p.failf(KindMissingToken, p.tok.pos, "expected `;` after %s, found %s; did you mean %s instead of it?",
				quote(id.Name), p.tok.describe(), instead[id.Name])
		}
	}
	p.missing(tSemicolon, "to end the statement")
}

func endsItself(s Stmt) bool {
	switch s.(type) {
	case *If, *Switch, *While, *Loop, *For, *Block, *Try:
		return true
	}
	return false
}

// stmt reads a statement without its semicolon. It returns nil for one that
// leaves nothing in the tree: a lone semicolon, or a function, which is kept
// in the file.
func (p *parser) stmt(c context) Stmt {
	c.pos = p.tok.pos
	switch p.tok.kind {
	case tEOF:
		return nil
	case tSemicolon:
		p.next()
		return nil
	case tLBrace:
		return p.block(p.deeper(c))
	case tFn, tPrivate:
		p.function(c)
		return nil
	case tIf:
		return p.ifStmt(p.deeper(c))
	case tSwitch:
		return p.switchStmt(p.deeper(c))
	case tWhile:
		return p.whileStmt(p.deeper(c))
	case tLoop:
		return p.loopStmt(p.deeper(c))
	case tDo:
		return p.doStmt(p.deeper(c))
	case tFor:
		return p.forStmt(p.deeper(c))
	case tBreak, tContinue, tReturn, tThrow:
		return p.jump(c)
	case tTry:
		return p.tryStmt(p.deeper(c))
	case tLet, tConst:
		return p.letStmt(p.deeper(c), false)
	case tImport:
		return p.importStmt(p.deeper(c))
	case tExport:
		return p.exportStmt(c)
	}
	return p.exprStmt(p.deeper(c))
}

// stmtOrEmpty is stmt where the tree needs a statement in any case.
func (p *parser) stmtOrEmpty(c context) Stmt {
	pos := p.tok.pos
	if s := p.stmt(c); s != nil {
		return s
	}
	return &Empty{stmtNode{At{pos}}}
}

func (p *parser) block(c context) *Block {
	b := p.openBlock(c)
	p.next() // the closing brace
	return b
}

// openBlock reads a block up to its closing brace, which stays the current
// token: what follows it in an interpolated string is no token.
func (p *parser) openBlock(c context) *Block {
	pos := p.expect(tLBrace, "to start a block")
	c = p.deeperAt(c, pos)
	b := &Block{bothNode: bothNode{At{pos}}}
	c.flags &^= atTop
	vars := len(p.scope.vars)
	for p.tok.kind != tRBrace {
		if p.tok.kind == tEOF {
			p.missing(tRBrace, "to close the block that starts at "+describePos(pos))
		}
		s := p.stmt(c)
		if s == nil {
			continue
		}
		b.Stmts = append(b.Stmts, s)
		if p.tok.kind != tRBrace && p.tok.kind != tEOF {
			p.endStmt(s)
		}
	}
	p.scope.rewind(vars)
	b.End = p.tok.pos
	return b
}

func (p *parser) exprStmt(c context) Stmt {
	c.pos = p.tok.pos
	x := p.expr(c)
	op := assignOp[p.tok.kind]
	if p.tok.kind != tAssign && op == OpNone {
		return &ExprStmt{stmtNode{At{c.pos}}, x}
	}
	pos := p.take()
	c.pos = pos
	value := p.expr(c)
	p.checkTarget(x, op, pos)
	return &Assign{stmtNode{At{pos}}, op, x, value}
}

// condition reads a condition, which no block and no assignment can be.
func (p *parser) condition(c context) Expr {
	p.notBlock("a condition")
	x := p.expr(c)
	p.checkBool(x)
	if p.tok.kind == tAssign {
		p.fail(badInput(LexImproperSymbol, p.tok.pos, "a condition cannot assign; did you mean `==`?"))
	}
	return x
}

func (p *parser) notBlock(what string) {
	if p.tok.kind == tLBrace {
		p.failf(KindExprExpected, p.tok.pos, "expected %s, found `{`", what)
	}
}

func (p *parser) ifStmt(c context) *If {
	pos := p.take()
	c = p.deeperAt(c, pos)
	s := &If{bothNode: bothNode{At{pos}}}
	s.Cond = p.condition(c)
	s.Then = p.block(c)
	if p.accept(tElse) {
		if p.tok.kind == tIf {
			s.Else = p.ifStmt(c)
		} else {
			s.Else = p.block(c)
		}
	}
	return s
}

func (p *parser) whileStmt(c context) *While {
	c = p.deeper(c)
	s := &While{bothNode: bothNode{At{p.take()}}}
	s.Cond = p.condition(c)
	s.Body = p.loopBody(c, s.At.At)
	return s
}

func (p *parser) loopStmt(c context) *Loop {
	c = p.deeper(c)
	s := &Loop{bothNode: bothNode{At{p.take()}}}
	s.Body = p.loopBody(c, s.At.At)
	return s
}

func (p *parser) loopBody(c context, pos Pos) *Block {
	c.pos = pos
	c.flags |= inLoop
	return p.block(c)
}

func (p *parser) doStmt(c context) *Do {
	s := &Do{bothNode: bothNode{At{p.take()}}}
	c = p.deeperAt(c, s.At.At)
	s.Body = p.loopBody(c, c.pos)
	switch p.tok.kind {
	case tUntil:
		s.Until = true
	case tWhile:
	default:
		p.missing(tWhile, "or `until` after the body of `do`")
	}
	p.next()
	s.Cond = p.condition(c)
	return s
}

func (p *parser) forStmt(c context) *For {
	s := &For{bothNode: bothNode{At{p.take()}}}
	c = p.deeperAt(c, s.At.At)
	if p.accept(tLParen) {
		p.forPair(s)
	} else {
		s.Var = p.variable()
	}
	p.expect(tIn, "after the loop variable")
	p.notBlock("something to iterate over")
	s.Iter = p.expr(c)
	p.checkIterable(s.Iter)
	vars := len(p.scope.vars)
	if s.Counter.Name != "" {
		p.scope.push(s.Counter.Name, false)
	}
	p.scope.push(s.Var.Name, false)
	s.Body = p.loopBody(c, c.pos)
	p.scope.rewind(vars)
	return s
}

// forPair reads `item, counter)`.
func (p *parser) forPair(s *For) {
	s.Var = p.variable()
	if !p.accept(tComma) {
		p.missing(tComma, "and a name for the counter")
	}
	s.Counter = p.variable()
	if s.Counter.Name == s.Var.Name {
		p.failf(KindDuplicatedVariable, s.Counter.At, "the counter needs another name than the item %s", quote(s.Var.Name))
	}
	if !p.accept(tRParen) {
		p.missing(tRParen, "after the loop variables")
	}
}

// jump reads break, continue, return or throw.
func (p *parser) jump(c context) Stmt {
	k := p.tok.kind
	if (k == tBreak || k == tContinue) && !c.has(inLoop) {
		p.failf(KindLoopBreak, p.tok.pos, "`%s` can only be used in a loop", kindText[k])
	}
	at := bothNode{At{p.take()}}
	switch k {
	case tContinue:
		return &Continue{at}
	case tBreak:
		return &Break{at, p.optionalExpr(c)}
	case tReturn:
		return &Return{at, p.optionalExpr(c)}
	}
	return &Throw{at, p.optionalExpr(c)}
}

// optionalExpr reads an expression if one starts here. Anything that fails
// before it has passed over a token counts as no expression.
func (p *parser) optionalExpr(c context) (x Expr) {
	c = p.deeper(c)
	if k := p.tok.kind; k == tSemicolon || k == tRBrace || k == tEOF {
		return nil
	}
	start := p.tok.off
	err := p.attempt(func() { x = p.expr(c) })
	if err != nil && (p.tok.off != start || !p.untouched(err)) {
		p.fail(err)
	}
	return x
}

// untouched reports whether err leaves the token that it is about in place.
// The parser fails at malformed and reserved tokens without passing over them,
// but they do start an expression, if a wrong one.
func (p *parser) untouched(err *Error) bool {
	switch p.tok.kind {
	case tError, tReservedWord, tReservedSym:
		return err.Kind == KindExprTooDeep
	}
	return true
}

func (p *parser) tryStmt(c context) *Try {
	s := &Try{stmtNode: stmtNode{At{p.take()}}}
	c = p.deeperAt(c, s.At.At)
	s.Body = p.block(c)
	if !p.accept(tCatch) {
		p.missing(tCatch, "after the block of `try`")
	}
	vars := len(p.scope.vars)
	if p.accept(tLParen) {
		s.Var = p.variable()
		if !p.accept(tRParen) {
			p.missing(tRParen, "after the variable of `catch`")
		}
		p.scope.push(s.Var.Name, false)
	}
	s.Catch = p.block(c)
	p.scope.rewind(vars)
	return s
}

func (p *parser) letStmt(c context, exported bool) Stmt {
	s := &Let{Const: p.tok.kind == tConst, Exported: exported, Doc: joinDocs(p.docs)}
	s.At.At = p.take()
	c.pos = s.At.At
	name := p.variable()
	s.Name, s.NameAt = name.Name, name.At
	if p.accept(tAssign) {
		s.Value = p.expr(p.deeper(c))
	}
	p.scope.push(s.Name, s.Const)
	return s
}

func (p *parser) importStmt(c context) Stmt {
	s := &Import{stmtNode: stmtNode{At{p.take()}}}
	s.Path = p.expr(p.deeperAt(c, s.At.At))
	if p.accept(tAs) {
		s.Alias = p.variable()
	}
	return s
}

func (p *parser) exportStmt(c context) Stmt {
	if !c.has(atTop) {
		p.failf(KindWrongExport, p.tok.pos, "only the top level of a script can export")
	}
	doc := joinDocs(p.docs)
	c = p.deeper(c)
	s := &Export{stmtNode: stmtNode{At{p.take()}}}
	if p.tok.kind == tLet || p.tok.kind == tConst {
		c.pos = s.At.At
		let := p.letStmt(p.deeper(c), true).(*Let)
		let.Doc = doc
		return let
	}
	s.Name = p.variable()
	if p.accept(tAs) {
		s.Alias = p.variable()
	}
	return s
}
