package lint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/stdlib"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// library has the standard library and a module m with a function pair(x, y)
// and a constant MAX, and the global variable ctx.
func library() Library {
	r := native.NewRegistry()
	stdlib.Register(r)
	r.Add(&native.Func{Name: "m::pair", Params: []value.Kinds{value.Any, value.Any}})
	return Library{
		Registry: r, Globals: []string{"ctx"}, Modules: []string{"m"},
		HasModule:   func(name string) bool { return name == "m" },
		HasConstant: func(module, name string) bool { return module == "m" && name == "MAX" },
	}
}

func check(t testing.TB, source string) []Finding {
	t.Helper()
	file, err := syntax.Parse(source, syntax.Options{AllowFuncs: true, AllowClosures: true})
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return Check(file, library())
}

// TestFindings lists scripts with what is found in them, as "line:column-end
// code: message"; a message may be cut short.
func TestFindings(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"a call of nothing", `foo(1)`, "1:1-4 unknown-function: no function `foo` with 1 argument"},
		{"a slip of the pen", `pritn(1)`, "1:1-6 unknown-function: no function `pritn` with 1 argument; did you mean `print`?"},
		{"a slip for a script's function", `fn total(x) { x } totl(1)`, "1:19-23 unknown-function: no function `totl` with 1 argument; did you mean `total`?"},
		{"the wrong number of arguments", `fn f(x) { x } f(1, 2)`, "1:15-16 unknown-function: `f` takes 1 argument, not 2"},
		{"several overloads", `fn f(x) { x } fn f(x, y) { x + y } f()`, "1:36-37 unknown-function: `f` takes 1 or 2 arguments, not 0"},
		{"a method of nothing", `let a = [1]; a.pussh(2); a`, "1:16-21 unknown-function: no method `pussh` with 1 argument; did you mean `push`?"},
		{"a method with too many arguments", `let a = [1]; a.pop(1, 2, 3); a`, "1:16-19 unknown-function: `pop` takes"},
		{"a variable that is called", `let f = |x| x; f(1)`, "1:16-17 unknown-function: `f` is a variable; the function in it is called by `f.call(…)`"},
		{"in an interpolation", "`a ${foo()}`", "1:6-9 unknown-function"},
		{"in a closure", `[1].map(|x| foo(x))`, "1:13-16 unknown-function"},
		{"in a guard", `switch 1 { 1 if foo() => 2, _ => 3 }`, "1:17-20 unknown-function"},
		{"in an index", `let a = [1]; a[foo()]`, "1:16-19 unknown-function"},

		{"a function of a module", `m::pairs(1, 2)`, "1:4-9 unknown-function: module `m` has no function `pairs`; did you mean `m::pair`?"},
		{"too few for a module's function", `m::pair(1)`, "1:4-8 unknown-function: `m::pair` takes 2 arguments, not 1"},
		{"no module", `n::pair(1, 2)`, "1:1-2 unknown-module: no module `n`"},
		{"a constant of a module", `m::MIN`, "1:4-7 unknown-variable: module `m` has no constant `MIN`"},
		{"a constant of no module", `n::MIN`, "1:1-2 unknown-module"},
		{"no global constant", `fn f() { global::A } f()`, "1:18-19 unknown-variable: no constant `global::A`"},

		{"a variable of nothing", `let x = y; x`, "1:9-10 unknown-variable: no variable `y` here"},
		{"a misspelt variable", `let total = 1; totl + total`, "1:16-20 unknown-variable: no variable `totl` here; did you mean `total`?"},
		{"assigning to nothing", `x = 1;`, "1:1-2 unknown-variable"},
		{"before it is declared", `print(later); let later = 1; later`, "1:7-12 unknown-variable: no variable `later` here; it is declared further down"},
		{"after its block", `{ let x = 1; print(x); } print(x);`, "1:32-33 unknown-variable"},
		{"the script's variable in a function", `let x = 1; fn f() { x } f() + x`, "1:21-22 unknown-variable: no variable `x` here; functions do not see the script's variables"},
		{"the script's constant in a function", `const X = 1; fn f() { X } f() + X`, "1:23-24 unknown-variable: no variable `X` here; in a function, the script's constant is `global::X`"},
		{"a global in a function", `fn f() { ctx } f()`, "1:10-13 unknown-variable"},
		{"an export of nothing", `export nothing;`, "1:8-15 unknown-variable"},
		{"columns count characters", "let s = \"äöü\"; s + y", "1:20-21 unknown-variable"},

		{"a misspelt call inside try", `fn total(x) { x } try { totl(1) } catch {}`, "1:25-29 unknown-function"},

		{"never used", `let x = 1;`, "1:5-6 unused-variable: the variable `x` is never used; name it `_x` if that is meant"},
		{"only assigned", `let x = 1; x = 2;`, "1:5-6 unused-variable: the variable `x` is assigned to but never read"},
		{"hidden before its use", `let x = 1; let x = 2; x`, "1:5-6 unused-variable"},
		{"a constant", `const X = 1;`, "1:7-8 unused-variable: the constant `X` is never used"},
		{"a parameter", `fn f(a, b) { b } f(1, 2)`, "1:6-7 unused-parameter: the parameter `a` is never used"},
		{"a counter", `for (x, i) in [1] { print(x); }`, "1:9-10 unused-variable: the counter `i` is never used"},
		{"an error", `try { throw 1; } catch (e) {}`, "1:25-26 unused-variable: the error `e` is never used"},
		{"in a closure's body", `(|| { let x = 1; 2 }).call()`, "1:11-12 unused-variable"},

		{"after return", "fn f() {\n  return 1;\n  print(2);\n}\nf()", "3:3-12 unreachable: this is never reached"},
		{"after throw", `throw 1; print(2)`, "1:10-18 unreachable"},
		{"after break", `loop { break; print(1); }`, "1:15-26 unreachable"},
		{"after continue", `for i in 0..3 { continue; print(i); }`, "1:27-38 unreachable"},
		{"after both branches", `fn f(x) { if x { return 1; } else { return 2; } 3 } f(true)`, "1:49-60 unreachable"},
		{"after every arm", `fn f(x) { switch x { 1 => return 1, _ => return 2 } 3 } f(1)`, "1:53-61 unreachable"},
		{"after an endless loop", `loop { print(1); } print(2);`, "1:20-29 unreachable"},
		{"after try and catch", `fn f() { try { return 1; } catch { return 2; } 3 } f()`, "1:48-55 unreachable"},
		{"the place where an assignment begins", `let x = 1; { return x; x = 2; }`, "1:24-32 unreachable"},

		{"a constant that a method changes", `const A = [1]; A.push(2);`, "1:18-22 constant-changed: `push` would change the constant `A`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range check(t, c.source) {
				got = append(got, fmt.Sprintf("%d:%d-%d %s: %s", f.Pos.Line, f.Pos.Col, f.EndCol, f.Code, f.Msg))
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("%s\nfound %q\nwant  %q", c.source, got, c.want)
			}
		})
	}
}

// TestSilence lists scripts in which there is nothing to find.
func TestSilence(t *testing.T) {
	for _, c := range []struct{ name, source string }{
		{"the library", `let a = [3, 1]; a.sort(); print(a.len() + a.len); let t = "a,b".split(","); t`},
		{"what the machine does itself", `let f = Fn("x"); print(type_of(f)); debug(1); print(is_def_var("x")); call(|x| x, 1); curry(|x| x, 1).call(); exit(1)`},
		{"a function that stands below", `f(1); fn f(x) { x }`},
		{"a function as a value", `fn f(x) { x } [1].map(f)`},
		{"a method that is a function of the script", `fn double() { this * 2 } let x = 1; x.double()`},
		{"a method for a type", `fn int.double() { this * 2 } let x = 1; x.double()`},
		{"a function in a map", `let m = #{ act: || 1 }; m.act_on = || 2; m.act() + m.act_on()`},
		{"a function in a map by its name", `let m = #{}; m["act"] = || 1; m.act()`},
		{"a function that is asked for", `if is_def_fn("plugin", 1) { plugin(1) }`},
		{"a variable that is asked for", `if is_def_var("extra") { print(extra) }`},
		{"eval declares", `eval("let x = 1"); x`},
		{"eval reads", `let x = 1; eval("x")`},
		{"eval under another name", `let x = 1; let f = Fn("eval"); f.call("x"); x + y`},
		{"a caller's variable", `fn f() { x } let x = 1; f!()`},
		{"a pointer called in its caller's scope", `fn f() { x } let x = 1; call!(f)`},
		{"an imported module", `import "lib" as lib; lib::f(lib::X); let x = lib::g(); x.h()`},
		{"a module of the embedder", `m::pair(1, m::MAX)`},
		{"a global", `print(ctx)`},
		{"a global constant", `const A = 1; fn f() { global::A } f()`},
		{"an error that is meant", `try { foo(); bar + 1; let x = 1; x.baz(); m::nope(); n::f() } catch { print(1) }`},
		{"the wrong number of arguments inside try", `fn f(x) { x } try { f(1, 2) } catch {}`},
		{"a method that may not be called", `let x = (); x?.nope()`},
		{"a branch that is excluded", `if false { foo() } else if 1 == 2 { foo() } while false { foo() } if !true { foo() }`},
		{"a name whose value nobody wants", `undefined; 5`},

		{"an underscore", `let _x = 1; fn f(_a, b) { b } for (_x, _i) in [1] {} f(1, 2)`},
		{"a closure's parameters", `[1].map(|x, i| 1)`},
		{"a stub's parameters", `fn f(a, b) {} f(1, 2)`},
		{"repeating", `let n = 0; for i in 0..3 { n += 1; } n`},
		{"an export", `export let x = 1; let y = 2; export y;`},
		{"captured", `let x = 1; let f = || x; f.call()`},
		{"captured two deep", `let x = 1; let f = || (|| x); f.call()`},
		{"read before it is assigned in a loop", `let x = 0; loop { if x > 3 { break; } x = x + 1; }`},
		{"changed in place", `let a = []; a.push(1); let m = #{}; m.x = 1;`},
		{"only one branch returns", `fn f(x) { if x { return 1; } 2 } f(true)`},
		{"a loop that ends", `loop { if true { break; } } print(1)`},
		{"a break in an inner block", `loop { loop { { break; } } print(1); break; } print(2)`},
		{"a loop in a value", `let x = loop { break 1; }; print(x)`},
		{"a switch without a default", `fn f(x) { switch x { 1 => return 1 } 2 } f(1)`},
		{"an empty statement at the end", `fn f() { return 1;; } f()`},
		{"a constant that is only read", `const A = [1]; print(A.len()); A[0] + A.map(|x| x).len()`},
		{"a constant of a closure", `const A = [1]; let f = || A.push(2); f.call()`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, f := range check(t, c.source) {
				t.Errorf("%s\n%d:%d %s: %s", c.source, f.Pos.Line, f.Pos.Col, f.Code, f.Msg)
			}
		})
	}
}

func TestFindingsAreBounded(t *testing.T) {
	source := strings.Repeat("foo(1);\n", 2*maxFindings) + strings.Repeat("let x = 1;\n", maxFindings)
	if n := len(check(t, source)); n != maxFindings {
		t.Errorf("%d findings, want %d", n, maxFindings)
	}
}

func TestFindingsAreInOrder(t *testing.T) {
	found := check(t, "let unused = 1;\nfn f(p) { 1 }\nfoo();\nbar();\nf(1)")
	for i := 1; i < len(found); i++ {
		if found[i].Pos.Before(found[i-1].Pos) {
			t.Errorf("%v comes after %v", found[i], found[i-1])
		}
	}
	if len(found) != 4 {
		t.Errorf("%d findings, want 4: %v", len(found), found)
	}
}

// Found by FuzzCheck: a carriage return alone ends a comment and begins a line,
// as in native Rhai.
func TestPlaceBehindALoneCarriageReturn(t *testing.T) {
	found := check(t, "// note\rmissing")
	if len(found) != 1 || found[0].Pos.Line != 2 || found[0].Pos.Col != 1 {
		t.Errorf("%+v", found)
	}
}

// FuzzCheck holds that any source that parses can be checked, and that the
// places of findings are in it.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		``, `let x = 1; x.y(2)`, "fn f(a) { `${a}` } f!(1)", `for (a, b) in 0..3 { continue; 1 }`, `switch 1 { 1..3 if x => y, _ => break }`,
		`import "a" as b; b::c::d(1); export x as y;`, `try { return } catch (e) { throw }`, `do { } until is_def_var(1)`, `const A = 1; A.b[c]?.d() = 1`,
		`is_def_fn(); is_def_var(); eval()`, "//\rA", `|a| |b| a`, `global::x; a::b::C`,
	} {
		f.Add(s)
	}
	lib := library()
	f.Fuzz(func(t *testing.T, source string) {
		file, err := syntax.Parse(source, syntax.Options{AllowFuncs: true, AllowClosures: true, MaxExprDepth: 64, MaxFnExprDepth: 64})
		if err != nil {
			return
		}
		// A carriage return alone ends a comment, and with it a line.
		lines := strings.Count(source, "\n") + strings.Count(source, "\r") + 1
		for _, d := range Check(file, lib) {
			if d.Pos.Line < 1 || int(d.Pos.Line) > lines || d.Pos.Col < 1 || d.EndCol <= d.Pos.Col || d.Code == "" || d.Msg == "" {
				t.Errorf("%q: %+v", source, d)
			}
		}
	})
}

// TestWorkIsBounded checks a script that is nothing but names that could be
// slips of the pen for very many others.
func TestWorkIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "fn function_number_%d() {}\n", i)
	}
	b.WriteString("try {\n")
	for i := range 20000 {
		fmt.Fprintf(&b, "another_name_for_%d();\n", i)
	}
	b.WriteString("} catch {}")
	file, err := syntax.Parse(b.String(), syntax.Options{AllowFuncs: true})
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{lib: library(), facts: factsOf(file), wanted: map[*syntax.ExprStmt]bool{}}
	c.main(file)
	if near := c.suggest("function_numbre_1", list(c.facts.names)); near != "" {
		t.Errorf("after %d suggestions it still makes one, %s", c.hints, near)
	}
}
