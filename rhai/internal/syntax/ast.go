package syntax

// Pos is a place in a source text: line and column count from 1, and a column
// counts characters, as editors do. The zero Pos means "no position known".
type Pos struct {
	Line, Col int32
}

// Known reports whether p names a place at all.
func (p Pos) Known() bool { return p.Line > 0 }

// Before reports whether p lies before q in the text.
func (p Pos) Before(q Pos) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Col < q.Col
}

// Node is anything in the tree that has a place in the source.
type Node interface {
	// Pos is the place that native Rhai reports for the node: the operator of
	// a binary expression, the name of a call, the first token otherwise.
	Pos() Pos
}

// Expr is an expression. The set of implementations is closed: it is the
// types in this file that embed exprNode or bothNode.
type Expr interface {
	Node
	expr()
}

// Stmt is a statement. Control structures are statements and expressions.
type Stmt interface {
	Node
	stmt()
}

// At holds a node's position; every node embeds it through a marker below.
type At struct{ At Pos }

func (a At) Pos() Pos { return a.At }

type (
	exprNode struct{ At }
	stmtNode struct{ At }
	bothNode struct{ At }
)

func (exprNode) expr() {}
func (stmtNode) stmt() {}
func (bothNode) expr() {}
func (bothNode) stmt() {}

// Literals.
type (
	UnitLit struct{ exprNode }
	BoolLit struct {
		exprNode
		Value bool
	}
	IntLit struct {
		exprNode
		Value int64
	}
	FloatLit struct {
		exprNode
		Value float64
	}
	CharLit struct {
		exprNode
		Value rune
	}
	StringLit struct {
		exprNode
		Value string
	}
	// Interp is a back-tick string with ${…} in it. Parts are *StringLit and
	// *Block in the order of the text; empty literals are left out.
	Interp struct {
		exprNode
		Parts []Expr
	}
	ArrayLit struct {
		exprNode
		Elems []Expr
	}
	MapLit struct {
		exprNode
		Entries []MapEntry
	}
)

// MapEntry is one `key: value` of a map literal; keys are unique.
type MapEntry struct {
	Key   string
	KeyAt Pos
	Value Expr
}

// Names and operators.
type (
	// Ident is a variable by its plain name.
	Ident struct {
		exprNode
		Name string
	}
	// Qualified is a variable of a module, `a::b::NAME`, or of `global`.
	// At is the place of the last name.
	Qualified struct {
		exprNode
		Path   []string
		PathAt []Pos
		Name   string
	}
	This struct{ exprNode }

	// Unary is `-x`, `+x` or `!x`; At is the operator.
	Unary struct {
		exprNode
		Op Op
		X  Expr
	}
	// Binary is any infix operator but assignment, including && || ?? in !in
	// .. and ..= ; At is the operator. A missing side of a range is
	// *UnitLit with an unknown position.
	Binary struct {
		exprNode
		Op   Op
		L, R Expr
	}
)

// Chain is a root followed by one or more property, index or method steps:
// `root.a[i].f(x)`. Rhai evaluates the operands of all steps before it walks
// the chain, so the whole of it is one node. At is the root's position.
// A parenthesised chain is a root of its own: `(a.b).c` is Chain{Chain{a.b}, c}.
type Chain struct {
	exprNode
	Root  Expr
	Steps []Step
}

// StepKind tells the three forms of a step apart.
type StepKind uint8

const (
	StepProp   StepKind = iota // .Name
	StepIndex                  // [Index]
	StepMethod                 // .Name(Args…)
)

// Step is one link of a Chain.
type Step struct {
	Kind  StepKind
	Elvis bool // written ?. or ?[
	At    Pos  // the property or method name; the `[` of an index
	DotAt Pos  // the `.` or `[` token
	Name  string
	Path  []string // of `x.a::f()`, rejected by the parser today: always empty
	Index Expr
	Args  []Expr
}

// Call is `name(args)`, `a::b::name(args)` or `name!(args)`; At is the name.
// Calls of `Fn`, `eval`, `print`, `type_of` and other keyword functions are
// ordinary calls with that name.
type Call struct {
	exprNode
	Path   []string
	PathAt []Pos
	Name   string
	Bang   bool // name!(…): runs in the caller's scope
	Args   []Expr
}

// Closure is `|a, b| body`; At is the first `|` (or `||`).
type Closure struct {
	exprNode
	Params []Param
	Body   Stmt // one statement; an expression is *ExprStmt

	// Captures are the variables that the body (or a closure in it) uses and
	// does not declare, with the place of their first use, in that order. A
	// name of a function defined earlier in the text is not captured.
	Captures []Param
}

// Param is a parameter of a function or closure.
type Param struct {
	Name string
	At   Pos
}

// Control structures, usable as statements and as expressions.
type (
	Block struct {
		bothNode
		Stmts []Stmt
		End   Pos // the closing brace
	}
	If struct {
		bothNode
		Cond Expr
		Then *Block
		Else Stmt // *Block, *If or nil
	}
	Switch struct {
		bothNode
		Value   Expr
		Cases   []Case // in source order, `_` included
		Default int    // index in Cases of the `_` case, or -1
	}
	While struct { // while Cond Body
		bothNode
		Cond Expr
		Body *Block
	}
	Loop struct { // loop Body
		bothNode
		Body *Block
	}
	Do struct { // do Body while Cond, do Body until Cond
		bothNode
		Body  *Block
		Cond  Expr
		Until bool
	}
	For struct { // for Var in Iter, for (Var, Counter) in Iter
		bothNode
		Var     Param
		Counter Param // Name is "" without one
		Iter    Expr
		Body    *Block
	}
)

// Case is one arm of a switch: `a | 1..5 if guard => body`. Values are
// constant expressions folded by the parser to literals (UnitLit, BoolLit,
// IntLit, FloatLit, CharLit, StringLit, ArrayLit or MapLit of literals) or
// a *Binary range of two integer literals. Values is nil for `_`.
type Case struct {
	At     Pos
	Values []Expr
	Guard  Expr // nil without `if`
	Body   Stmt // *ExprStmt, *Block or another statement
}

// Simple statements.
type (
	// Let is `let` or `const`, with `export` before it or not.
	Let struct {
		stmtNode
		Name     string
		NameAt   Pos
		Value    Expr // nil: ()
		Const    bool
		Exported bool
		Doc      string
	}
	// Assign is `target op= value`; Op is OpNone for plain `=`. Target is
	// *Ident, *This, *Qualified or *Chain (whose last step is a property or an
	// index). At is the operator.
	Assign struct {
		stmtNode
		Op     Op
		Target Expr
		Value  Expr
	}
	ExprStmt struct {
		stmtNode
		X Expr
	}
	Break struct {
		bothNode
		Value Expr // or nil
	}
	Continue struct{ bothNode }
	Return   struct {
		bothNode
		Value Expr // or nil
	}
	Throw struct {
		bothNode
		Value Expr // or nil
	}
	Try struct {
		stmtNode
		Body  *Block
		Var   Param // Name is "" without one
		Catch *Block
	}
	Import struct {
		stmtNode
		Path  Expr
		Alias Param // Name is "" without `as`
	}
	// Export is `export name [as alias]` of a variable that exists.
	Export struct {
		stmtNode
		Name  Param
		Alias Param
	}
	Empty struct{ stmtNode } // a lone `;`
)

// FnDef is a script function. Functions stand at the top level only and are
// visible everywhere in the program, so they are not statements: File.Funcs
// holds them.
type FnDef struct {
	At      Pos // the keyword fn
	Name    string
	NameAt  Pos
	This    string // type of `fn type.name()` as type_of names it, or ""
	Typed   bool   // there is a type, if an empty one
	Params  []Param
	Body    *Block
	Private bool
	Doc     []string // the `///` and `/** */` comments before it, as written
}

// File is a parsed program.
type File struct {
	Source string
	Doc    string // `//!` comments
	Stmts  []Stmt
	Funcs  []*FnDef
	End    Pos // one past the last character
}
