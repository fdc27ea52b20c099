package syntax

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestErrors has texts that are refused, with kind and position.
func TestErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"let x =", "UnexpectedEOF 1:8"},
		{"let x = 5 let", "MissingToken 1:11"},
		{"1 + * 2", "BadInput/UnexpectedInput 1:5"},
		{"let 1x", "VariableExpected 1:5"},
		{"let var = 1", "Reserved 1:5"},
		{"x ++ 1", "UnknownOperator 1:3"},
		{"++x", "Reserved 1:1"},
		{"1 + x ~ 2", "UnknownOperator 1:7"},
		{"#!/bin/rhai", "Reserved 1:1"},
		{"( )", "BadInput/UnexpectedInput 1:3"},
		{"(1", "MissingToken 1:3"},

		{"const A = 1; A += 2", "AssignmentToConstant 1:14"},
		{"const A = 1; { let A = 2; A = 3; } A = 4", "AssignmentToConstant 1:36"},
		{"1 = x", "AssignmentToConstant 1:1"},
		{"[1, 2] = x", "AssignmentToConstant 1:1"},
		{"f() = 1", "AssignmentToInvalidLHS 1:1"},
		{"a + b = 1", "AssignmentToInvalidLHS 1:3"},
		{"a && b = 1", "BadInput/ImproperSymbol 1:8"},
		{"a && b += 1", "AssignmentToInvalidLHS 1:3"},
		{"a.f().b = 1", "AssignmentToInvalidLHS 1:3"},
		{"f()[0] = 1", "AssignmentToInvalidLHS 1:1"},

		{"true && 1", "MismatchedType 1:9"},
		{"() || true", "MismatchedType 1:1"},
		{"if 1 {}", "MismatchedType 1:4"},
		{"if || 1 {}", "MismatchedType 1:4"},
		{"while \"a\" {}", "MismatchedType 1:7"},
		{"for x in #{} {}", "MismatchedType 1:10"},
		{"if {} {}", "ExprExpected 1:4"},
		{"if a = b {}", "BadInput/ImproperSymbol 1:6"},
		{"#{}[0]", "MalformedIndexExpr 1:5"},
		{"[1][\"a\"]", "MalformedIndexExpr 1:5"},
		{"\"a\"[b && c]", "MalformedIndexExpr 1:5"},
		{"#{a: 1, \"a\": 2}", "DuplicatedProperty 1:9"},
		{"#{`a${1}`: 1}", "PropertyExpected 1:3"},
		{"#{if: 1}", "MissingToken 1:3"},
		{"#{print: 1}", "Reserved 1:3"},
		{"a.if", "PropertyExpected 1:3"},
		{"a.print()", "Reserved 1:3"},
		{"a.call", "Reserved 1:3"},
		{"a.b::c()", "BadInput/ImproperSymbol 1:4"},
		{"a.b!()", "MalformedCapture 1:3"},
		{"a::b!()", "BadInput/UnexpectedInput 1:5"},
		{"a!", "MissingToken 1:3"},
		{"this", "BadInput/ImproperSymbol 1:1"},

		{"break", "LoopBreak 1:1"},
		{"loop { let f = || break; }", "LoopBreak 1:19"},
		{"a ?? continue", "LoopBreak 1:6"},
		{"do {} while break", "BadInput/UnexpectedInput 1:13"},
		{"return var", "Reserved 1:8"},
		{"return )", "MissingToken 1:8"},
		{"let x = try {}", "BadInput/UnexpectedInput 1:9"},
		{"{ export let x = 1; }", "WrongExport 1:3"},
		{"for (a, a) in b {}", "DuplicatedVariable 1:9"},

		{"{ fn f() {} }", "WrongFnDefinition 1:3"},
		{"fn f() {} fn f() {}", "FnDuplicatedDefinition 1:11"},
		{"fn int.f() {} fn i64.f() {}", "FnDuplicatedDefinition 1:15"},
		{"fn f(a, b, a) {}", "FnDuplicatedParam 1:12"},
		{"|a, a| 1", "FnDuplicatedParam 1:5"},
		{"fn 1() {}", "FnMissingName 1:4"},
		{"fn print() {}", "Reserved 1:4"},
		{"fn f {}", "FnMissingParams 1:6"},
		{"fn f() 1", "FnMissingBody 1:8"},
		{"fn f(if) {}", "VariableExpected 1:6"},
		{"fn f(1) {}", "MissingToken 1:6"},
		{"private let", "MissingToken 1:9"},

		{"switch x { 1..3 => 1, 4 => 2 }", "WrongSwitchIntegerCase 1:23"},
		{"switch x { 3..1 => 1, 4 => 2, y => 1 }", "ExprExpected 1:31"},
		{"switch x { 1 + 2 => 3 }", "ExprExpected 1:14"},
		{"switch x { _ => 1, 2 => 3 }", "WrongSwitchDefaultCase 1:12"},
		{"switch x { _ if y => 1 }", "WrongSwitchCaseCondition 1:14"},
		{"switch x { |a| 1 => 1 }", "ExprExpected 1:12"},
		{"switch x { 1 => 2 3 => 4 }", "MissingToken 1:19"},
		{"switch x { Fn(\"f\") => 1, Fn(\"if\") => 2 }", "ExprExpected 1:26"},

		{"a\n\xff", "BadInput/UnexpectedInput 2:1"},
		{"`a${1}bc", "BadInput/UnterminatedString 1:7"},
	}
	for _, tt := range tests {
		_, err := Parse(tt.in, unlimited)
		if got := kindAndPos(err); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func kindAndPos(err error) string {
	e, ok := err.(*Error)
	if !ok {
		return "no error"
	}
	kind := e.Kind
	if e.Lex != "" {
		kind += "/" + e.Lex
	}
	return fmt.Sprintf("%s %d:%d", kind, e.Pos.Line, e.Pos.Col)
}

// TestTree has texts and their trees, for what the round trip through the
// printer cannot show.
func TestTree(t *testing.T) {
	tests := []struct{ in, want string }{
		{"-2.abs()", "Chain{Root:IntLit{Value:-2 } Steps:[Step{Kind:2 Name:\"abs\" } ] }"},
		{"- 2.abs()", "Unary{Op:- X:Chain{Root:IntLit{Value:2 } Steps:[Step{Kind:2 Name:\"abs\" } ] } }"},
		{"a.b[1]", "Chain{Root:Ident{Name:\"a\" } Steps:[Step{Name:\"b\" } Step{Kind:1 Index:IntLit{Value:1 } } ] }"},
		{"(a.b).c", "Chain{Root:Ident{Name:\"a\" } Steps:[Step{Name:\"b\" } Step{Name:\"c\" } ] }"},
		{"a?[1][2]", "Chain{Root:Ident{Name:\"a\" } Steps:[Step{Kind:1 Index:IntLit{Value:1 } } Step{Kind:1 Index:IntLit{Value:2 } } ] }"},
		{"a[1]?[2]", "Chain{Root:Ident{Name:\"a\" } Steps:[Step{Kind:1 Elvis:true Index:IntLit{Value:1 } } Step{Kind:1 Elvis:true Index:IntLit{Value:2 } } ] }"},
		{"a::b::c", "Qualified{Path:[\"a\" \"b\" ] Name:\"c\" }"},
		{"f ()", "Call{Name:\"f\" }"},
		{"..", "Binary{Op:.. L:open R:open }"},
		{"()..()", "Binary{Op:.. L:UnitLit{} R:UnitLit{} }"},
		{"1 + ..5", "Binary{Op:.. L:Binary{Op:+ L:IntLit{Value:1 } R:IntLit{} } R:IntLit{Value:5 } }"},
		{"|a| { let c = 1; a + b + c + b }", "Closure{Params:[Param{Name:\"a\" } ] Body:Block{Stmts:[Let{Name:\"c\" Value:IntLit{Value:1 } } " +
			"ExprStmt{X:Binary{Op:+ L:Binary{Op:+ L:Binary{Op:+ L:Ident{Name:\"a\" } R:Ident{Name:\"b\" } } R:Ident{Name:\"c\" } } R:Ident{Name:\"b\" } } } ] } Captures:[Param{Name:\"b\" } ] }"},
		{"|| || x.y(z::w, f(v), |x| x)", "Closure{Body:ExprStmt{X:Closure{Body:ExprStmt{X:Chain{Root:Ident{Name:\"x\" } Steps:[Step{Kind:2 Name:\"y\" Args:[Qualified{Path:[\"z\" ] Name:\"w\" } " +
			"Call{Name:\"f\" Args:[Ident{Name:\"v\" } ] } Closure{Params:[Param{Name:\"x\" } ] Body:ExprStmt{X:Ident{Name:\"x\" } } } ] } ] } } Captures:[Param{Name:\"x\" } Param{Name:\"v\" } ] } } " +
			"Captures:[Param{Name:\"x\" } Param{Name:\"v\" } ] }"},
	}
	for _, tt := range tests {
		f, err := Parse(tt.in+";", unlimited)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got := dump(f.Stmts[0].(*ExprStmt).X); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// TestCapturesSkipFunctions: only functions before a closure hide a name.
func TestCapturesSkipFunctions(t *testing.T) {
	f, err := Parse("fn before() {} let c = || before + after; fn after() {}", unlimited)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Stmts[0].(*Let).Value.(*Closure)
	if len(c.Captures) != 1 || c.Captures[0].Name != "after" || c.Captures[0].At != (Pos{1, 36}) {
		t.Errorf("captures %v, want after at 1:36", c.Captures)
	}
}

func TestDocs(t *testing.T) {
	f, err := Parse("//! file\n//// ruler\n/// one\n// no\n/** two */\nprivate fn f() {}\n/// three\nexport const A = 1; /// lost\n", unlimited)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Funcs[0].Doc, "|"); got != "/// one|/** two */" {
		t.Errorf("docs of f are %q", got)
	}
	if got := f.Stmts[0].(*Let).Doc; got != "/// three" {
		t.Errorf("doc of A is %q", got)
	}
	if f.Doc != "//! file" {
		t.Errorf("doc of the file is %q", f.Doc)
	}
}

func TestNames(t *testing.T) {
	for s, want := range map[string][2]bool{ // identifier, reserved
		"a": {true, false}, "_a1": {true, false}, "exit": {true, false}, "if": {true, true}, "print": {true, true},
		"+": {false, true}, "()": {false, true}, "++": {false, true}, "_": {false, true}, "": {false, false},
		"__": {false, false}, "_1": {false, false}, "1a": {false, false}, "a b": {false, false}, "é": {false, false},
	} {
		if got := [2]bool{IsIdentifier(s), IsReserved(s)}; got != want {
			t.Errorf("%q: identifier, reserved = %v, want %v", s, got, want)
		}
	}
}

// TestLimits checks each limit at its value and one past it.
func TestLimits(t *testing.T) {
	tests := []struct {
		pass, fail string
		opts       Options
		want       string
	}{
		{"[1, 2]", "[1, 2, 3]", Options{MaxArraySize: 3}, "LiteralTooLarge 1:9"},
		{"#{a: 1, b: 2}", "#{a: 1, b: 2, c: 3}", Options{MaxMapSize: 2}, "LiteralTooLarge 1:18"},
		{"let s = \"ab\"", "let s = \"abc\"", Options{MaxStringSize: 2}, "LiteralTooLarge 1:9"},
		{"fn f() {} || 1", "fn f() {} || 1; |x| x", Options{MaxFunctions: 2}, "TooManyFunctions 1:17"},
		{"1", "|| 1", Options{MaxFunctions: -1}, "TooManyFunctions 1:1"},
		{"1 + 2 + 3 + 4 + 5", "1 + 2 + 3 + 4 + 5 + 6", Options{MaxExprDepth: 6}, "ExprTooDeep 1:15"},
		{"((1))", "(((1)))", Options{MaxExprDepth: 6}, "ExprTooDeep 1:3"},
		{"fn f() { 1 + 2 }", "fn f() { 1 + 2 + 3 }", Options{MaxExprDepth: 4, MaxFnExprDepth: 5}, "ExprTooDeep 1:12"},
		{"a.b.c", "a.b.c.d", Options{MaxExprDepth: 4}, "ExprTooDeep 1:6"},
	}
	for _, tt := range tests {
		tt.opts.AllowFuncs, tt.opts.AllowClosures = true, true
		if _, err := Parse(tt.pass, tt.opts); err != nil {
			t.Errorf("%s with %+v: %v", tt.pass, tt.opts, err)
		}
		_, err := Parse(tt.fail, tt.opts)
		if got := kindAndPos(err); got != tt.want {
			t.Errorf("%s with %+v: got %s, want %s", tt.fail, tt.opts, got, tt.want)
		}
	}
}

// TestNoFunctions: inside eval nothing may be defined, and the error has no
// position, whatever else the text holds.
func TestNoFunctions(t *testing.T) {
	for _, src := range []string{"1; fn f() {}", "[|x| x]"} {
		_, err := Parse(src, Options{})
		if got := kindAndPos(err); got != "WrongFnDefinition 0:0" {
			t.Errorf("%s: got %s", src, got)
		}
	}
	if _, err := Parse("[|x| x]", Options{AllowClosures: true}); err != nil {
		t.Error(err)
	}
}

// TestDeepNesting: no text makes the parser, which recurses, use up the stack
// or more than linear time, even where the options set no limit.
func TestDeepNesting(t *testing.T) {
	const n = 1 << 20
	for _, unit := range []string{
		"(", "[", "{", "#{a:", "-", "!", "- ", "`${", "|x|", "||", "if a {", "if a {} else ", "a.", "a[", "a[0]?", "f(", "a::", "1+", "a**", "a??",
		"a??return ", "switch a{", "switch a{1=>", "let a=", "loop{", "do{", "return ", "\"", "#", "/*", "fn f(", "a.f(|x|", "a=", "try{", "..", "a..",
	} {
		for _, opts := range []Options{unlimited, nativeOptions()} {
			start := time.Now()
			src := strings.Repeat(unit, n/len(unit))
			if _, err := Parse(src, opts); err != nil && len(err.Error()) > 400 {
				t.Errorf("%q repeated: the message has %d bytes", unit, len(err.Error()))
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%q repeated to %d bytes took %v", unit, n, d)
			}
		}
	}
}

// TestManyNames: a scope with very many variables is searched in no time.
func TestManyNames(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "let v%d = 1; let f = |a| a + v%d;", i, i)
	}
	b.WriteString("let f = || [")
	for i := range 100_000 {
		fmt.Fprintf(&b, "v%d, ", i)
	}
	b.WriteString("];")
	start := time.Now()
	if _, err := Parse(b.String(), unlimited); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("%d bytes took %v", b.Len(), d)
	}
}
