package syntax

import (
	"math"
	"strconv"
	"strings"
)

// Print writes a tree as source text in one canonical form. Parsing the text
// gives the same tree again, but for positions; comments other than doc
// comments are not in the tree and so are lost.
func Print(f *File) string {
	p := &printer{}
	if f.Doc != "" {
		p.line(f.Doc)
	}
	funcs := f.Funcs
	for _, s := range f.Stmts {
		// A function stays where it was written: which names a closure
		// captures depends on the functions before it.
		for len(funcs) > 0 && funcs[0].At.Before(s.Pos()) {
			p.function(funcs[0])
			funcs = funcs[1:]
		}
		p.startLine()
		p.stmt(s)
		if !endsItself(s) {
			// Even after the last one: the end of the text is no end of `a..`.
			p.text(";")
		}
		p.text("\n")
	}
	for _, fn := range funcs {
		p.function(fn)
	}
	return p.out.String()
}

// The place of an expression, for the decision whether it needs parentheses:
// the precedence of the operator it is an operand of, or one of these.
const (
	precDelimited = 0   // a closing bracket, comma or semicolon follows
	precOpen      = 1   // something else follows, such as the block of an if
	precUnary     = 120 // the operand of a prefix operator
	precRoot      = 121 // the root of a chain
)

type printer struct {
	out    strings.Builder
	indent int
}

func (p *printer) text(parts ...string) {
	for _, s := range parts {
		p.out.WriteString(s)
	}
}

func (p *printer) startLine() {
	for range p.indent {
		p.text("    ")
	}
}

func (p *printer) line(s string) {
	p.startLine()
	p.text(s, "\n")
}

func (p *printer) function(f *FnDef) {
	for _, doc := range f.Doc {
		p.line(doc)
	}
	if f.Private {
		p.text("private ")
	}
	p.text("fn ")
	if f.Typed {
		if IsIdentifier(f.This) && !IsReserved(f.This) {
			p.text(f.This, ".")
		} else {
			p.text(quoteString(f.This, '"'), ".")
		}
	}
	p.text(f.Name, "(")
	p.params(f.Params)
	p.text(") ")
	p.block(f.Body)
	p.text("\n")
}

func (p *printer) params(params []Param) {
	for i, v := range params {
		if i > 0 {
			p.text(", ")
		}
		p.text(v.Name)
	}
}

func (p *printer) block(b *Block) {
	if len(b.Stmts) == 0 {
		p.text("{}")
		return
	}
	p.text("{\n")
	p.indent++
	for i, s := range b.Stmts {
		p.startLine()
		p.stmt(s)
		_, value := s.(*ExprStmt)
		if !endsItself(s) && !(value && i == len(b.Stmts)-1) {
			p.text(";")
		}
		p.text("\n")
	}
	p.indent--
	p.startLine()
	p.text("}")
}

// stmt writes a statement without the semicolon after it.
func (p *printer) stmt(s Stmt) {
	switch s := s.(type) {
	case *Empty:
		p.text(";")
	case *ExprStmt:
		if isControl(s.X) { // would be a statement of its own
			p.paren(s.X)
		} else {
			p.expr(s.X, precDelimited)
		}
	case *Let:
		p.let(s)
	case *Assign:
		p.expr(s.Target, precOpen)
		p.text(" ", strings.TrimSuffix(s.Op.String(), "="), "= ")
		p.expr(s.Value, precDelimited)
	case *Try:
		p.text("try ")
		p.block(s.Body)
		p.text(" catch ")
		if s.Var.Name != "" {
			p.text("(", s.Var.Name, ") ")
		}
		p.block(s.Catch)
	case *Import:
		p.text("import ")
		p.expr(s.Path, precDelimited)
		if s.Alias.Name != "" {
			p.text(" as ", s.Alias.Name)
		}
	case *Export:
		p.text("export ", s.Name.Name)
		if s.Alias.Name != "" {
			p.text(" as ", s.Alias.Name)
		}
	default:
		p.control(s.(Expr))
	}
}

func (p *printer) let(s *Let) {
	if s.Doc != "" {
		p.text(s.Doc, "\n")
		p.startLine()
	}
	if s.Exported {
		p.text("export ")
	}
	if s.Const {
		p.text("const ", s.Name)
	} else {
		p.text("let ", s.Name)
	}
	if s.Value != nil {
		p.text(" = ")
		p.expr(s.Value, precDelimited)
	}
}

// isControl reports whether x is a control structure, which at the start of a
// statement ends it.
func isControl(x Expr) bool {
	switch x.(type) {
	case *Block, *If, *Switch, *While, *Loop, *Do, *For:
		return true
	}
	return false
}

// control writes what is a statement as well as an expression.
func (p *printer) control(x Expr) {
	switch x := x.(type) {
	case *Block:
		p.block(x)
	case *If:
		p.ifElse(x)
	case *Switch:
		p.switchCases(x)
	case *While:
		p.text("while ")
		p.expr(x.Cond, precOpen)
		p.text(" ")
		p.block(x.Body)
	case *Loop:
		p.text("loop ")
		p.block(x.Body)
	case *Do:
		p.text("do ")
		p.block(x.Body)
		if x.Until {
			p.text(" until ")
		} else {
			p.text(" while ")
		}
		p.expr(x.Cond, precOpen)
	case *For:
		p.forVars(x)
		p.expr(x.Iter, precOpen)
		p.text(" ")
		p.block(x.Body)
	case *Break:
		p.jump("break", x.Value)
	case *Continue:
		p.text("continue")
	case *Return:
		p.jump("return", x.Value)
	case *Throw:
		p.jump("throw", x.Value)
	}
}

func (p *printer) forVars(x *For) {
	if x.Counter.Name == "" {
		p.text("for ", x.Var.Name, " in ")
	} else {
		p.text("for (", x.Var.Name, ", ", x.Counter.Name, ") in ")
	}
}

func (p *printer) jump(word string, value Expr) {
	p.text(word)
	if value != nil {
		p.text(" ")
		p.expr(value, precDelimited)
	}
}

func (p *printer) ifElse(x *If) {
	p.text("if ")
	p.expr(x.Cond, precOpen)
	p.text(" ")
	p.block(x.Then)
	if x.Else != nil {
		p.text(" else ")
		p.stmt(x.Else)
	}
}

func (p *printer) switchCases(x *Switch) {
	p.text("switch ")
	p.expr(x.Value, precOpen)
	p.text(" {\n")
	p.indent++
	for i := range x.Cases {
		k := &x.Cases[i]
		p.startLine()
		if k.Values == nil {
			p.text("_")
		}
		for j, v := range k.Values {
			if j > 0 {
				p.text(" | ")
			}
			p.expr(v, precOpen)
		}
		if k.Guard != nil {
			p.text(" if ")
			p.expr(k.Guard, precOpen)
		}
		p.text(" => ")
		p.stmt(k.Body)
		p.text(",\n")
	}
	p.indent--
	p.startLine()
	p.text("}")
}

func (p *printer) paren(x Expr) {
	p.text("(")
	p.bare(x)
	p.text(")")
}

// expr writes x at a place of the given precedence.
func (p *printer) expr(x Expr, prec int) {
	if needsParens(x, prec) {
		p.paren(x)
	} else {
		p.bare(x)
	}
}

// bare writes x without parentheses around it.
func (p *printer) bare(x Expr) {
	switch x := x.(type) {
	case *UnitLit:
		p.text("()")
	case *BoolLit:
		p.text(strconv.FormatBool(x.Value))
	case *IntLit:
		p.text(strconv.FormatInt(x.Value, 10))
	case *FloatLit:
		p.text(floatText(x.Value))
	case *CharLit:
		p.text(quoteString(string(x.Value), '\''))
	case *StringLit:
		p.text(quoteString(x.Value, '"'))
	case *Interp:
		p.interp(x)
	case *ArrayLit:
		p.list("[", x.Elems, "]")
	case *MapLit:
		p.mapLit(x)
	case *Ident:
		p.text(x.Name)
	case *Qualified:
		p.path(x.Path)
		p.text(x.Name)
	case *This:
		p.text("this")
	case *Unary:
		p.text(x.Op.String())
		p.expr(x.X, precUnary)
	case *Binary:
		p.binary(x)
	case *Chain:
		p.chain(x)
	case *Call:
		p.path(x.Path)
		p.text(x.Name)
		if x.Bang {
			p.text("!")
		}
		p.list("(", x.Args, ")")
	case *Closure:
		p.text("|")
		p.params(x.Params)
		p.text("| ")
		p.stmt(x.Body)
	default:
		p.control(x)
	}
}

func needsParens(x Expr, prec int) bool {
	switch x := x.(type) {
	case *IntLit:
		// Where no operand can stand before a minus sign the lexer takes it for
		// an operator, and the smallest integer would become a float.
		return x.Value == math.MinInt64 || x.Value < 0 && prec == precRoot || prec == precUnary
	case *FloatLit:
		return math.Signbit(x.Value) && prec == precRoot || prec == precUnary
	case *Chain: // `-5.abs()` would be the absolute value of -5
		return prec == precUnary && !isNamed(x.Root) || prec == precRoot
	case *Unary:
		return prec >= precUnary && !(prec == precUnary && x.Op == OpNot)
	case *Binary:
		if _, open := x.R.(*UnitLit); open && !x.R.Pos().Known() {
			return prec > precDelimited
		}
		switch x.R.(type) {
		case *Break, *Continue, *Return, *Throw: // would take what follows for its value
			return prec > precDelimited
		}
		return int(opPrec[x.Op].prec) < prec
	case *Closure, *Break, *Continue, *Return, *Throw:
		return prec > precDelimited
	}
	return isControl(x) && prec > precDelimited
}

func isNamed(x Expr) bool {
	switch x.(type) {
	case *Ident, *Qualified, *This, *Call:
		return true
	}
	return false
}

// opPrec is infixTable by operator.
var opPrec = func() (t [len(opText)]infix) {
	for _, op := range infixTable {
		if op.prec > 0 {
			t[op.op] = op
		}
	}
	return t
}()

func (p *printer) binary(x *Binary) {
	op := opPrec[x.Op]
	left, right := int(op.prec), int(op.prec)+1
	if op.right {
		left, right = right, left
	}
	isRange := x.Op == OpRange || x.Op == OpRangeIncl
	switch x.L.(type) {
	case *Break, *Continue, *Return, *Throw:
		// Only without a value, after `??`, where it cannot stand in parentheses.
		p.control(x.L)
	default:
		if !isRange || x.L.Pos().Known() {
			p.expr(x.L, left)
		}
	}
	if isRange {
		p.text(x.Op.String())
	} else {
		p.text(" ", x.Op.String(), " ")
	}
	switch x.R.(type) {
	case *Break, *Continue, *Return, *Throw:
		p.control(x.R)
		return
	}
	if !isRange || x.R.Pos().Known() {
		p.expr(x.R, right)
	}
}

func (p *printer) list(open string, xs []Expr, end string) {
	p.text(open)
	for i, x := range xs {
		if i > 0 {
			p.text(", ")
		}
		p.expr(x, precDelimited)
	}
	p.text(end)
}

func (p *printer) path(names []string) {
	for _, name := range names {
		p.text(name, "::")
	}
}

func (p *printer) mapLit(x *MapLit) {
	p.text("#{")
	for i := range x.Entries {
		if i > 0 {
			p.text(", ")
		}
		if key := x.Entries[i].Key; IsIdentifier(key) && !IsReserved(key) {
			p.text(key)
		} else {
			p.text(quoteString(key, '"'))
		}
		p.text(": ")
		p.expr(x.Entries[i].Value, precDelimited)
	}
	p.text("}")
}

func (p *printer) chain(x *Chain) {
	p.expr(x.Root, precRoot)
	for i := range x.Steps {
		s := &x.Steps[i]
		elvis := s.Elvis
		if s.Kind == StepIndex && i > 0 && x.Steps[i-1].Kind == StepIndex {
			// In a run of indexes the mark of one is written at the next.
			elvis = x.Steps[i-1].Elvis
		}
		if elvis {
			p.text("?")
		}
		switch s.Kind {
		case StepIndex:
			p.list("[", []Expr{s.Index}, "]")
		case StepProp:
			p.text(".", s.Name)
		case StepMethod:
			p.text(".", s.Name)
			p.list("(", s.Args, ")")
		}
	}
}

// interp writes a back-tick string, in which only a back-tick and `${` are
// special, and line ends at its start and after a carriage return.
func (p *printer) interp(x *Interp) {
	p.text("`")
	for i, part := range x.Parts {
		switch part := part.(type) {
		case *StringLit:
			s := part.Value
			if i == 0 && (s[0] == '\n' || s[0] == '\r') {
				p.text("\n")
			}
			s = strings.ReplaceAll(s, "`", "``")
			s = strings.ReplaceAll(s, "\r\n", "\r\r\n")
			p.text(strings.ReplaceAll(s, "${", "\\${"))
		case *Block:
			p.text("$")
			p.inline(part)
		}
	}
	p.text("`")
}

// inline writes a block on one line if it is no more than an expression.
func (p *printer) inline(b *Block) {
	if len(b.Stmts) == 1 {
		if x, ok := b.Stmts[0].(*ExprStmt); ok {
			p.text("{")
			p.stmt(x)
			p.text("}")
			return
		}
	}
	p.block(b)
}

// floatText is a literal that reads as exactly f.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "1e999"
	case math.IsInf(f, -1):
		return "-1e999"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// quoteString writes a string or character literal on one line.
func quoteString(s string, delim byte) string {
	var b strings.Builder
	b.WriteByte(delim)
	for _, r := range s {
		switch {
		case r == rune(delim) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatInt(int64(r)+0x100, 16)[1:])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(delim)
	return b.String()
}
