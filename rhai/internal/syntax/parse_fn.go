package syntax

import "strings"

func joinDocs(docs []string) string { return strings.Join(docs, "\n") }

// function reads a function definition into the file.
func (p *parser) function(c context) {
	start := p.tok.pos
	f := &FnDef{Doc: append([]string(nil), p.docs...)}
	f.Private = p.accept(tPrivate)
	f.At = p.tok.pos
	switch {
	case p.tok.kind != tFn:
		p.missing(tFn, "after `private`")
	case !c.has(atTop):
		p.failf(KindWrongFnDefinition, start, "a function can only be defined at the top level of a script; a closure can stand anywhere")
	case p.maxFunctions():
		p.failTooManyFunctions()
	}
	p.next()
	outer, filter := p.frame, p.noPipe
	p.frame, p.noPipe = &frame{base: len(p.scope.vars)}, false
	p.functionRest(f, context{
		max: depthLimit(p.opts.MaxFnExprDepth), flags: inFn, pos: f.At,
	})
	p.scope.rewind(p.frame.base)
	p.frame, p.noPipe = outer, filter
	p.define(f)
}

func (p *parser) functionRest(f *FnDef, c context) {
	c = p.deeper(c)
	p.functionName(f)
	switch {
	case p.accept(tUnit):
	case p.accept(tLParen):
		f.Params = p.params(tRParen, "function "+quote(f.Name))
	default:
		p.failf(KindFnMissingParams, p.tok.pos, "expected `(` and the parameters of function %s, found %s", quote(f.Name), p.tok.describe())
	}
	if p.tok.kind != tLBrace {
		p.failf(KindFnMissingBody, p.tok.pos, "expected `{` and the body of function %s, found %s", quote(f.Name), p.tok.describe())
	}
	f.Body = p.block(c)
}

// functionName reads the name, with the type of `this` and a dot before it.
func (p *parser) functionName(f *FnDef) {
	first := p.tok
	if first.kind == tIdent || first.kind == tString {
		p.next()
		if p.tok.kind != tDot && first.kind == tString {
			p.missing(tDot, "and the name of a function after the type of its `this`")
		}
		if p.tok.kind != tDot {
			f.Name, f.NameAt = first.text, first.pos
			return
		}
		p.next()
		f.This, f.Typed = thisType(first.text), true
	}
	switch p.tok.kind {
	case tIdent:
		f.Name, f.NameAt = p.tok.text, p.tok.pos
		p.next()
	case tReservedWord, tReservedSym:
		p.failReserved()
	default:
		p.failf(KindFnMissingName, p.tok.pos, "expected the name of a function, found %s", p.tok.describe())
	}
}

// thisType is the name of a type as type_of gives it.
func thisType(name string) string {
	switch name {
	case "int":
		return "i64"
	case "float":
		return "f64"
	}
	return name
}

// params reads parameters up to the token end and brings them into scope. A
// comma may follow the last one.
func (p *parser) params(end kind, of string) (params []Param) {
	for !p.accept(end) {
		if p.tok.kind != tIdent {
			p.failParam(end, of)
		}
		v := p.variable()
		if p.scope.find(v.Name, p.frame.base) != nil {
			p.failf(KindFnDuplicatedParam, v.At, "%s has two parameters named %s", of, quote(v.Name))
		}
		p.scope.push(v.Name, false)
		params = append(params, v)
		if p.accept(end) {
			break
		}
		p.expect(tComma, "between the parameters of "+of)
	}
	return params
}

func (p *parser) failParam(end kind, of string) {
	p.checkToken()
	switch k := p.tok.kind; {
	case k == tReservedWord || k == tReservedSym:
		p.failReserved()
	case k >= tTrue && k <= tAs && k != tSwitch || k == tIn:
		p.failf(KindVariableExpected, p.tok.pos, "expected the name of a parameter, found %s", p.tok.describe())
	}
	p.missing(end, "to end the parameters of "+of)
}

// define adds a finished function to the file.
func (p *parser) define(f *FnDef) {
	key := fnKey{f.Name, f.This, f.Typed, len(f.Params)}
	if p.fnKeys[key] {
		p.failf(KindFnDuplicatedDefinition, f.At, "function %s with %d parameters is defined twice", quote(f.Name), len(f.Params))
	}
	if p.fnKeys == nil {
		p.fnKeys, p.fnNames = make(map[fnKey]bool), make(map[string]bool)
	}
	p.fnKeys[key], p.fnNames[f.Name] = true, true
	p.file.Funcs = append(p.file.Funcs, f)
	p.functions++
}

// closure reads `|a, b| body`; `||` is one token.
func (p *parser) closure(c context) Expr {
	if p.maxFunctions() {
		p.failTooManyFunctions()
	}
	x := &Closure{exprNode: exprNode{At{p.tok.pos}}}
	outer, filter := p.frame, p.noPipe
	p.frame, p.noPipe = &frame{base: len(p.scope.vars), closure: true}, false
	if p.accept(tPipe) {
		x.Params = p.params(tPipe, "the closure")
	} else {
		p.next() // `||`
	}
	inner := c
	inner.flags = inFn
	x.Body = p.stmtOrEmpty(p.deeper(inner))
	x.Captures = p.frame.captures
	p.scope.rewind(p.frame.base)
	p.frame, p.noPipe = outer, filter
	for _, v := range x.Captures {
		p.access(v.Name, v.At)
	}
	p.functions++
	return x
}
