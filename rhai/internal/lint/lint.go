// Package lint finds mistakes in a script that parses: calls that nothing can
// answer, variables that do not exist, are not used or are constant, and
// statements that are never reached.
//
// A finding about something unknown is made only when reaching the place is
// certain to be an error. Whatever a script can decide at run time silences
// it: eval, calls that run in their caller's scope, imports, names asked for
// by is_def_fn and is_def_var, methods that may be functions in a map. Where an
// error may be meant or never happen (inside try, behind ?., in a branch that a
// literal condition excludes, in a statement that is only a name), only names
// that look like a slip of the pen for one that exists are reported.
package lint

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// Codes of findings.
const (
	UnknownFunction = "unknown-function"
	UnknownModule   = "unknown-module"
	UnknownVariable = "unknown-variable"
	ConstantChanged = "constant-changed"
	UnusedVariable  = "unused-variable"
	UnusedParameter = "unused-parameter"
	Unreachable     = "unreachable"
)

// Finding is one mistake. EndCol is the column after its last character, on
// the line of Pos.
type Finding struct {
	Pos    syntax.Pos
	EndCol int32
	Code   string
	Msg    string
}

// Library is what scripts can use besides what they define.
type Library struct {
	Registry *native.Registry
	// Globals are the variables of the embedder.
	Globals []string
	// HasModule and HasConstant tell of the embedder's modules, whose names
	// Modules lists.
	HasModule   func(name string) bool
	HasConstant func(module, name string) bool
	Modules     []string
}

// maxFindings bounds the findings of one file.
const maxFindings = 200

// Check lists the findings in a file, in the order of the source, at most 200.
func Check(file *syntax.File, lib Library) []Finding {
	c := &checker{lib: lib, facts: factsOf(file), source: file.Source, wanted: map[*syntax.ExprStmt]bool{}}
	c.main(file)
	for _, def := range file.Funcs {
		c.fn(def)
	}
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		if a.Pos.Line != b.Pos.Line {
			return int(a.Pos.Line - b.Pos.Line)
		}
		return int(a.Pos.Col - b.Pos.Col)
	})
	return c.found
}

// checker walks one file.
type checker struct {
	lib     Library
	facts   *facts
	source  string
	lines   []string // of source, once asked for
	found   []Finding
	hints   int      // suggestions asked for
	library []string // the names of the library's functions, once asked for

	scope  scope
	wanted map[*syntax.ExprStmt]bool // whose values are results
	// dynamic: code that cannot be seen may read and declare variables of this
	// function. inherits: it may run with the variables of its caller.
	dynamic, inherits bool
	inFn              bool   // in a function, not at the top level
	doubt             int    // how many things around this place may let an error pass
	closures          int    // around this place
	loops             []bool // the loops around this place: whether a break leaves them
}

func (c *checker) full() bool { return len(c.found) >= maxFindings }

// report adds a finding about a name at pos.
func (c *checker) report(pos syntax.Pos, name, code, msg string) {
	if !c.full() && pos.Known() {
		c.found = append(c.found, Finding{pos, pos.Col + int32(utf8.RuneCountInString(name)), code, msg})
	}
}

// lineEnd is the column after the last character of a line that is not blank.
func (c *checker) lineEnd(line int32) int32 {
	if c.lines == nil {
		c.lines = strings.Split(c.source, "\n")
	}
	if int(line) > len(c.lines) {
		return 0
	}
	return int32(utf8.RuneCountInString(strings.TrimRight(c.lines[line-1], " \t\r"))) + 1
}

func (c *checker) main(file *syntax.File) {
	c.begin(c.facts.evalIn[file] || c.facts.bangIn[file], false)
	for _, name := range c.lib.Globals {
		c.scope.declare(&variable{name: name, read: true})
	}
	if n := len(file.Stmts); n > 0 {
		c.result(file.Stmts[n-1])
	}
	c.stmts(file.Stmts)
	c.leave(0)
}

func (c *checker) fn(def *syntax.FnDef) {
	c.inFn = true
	inherits := c.facts.eval || c.facts.callBang || c.facts.bang[signature{def.Name, len(def.Params)}]
	c.begin(c.facts.evalIn[def] || c.facts.bangIn[def], inherits)
	for _, p := range def.Params {
		c.scope.declare(&variable{name: p.Name, at: p.At, kind: parameter, read: len(def.Body.Stmts) == 0})
	}
	c.result(def.Body)
	c.block(def.Body)
	c.leave(0)
}

// begin starts a function.
func (c *checker) begin(dynamic, inherits bool) {
	c.scope, c.dynamic, c.inherits, c.doubt, c.closures, c.loops = scope{}, dynamic, inherits, 0, 0, nil
}
