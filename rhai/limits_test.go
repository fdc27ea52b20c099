package rhai_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// A way is one way of reaching a limit: source(n) needs exactly n of what is
// limited.
type way struct {
	name   string
	source func(n int) string
}

// repeat is n copies of part, which may hold one verb for the index.
func repeat(n int, part, sep string) string {
	var parts []string
	for i := range n {
		if strings.Contains(part, "%") {
			parts = append(parts, fmt.Sprintf(part, i))
		} else {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, sep)
}

// counted is a way in which N stands for n and M for n-1.
func counted(name, source string) way {
	return way{name, func(n int) string {
		return strings.NewReplacer("N", strconv.Itoa(n), "M", strconv.Itoa(n-1)).Replace(source)
	}}
}

// filled is a way that starts with a container of n-1 parts, before the text
// `rest` adds one.
func filled(name, before, part, sep, after string) way {
	return way{name, func(n int) string { return before + repeat(n-1, part, sep) + after }}
}

var stringWays = []way{
	filled("literal", `"`, "a", "", `a"`),
	filled("+", `let s = "`, "a", "", `"; s = s + "a";`),
	filled("+=", `let s = "`, "a", "", `"; s += "a";`),
	filled("+= char", `let s = "`, "a", "", `"; s += 'a';`),
	filled("+ number", `let s = "`, "a", "", `"; s = s + 1;`),
	filled("interpolation", `let s = "`, "a", "", "\"; `${s}a`"),
	filled("append", `let s = "`, "a", "", `"; s.append("a");`),
	filled("in an array", `let s = ["`, "a", "", `"]; s[0] += "a";`),
	filled("in a map", `let s = #{s: "`, "a", "", `"}; s.s += "a";`),
	filled("all of an array", `let s = ["`, "a", "", `"]; s.push("a");`),
	filled("all of a map", `let s = #{s: "`, "a", "", `"}; s.t = "a";`),
	filled("captured", `let s = "`, "a", "", `"; let f = || s += "a"; f.call();`),
	filled("this", `fn f() { this += "a"; } let s = "`, "a", "", `"; s.f();`),
	filled("wider character, then used", `let s = "`, "a", "", `"; s[0] = 'é'; s.len();`),
	filled("eval", `let s = "`, "a", "", `"; eval("s += 'a'");`),
	counted("pad", `let s = ""; s.pad(N, 'a');`),
	counted("pad with text", `let s = ""; s.pad(N, "a");`),
	counted("as_string", `blob(N, 97).as_string();`),
	counted("replace", `let s = "x"; let t = ""; t.pad(N, 'a'); s.replace("x", t);`),
	counted("to_string", `let s = ""; s.pad(M, 'a'); s.to_string() + "a"`),
	counted("upper", `let s = ""; s.pad(N, 'a'); s.to_upper();`),
}

var arrayWays = []way{
	filled("+", "let a = [", "0", ",", "]; a = a + [1];"),
	filled("+= element", "let a = [", "0", ",", "]; a += 1;"),
	filled("+= array, then used", "let a = [", "0", ",", "]; a += [1]; a.len();"),
	filled("push", "let a = [", "0", ",", "]; a.push(1);"),
	filled("insert", "let a = [", "0", ",", "]; a.insert(0, 1);"),
	filled("append", "let a = [", "0", ",", "]; a.append([1]);"),
	filled("splice", "let a = [", "0", ",", "]; a.splice(0, 0, [1]);"),
	filled("nested literal", "let x = 1; let a = [[", "x", ",", "]];"),
	filled("nested in a map", "let a = #{a: [", "0", ",", "]}; a.a.push(1);"),
	filled("nested, all of it", "let a = #{a: [", "0", ",", "]}; a.b = [1];"),
	filled("captured", "let a = [", "0", ",", "]; let f = |x| a.push(x); f.call(1);"),
	filled("this", "fn f(x) { this.push(x); } let a = [", "0", ",", "]; a.f(1);"),
	filled("by pointer", "let a = [", "0", ",", `]; a.call(Fn("push"), 1);`),
	filled("blob append", "let b = blob(); b.pad(", "1", "+", "+0, 0); b.append(blob(1));"),
	counted("pad", "let a = []; a.pad(N, 0);"),
	counted("map", "let a = []; a.pad(M, 0); a.map(|x| x).push(1);"),
	counted("blob", "blob(N)"),
	counted("blob pad", "let b = blob(); b.pad(N, 0);"),
	counted("blob push", "let b = blob(M); b.push(1);"),
	counted("blob +=", "let b = blob(M); b += 1;"),
	counted("to_blob", `let s = ""; s.pad(N, 'a'); s.to_blob();`),
	counted("to_chars", `let s = ""; s.pad(N, 'a'); s.to_chars();`),
	counted("split", `let s = ""; s.pad(M, ','); s.split(",");`),
	counted("loop", "let a = []; for i in 0..N { a.push(i); }"),
	counted("parse_json", "let s = `[0`; for i in 0..M { s += `,0`; } parse_json(s + `]`)"),
}

var mapWays = []way{
	filled("literal", "#{", "k%d: 0", ",", ", z: 1}"),
	filled("property", "let m = #{", "k%d: 0", ",", "}; m.z = 1;"),
	filled("index, then used", "let m = #{", "k%d: 0", ",", `}; m["z"] = 1; m.len();`),
	filled("set", "let m = #{", "k%d: 0", ",", `}; m.set("z", 1);`),
	filled("+", "let m = #{", "k%d: 0", ",", "}; m = m + #{z: 1};"),
	filled("+=", "let m = #{", "k%d: 0", ",", "}; m += #{z: 1};"),
	filled("mixin", "let m = #{", "k%d: 0", ",", "}; m.mixin(#{z: 1});"),
	filled("fill_with", "let m = #{", "k%d: 0", ",", "}; m.fill_with(#{z: 1});"),
	filled("all of it, new key", "let m = #{", "k%d: 0", ",", "}; m.z = 0;"),
	filled("all of it, old key", "let m = #{z: 0}; m.z = #{", "k%d: 0", ",", "};"),
	filled("all of it, op=", "let m = #{z: #{}}; m.z += #{", "k%d: 0", ",", "};"),
	filled("in an array", "let m = [#{", "k%d: 0", ",", "}]; m[0].z = 1;"),
	filled("captured", "let m = #{", "k%d: 0", ",", "}; let f = || m.z = 1; f.call();"),
	filled("this", "fn f() { this.z = 1; } let m = #{", "k%d: 0", ",", "}; m.f();"),
	counted("loop", "let m = #{}; for i in 0..N { m[`${i}`] = i; m.len(); }"),
	counted("parse_json", "let s = `{\"z\":0`; for i in 0..M { s += `,\"${i}\":0`; } parse_json(s + `}`)"),
}

var variableWays = []way{
	{"let", func(n int) string { return repeat(n, "let v%d = 0;", " ") }},
	{"const", func(n int) string { return repeat(n, "const V%d = 0;", " ") }},
	{"block", func(n int) string { return repeat(n-1, "let v%d = 0;", " ") + "{ let z = 1; }" }},
	{"for", func(n int) string { return repeat(n-1, "let v%d = 0;", " ") + "for z in [1] { z; }" }},
	{"for with counter", func(n int) string { return repeat(n-2, "let v%d = 0;", " ") + "for (z, i) in [1] { z; }" }},
	{"catch", func(n int) string { return repeat(n-1, "let v%d = 0;", " ") + "try { throw 1; } catch (z) { z; }" }},
	{"eval", func(n int) string { return repeat(n-1, "let v%d = 0;", " ") + `eval("let z = 1;");` }},
	{"in a function", func(n int) string { return "fn f() { " + repeat(n, "let v%d = 0;", " ") + " } f();" }},
	{"parameters", func(n int) string { return "fn f(" + repeat(n, "p%d", ",") + ") { } f(" + repeat(n, "0", ",") + ");" }},
	{"parameters of a closure", func(n int) string { return "(|" + repeat(n, "p%d", ",") + "| 1).call(" + repeat(n, "0", ",") + ");" }},
}

var functionWays = []way{
	{"fn", func(n int) string { return repeat(n, "fn f%d() { 1 }", " ") }},
	{"overloads", func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "fn f(%s) { 1 } ", repeat(i, "p%d", ","))
		}
		return b.String()
	}},
	{"closures", func(n int) string { return repeat(n, "let f%[1]d = || 1;", " ") }},
}

var levelWays = []way{
	counted("call", "fn f(n) { if n > 1 { f(n - 1) } } f(N)"),
	counted("early return", "fn f(n) { if n > 1 { f(n - 1) } else { n } } f(N)"),
	counted("method", "fn f() { if this > 1 { (this - 1).f() } } N.f()"),
	counted("pointer", `fn f(n) { if n > 1 { Fn("f").call(n - 1) } } f(N)`),
	counted("caller's scope", "fn f(n) { if n > 1 { f!(n - 1) } } f!(N)"),
}

// TestLimitsExact reaches every limit in every way, once with as much as is
// allowed, which must do, and once with one more, which must fail with the
// limit's error, also inside a try.
func TestLimitsExact(t *testing.T) {
	for _, l := range []struct {
		name  string
		kind  string
		n     int
		limit func(n int) rhai.Limits
		ways  []way
	}{
		{"string", "ErrorDataTooLarge", 9, func(n int) rhai.Limits { return rhai.Limits{StringSize: n} }, stringWays},
		{"array", "ErrorDataTooLarge", 6, func(n int) rhai.Limits { return rhai.Limits{ArraySize: n} }, arrayWays},
		{"map", "ErrorDataTooLarge", 5, func(n int) rhai.Limits { return rhai.Limits{MapSize: n} }, mapWays},
		{"variables", "ErrorTooManyVariables", 5, func(n int) rhai.Limits { return rhai.Limits{Variables: n} }, variableWays},
		{"functions", "TooManyFunctions", 5, func(n int) rhai.Limits { return rhai.Limits{Functions: n} }, functionWays},
		{"levels", "ErrorStackOverflow", 7, func(n int) rhai.Limits { return rhai.Limits{CallLevels: n} }, levelWays},
	} {
		for _, w := range l.ways {
			t.Run(l.name+"/"+w.name, func(t *testing.T) {
				atAndAbove(t, l.kind, w.source(l.n), w.source(l.n+1), l.limit(l.n))
			})
		}
	}
}

// atAndAbove runs what just fits into limits and what just does not.
func atAndAbove(t *testing.T, kind, fits, above string, limits rhai.Limits) {
	t.Helper()
	if _, err := under(limits, fits); err != nil {
		t.Errorf("at the limit: %v\n%s", err, fits)
	}
	_, err := under(limits, above)
	wantLimit(t, kind, err, above)
	if strings.HasPrefix(above, "fn ") {
		return // functions are not allowed inside a try
	}
	caught := "try { print(); " + above + " } catch { }"
	_, err = under(limits, caught)
	wantLimit(t, kind, err, caught)
}

func wantLimit(t *testing.T, kind string, err error, source string) {
	t.Helper()
	var e *rhai.Error
	if !errors.As(err, &e) {
		t.Errorf("above the limit: %v, want %s\n%s", err, kind, source)
		return
	}
	if root := e.RootKind(); e.Kind != kind && root != kind && e.Kind != "LiteralTooLarge" || e.Catchable {
		t.Errorf("above the limit: %s (%s), catchable %v, want %s\n%s", e.Kind, root, e.Catchable, kind, source)
	}
}

func under(limits rhai.Limits, source string) (rhai.Stats, error) {
	e := rhai.New(rhai.Config{Limits: limits})
	p, err := e.Compile("", source)
	if err != nil {
		return rhai.Stats{}, err
	}
	return e.NewVM().Run(context.Background(), rhai.Run{Program: p}, nil)
}

// An array literal that is written out is refused when it has as many elements
// as are allowed, as in native Rhai: the parser looks before each element, and
// once more before the end.
func TestLimitOfArrayLiterals(t *testing.T) {
	atAndAbove(t, "LiteralTooLarge", "[1, 2, 3]", "[1, 2, 3, 4]", rhai.Limits{ArraySize: 4})
}

// Operations are the engine's own to count: a run that needs n does with n and
// not with n-1.
func TestLimitOfOperations(t *testing.T) {
	for _, source := range []string{
		"let n = 0; for i in 0..100 { n += i; }", "let a = []; a.pad(1000, 0); a.sort();", `let s = ""; for i in 0..99 { s += i; }`,
		"fn f(n) { if n < 2 { n } else { f(n - 1) + f(n - 2) } } f(9)", "[1, 2, 3].map(|x| x * 2).filter(|x| x > 2)",
		`for i in 0..10 { eval("let x = 1; x + 1"); }`, "let m = #{}; for i in 0..50 { m[`${i}`] = i; } m.to_json()",
		"try { throw 1 } catch (e) { e }", "switch 5 { 1..9 => 1, _ => 2 }", "let n = 9; while n > 0 { n -= 1; } do { n += 1; } until n > 5",
	} {
		stats, err := under(rhai.Limits{}, source)
		if err != nil {
			t.Errorf("%v\n%s", err, source)
			continue
		}
		if _, err := under(rhai.Limits{Operations: stats.Operations}, source); err != nil {
			t.Errorf("with the %d operations that it takes: %v\n%s", stats.Operations, err, source)
		}
		_, err = under(rhai.Limits{Operations: stats.Operations - 1}, source)
		wantLimit(t, "ErrorTooManyOperations", err, source)
	}
	_, err := under(rhai.Limits{Operations: 1000}, "loop { try { loop { } } catch { } }")
	wantLimit(t, "ErrorTooManyOperations", err, "loop")
}

// Memory has no unit that a script could count in: what a run needs is found
// by trying, and one byte less must fail.
func TestLimitOfMemory(t *testing.T) {
	for _, source := range []string{
		"let a = []; a.pad(5000, 0);", `let s = ""; s.pad(50000, 'a');`, "blob(50000)", "let a = []; for i in 0..3000 { a.push(i); }",
		`let s = ""; for i in 0..20000 { s += 'x'; }`, "let m = #{}; for i in 0..1000 { m[`k${i}`] = i; }",
		"let a = []; a.pad(1000, 0); a.map(|x| [x])", `let s = ""; s.pad(20000, ','); s.split(',')`,
	} {
		low, high := int64(1), int64(64<<20)
		for low < high {
			mid := (low + high) / 2
			if _, err := under(rhai.Limits{Memory: mid}, source); err != nil {
				low = mid + 1
			} else {
				high = mid
			}
		}
		if low > 16<<20 {
			t.Errorf("needs %d bytes\n%s", low, source)
		}
		caught := "try { " + source + " } catch { } "
		_, err := under(rhai.Limits{Memory: low / 2}, caught)
		wantLimit(t, "ErrorTooMuchMemory", err, caught)
		_, err = under(rhai.Limits{Memory: low - 1}, source)
		wantLimit(t, "ErrorTooMuchMemory", err, source)
	}
}

// Depth is counted as native Rhai does: brackets and arguments take more than
// one level each.
func TestLimitOfDepth(t *testing.T) {
	deep := func(before string, n int, open, inside, end string) string {
		return before + strings.Repeat(open, n) + inside + strings.Repeat(end, n)
	}
	for _, c := range []struct {
		source string
		need   int
	}{
		{deep("let x = 1; x", 7, " + x", "", ""), 9},
		{deep("", 7, "!", "true", ""), 9},
		{deep("", 2, "[", "1", "]"), 8},
		{deep("", 2, "#{a: ", "1", "}"), 8},
		{deep("", 3, "(", "1", ")"), 8},
		{deep("", 3, "abs(", "1", ")"), 8},
		{deep("fn f(x) { x", 5, " + x", "", "") + " } f(1)", 9},
		{deep("let f = |x| x", 3, " + x", "", "") + "; f.call(1)", 9},
	} {
		limits := func(n int) rhai.Limits { return rhai.Limits{ExprDepth: n, FnExprDepth: n} }
		if _, err := under(limits(c.need), c.source); err != nil {
			t.Errorf("at the limit %d: %v\n%s", c.need, err, c.source)
		}
		_, err := under(limits(c.need-1), c.source)
		wantLimit(t, "ExprTooDeep", err, c.source)
	}
	_, err := under(rhai.Limits{ExprDepth: 20}, "eval(`1"+strings.Repeat(" + 1", 30)+"`)")
	var e *rhai.Error
	if !errors.As(err, &e) || e.RootKind() != "ErrorParsing" {
		t.Errorf("eval of what is too deep: %v", err)
	}
}

func TestLimitOfModules(t *testing.T) {
	run := func(n int, source string) error {
		e := rhai.New(rhai.Config{Limits: rhai.Limits{Modules: n}})
		p, err := e.Compile("", source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.NewVM().Run(context.Background(), rhai.Run{Program: p, Resolve: func(_ context.Context, name string) (*rhai.Program, error) {
			if inner, ok := strings.CutPrefix(name, "outer-"); ok {
				return e.Compile(name, fmt.Sprintf("import %q as x;", inner))
			}
			return e.Compile(name, "export const X = 1;")
		}}, nil)
		return err
	}
	for _, w := range []way{
		{"in a row", func(n int) string { return repeat(n, `import "m%[1]d" as m%[1]d;`, " ") }},
		{"in a loop", func(n int) string { return fmt.Sprintf("for i in 0..%d { import `m${i}` as m; }", n) }},
		{"inside modules", func(n int) string {
			return fmt.Sprintf("import %q as m;", strings.Repeat("outer-", n-1)+"m")
		}},
	} {
		if err := run(3, w.source(3)); err != nil {
			t.Errorf("%s, at the limit: %v", w.name, err)
		}
		wantLimit(t, "ErrorTooManyModules", run(3, w.source(4)), w.source(4))
		caught := "try { " + w.source(4) + " } catch { }"
		wantLimit(t, "ErrorTooManyModules", run(3, caught), caught)
	}
}
