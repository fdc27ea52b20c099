package syntax

import "fmt"

func describePos(pos Pos) string { return fmt.Sprintf("line %d, position %d", pos.Line, pos.Col) }

// suffixes reads what may follow an operand: the rest of a path and a call,
// if it is a name, then properties, indexes and method calls.
func (p *parser) suffixes(c context, x Expr) Expr {
	x = p.pathAndCall(c, x)
	switch p.tok.kind {
	case tDot, tElvis, tLBracket, tElvisBracket:
		return p.chain(c, x)
	}
	return x
}

func (p *parser) pathAndCall(c context, x Expr) Expr {
	for {
		name, ok := x.(*Ident)
		path, qualified := x.(*Qualified)
		if !ok && !qualified {
			return x
		}
		switch p.tok.kind {
		case tColon2:
			p.next()
			if ok {
				path = &Qualified{Path: []string{name.Name}, PathAt: []Pos{name.At.At}}
			} else {
				path.Path, path.PathAt = append(path.Path, path.Name), append(path.PathAt, path.At.At)
			}
			last := p.pathName()
			path.Name, path.At.At = last.Name, last.At
			x = path
		case tLParen, tUnit:
			call := &Call{exprNode: exprNode{At{x.Pos()}}}
			if ok {
				call.Name = name.Name
			} else {
				call.Path, call.PathAt, call.Name = path.Path, path.PathAt, path.Name
			}
			call.Args = p.args(c, call.Name, x.Pos())
			return call
		case tBang:
			if qualified {
				p.failBang()
			}
			p.bang()
			call := &Call{exprNode: exprNode{At{x.Pos()}}, Name: name.Name, Bang: true}
			call.Args = p.args(c, call.Name, x.Pos())
			return call
		default:
			return x
		}
	}
}

// failBang reports `path::name!`.
func (p *parser) failBang() {
	pos := p.take()
	lex := LexImproperSymbol
	if p.tok.kind == tLParen || p.tok.kind == tUnit {
		lex = LexUnexpectedInput
	}
	p.fail(badInput(lex, pos, "a function of a module cannot be called with `!`"))
}

// bang passes over the `!` of `name!(…)`.
func (p *parser) bang() {
	p.next()
	if p.tok.kind != tLParen && p.tok.kind != tUnit {
		p.missing(tLParen, "and the arguments of the call after `!`")
	}
}

// args reads the arguments of a call of the function name.
func (p *parser) args(c context, name string, pos Pos) (args []Expr) {
	if p.accept(tUnit) {
		return nil
	}
	p.next()
	if p.accept(tRParen) {
		return nil
	}
	if p.tok.kind == tEOF {
		p.missing(tRParen, "to end the arguments of "+quote(name))
	}
	p.checkToken()
	c.pos = pos
	c = p.deeper(c)
	for !p.accept(tRParen) {
		args = append(args, p.expr(c))
		switch p.tok.kind {
		case tComma:
			p.next()
		case tRParen:
		case tEOF:
			p.missing(tRParen, "to end the arguments of "+quote(name))
		default:
			p.checkToken()
			p.missing(tComma, "between the arguments of "+quote(name))
		}
	}
	return args
}

// chain reads the steps after root. A chain in parentheses goes on with the
// steps after them, as if they were not there. Every property or method is one
// level deeper than the one before; indexes count from the property they
// follow.
func (p *parser) chain(c context, root Expr) Expr {
	x, ok := root.(*Chain)
	if !ok {
		x = &Chain{exprNode: exprNode{At{root.Pos()}}, Root: root}
	}
	check := root // a literal whose first index can be checked
	for {
		switch p.tok.kind {
		case tLBracket, tElvisBracket:
			p.indexes(c, x, check)
		case tDot, tElvis:
			c = p.member(c, x)
		default:
			return x
		}
		check = nil
	}
}

// indexes reads a run of indexes, `[a]?[b][c]`. In such a run native Rhai
// takes the question mark of an index to belong to the one before it, and that
// of the first one is lost; the last one heeds its own. The tree says what
// counts, not what is written.
func (p *parser) indexes(c context, x *Chain, root Expr) {
	for first := true; p.tok.kind == tLBracket || p.tok.kind == tElvisBracket; first = false {
		elvis := p.tok.kind == tElvisBracket
		if !first {
			x.Steps[len(x.Steps)-1].Elvis = elvis
		}
		pos := p.take()
		c.pos = pos
		c = p.deeper(c)
		index := p.expr(p.deeper(c))
		if first {
			p.checkIndex(root, index)
		}
		p.expect(tRBracket, "to match the `[` at "+describePos(pos))
		x.Steps = append(x.Steps, Step{Kind: StepIndex, Elvis: elvis, At: pos, DotAt: pos, Index: index})
	}
}

// member reads a property or a method call, and returns the context for what
// follows it.
func (p *parser) member(c context, x *Chain) context {
	s := Step{Elvis: p.tok.kind == tElvis, DotAt: p.tok.pos}
	p.next()
	s.Name, s.At = p.tok.text, p.tok.pos
	switch p.tok.kind {
	case tIdent:
	case tReservedWord:
		if _, method := callable(s.Name); !method {
			p.failMember()
		}
	case tReservedSym:
		p.failReserved()
	default:
		p.failf(KindPropertyExpected, s.At, "expected the name of a property or method, found %s", p.tok.describe())
	}
	c.pos = s.DotAt
	c = p.deeper(c)
	builtin := p.tok.kind == tReservedWord
	p.next()
	switch p.tok.kind {
	case tLParen, tUnit:
		s.Kind, s.Args = StepMethod, p.args(c, s.Name, s.At)
	case tBang:
		p.bang()
		p.args(c, s.Name, s.At)
		p.failf(KindMalformedCapture, s.At, "a method cannot be called with `!`")
	case tColon2:
		if !builtin {
			p.fail(badInput(LexImproperSymbol, p.tok.pos, "a property cannot be reached through a module path"))
		}
		fallthrough
	default:
		if builtin {
			p.failf(KindReserved, s.At, "%s is a built-in function: it can only be called", quote(s.Name))
		}
	}
	x.Steps = append(x.Steps, s)
	c.pos = s.At
	return c
}

// failMember reports a reserved word after a dot.
func (p *parser) failMember() {
	word := p.tok.text
	if fn, _ := callable(word); fn {
		p.failf(KindReserved, p.tok.pos, "%s cannot be called as a method; write `%s(…)`", quote(word), word)
	}
	p.failf(KindReserved, p.tok.pos, "%s is reserved; as a property it is written %s", quote(word), quote(`["`+word+`"]`))
}

// pathName reads the name after "::". A module may have a function `print` or
// `debug`, which native refuses: no script of native's is read otherwise.
func (p *parser) pathName() Param {
	if p.tok.kind == tReservedWord && (p.tok.text == "debug" || p.tok.text == "print") {
		v := Param{p.tok.text, p.tok.pos}
		p.next()
		return v
	}
	return p.variable()
}
