package rhai_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/rhai"
)

// attackLimits are what the attacks run under: a request of a small host.
var attackLimits = rhai.Limits{Operations: 2_000_000, Memory: 16 << 20, Modules: 8}

// bomb is a value of thirty levels that is small in memory and has a billion
// leaves.
const bomb = "let a = [1]; for i in 0..30 { a = [a, a]; } "

// attack is a script that tries to use more than it is allowed. want is the
// limit it ends at, the kind of its error, "ok", or any of several.
type attack struct {
	name, script string
	want         string
}

var attacks = []attack{
	// Values that are small in memory and endless to walk.
	{"print a sharing bomb", bomb + "print(a)", "operations|memory"},
	{"compare sharing bombs", bomb + "let b = [2]; for i in 0..30 { b = [b, b]; } a == b", "ok|operations"},
	{"compare equal sharing bombs", bomb + "let b = [1]; for i in 0..30 { b = [b, b]; } a == b", "operations"},
	{"switch on a sharing bomb", bomb + "switch a { [1] => 2, [[1]] => 3, _ => 4 }", "ok"},
	{"a sharing bomb as JSON", bomb + "a.to_json()", "operations|memory|ErrorFunctionNotFound"},
	{"a map bomb as JSON", "let m = #{}; for i in 0..30 { m = #{a: m, b: m}; } m.to_json()", "operations|memory"},
	{"debug a sharing bomb", bomb + "debug(a)", "operations|memory"},
	{"interpolate a sharing bomb", bomb + "`${a}`", "operations|memory"},
	{"append a sharing bomb to a string", bomb + "let s = \"\"; s += a; s", "operations|memory"},
	{"sort sharing bombs", bomb + "[a, a, a].sort(); 1", "ok|operations|memory|ErrorFunctionNotFound"},
	{"look for a sharing bomb", bomb + "let b = [2]; for i in 0..30 { b = [b, b]; } [b, b].contains(a)", "ok|operations"},
	{"dedup sharing bombs", bomb + "let b = [1]; for i in 0..30 { b = [b, b]; } let l = [a, b, a, b]; l.dedup(); 1", "operations"},
	{"index_of a sharing bomb", bomb + "let b = [1]; for i in 0..30 { b = [b, b]; } [b].index_of(a)", "operations"},
	{"clone a sharing bomb through closures", bomb + "let f = || a; let l = []; for i in 0..1000 { l.push(f.call()); } l.len()", "ok"},
	{"change a sharing bomb to its depth", bomb + "for i in 0..1000 { a[0][0][0][0][0][0] = i; } 1", "ok"},
	{"throw a sharing bomb", bomb + "throw a", "operations|memory"},
	{"catch a sharing bomb thrown in a loop", bomb + "loop { try { throw a } catch {} }", "operations|memory"},
	{"flatten a sharing bomb", bomb + "let l = a; loop { let n = []; for x in l { n += x; } l = n; }", "operations|memory|ErrorFunctionNotFound"},
	{"a value that contains itself", "let a = []; let f = || a; a.push(f); print(a); a == a; a.to_string().len", "ok|operations|ErrorFunctionNotFound"},
	{"a cell that contains itself", "let a = [1]; let f = |x| { a.push(x); a }; a.push(f); f.call(a); f.call(f.call(a)); print(a); a.len()", "ok|operations|memory"},
	{"a captured map that contains itself", "let m = #{}; let f = || { m.f = m; m }; for i in 0..40 { f.call(); } m.to_string()", "ok|operations|memory"},
	{"nest arrays without end", "let a = []; loop { a = [a]; }", "operations|memory|ok"},
	{"print an array nested deep", "let a = []; for i in 0..200000 { a = [a]; } print(a)", "ErrorRuntime|ErrorStackOverflow|ErrorDataTooLarge|depth|memory|size|ok"},
	{"compare arrays nested deep", "let a = []; let b = []; for i in 0..100000 { a = [a]; b = [b]; } a == b", "ErrorRuntime|depth|size|ok|memory"},

	// Callbacks that do not keep the rules.
	{"a comparator that contradicts itself", "let n = 0; let a = []; for i in 0..2000 { a.push(i); } a.sort(|x, y| { n += 1; if n % 3 == 0 { -1 } else if n % 3 == 1 { 1 } else { 0 } }); a.len()", "ok"},
	{"a comparator that always says less", "let a = []; for i in 0..2000 { a.push(i); } a.sort(|x, y| -1); a.len()", "ok"},
	{"a comparator that throws", "let a = [3, 1, 2]; try { a.sort(|x, y| throw x); } catch {} a.len()", "ok"},
	{"a comparator that returns no number", "let a = [3, 1, 2]; a.sort(|x, y| \"x\"); a.len()", "ok|ErrorMismatchDataType"},
	{"a callback that empties what it walks", "let a = [1, 2, 3, 4]; let f = |x| { a.clear(); x }; a.map(f); 1", "ErrorInFunctionCall"},
	{"a loop that fills what it walks", "let a = [1]; for x in a { a.push(x); if a.len() > 1000 { break; } } a.len()", "ok"},
	{"a filter that fills what it filters", "let a = [1, 2]; let f = |x| { a.push(x); true }; a.filter(f); a.retain(f); a.drain(f); 1", "ErrorInFunctionCall"},
	{"a reduction that grows", "let a = []; for i in 0..1000 { a.push(i); } a.reduce(|s, x| s + s + \"x\", \"\")", "memory|operations"},

	// Depth, by every way down.
	{"recursion", "fn f(n) { f(n + 1) } f(0)", "depth"},
	{"recursion without a tail", "fn f(n) { 1 + f(n + 1) } f(0)", "depth"},
	{"recursion that is caught", "fn f(n) { try { f(n + 1) } catch { f(n + 1) } } f(0)", "depth"},
	{"two that call each other", "fn f(n) { g(n) } fn g(n) { f(n) } f(0)", "depth"},
	{"a closure that calls itself", "let f = 0; f = |g| g.call(g); f.call(f)", "depth|ErrorDataRace"},
	{"a closure through a captured variable", "let f = (); f = || f.call(); f.call()", "depth|ErrorDataRace|ErrorInFunctionCall"},
	{"recursion by sort", "fn f() { [2, 1].sort(|a, b| { f(); 0 }); } f()", "depth"},
	{"recursion by map", "fn f(n) { [1].map(|x| f(x)) } f(0)", "depth"},
	{"recursion by reduce", "fn f(n) { [1].reduce(|s, x| f(x), 0) } f(0)", "depth"},
	{"recursion by filter with a name", "fn f(n) { [n].filter(\"f\") } f(0)", "depth"},
	{"recursion by eval", "fn f() { eval(\"f()\") } f()", "depth"},
	{"recursion by eval alone", "let s = \"eval(s)\"; eval(s)", "depth"},
	{"recursion by call!", "fn f() { f!() } f!()", "depth"},
	{"recursion by methods", "fn f() { this.f() } 1.f()", "depth"},
	{"recursion by methods of a path", "fn f() { this.a.f(); } let m = #{a: #{}}; m.a.a = m; m.f()", "depth|ErrorFunctionNotFound|ErrorDotExpr|ok|ErrorInFunctionCall"},
	{"modules that import each other", "import \"a\" as a;", "ErrorInModule|ErrorModuleNotFound|modules"},
	{"a module that imports a new one each time", "import \"m0\" as m;", "modules|depth|ErrorInModule"},
	{"a module imported in a loop", "loop { import \"leaf\" as l; l::f(); }", "operations|ErrorFunctionNotFound"},

	// Growing.
	{"double a string", "let s = \"ab\"; loop { s += s; }", "memory"},
	{"double a string by interpolation", "let s = \"ab\"; loop { s = `${s}${s}`; }", "memory"},
	{"double an array", "let a = [1]; loop { a += a; }", "memory"},
	{"double an array by append", "let a = [1]; loop { a.append(a); }", "memory"},
	{"double a map", "let m = #{}; let i = 0; loop { m[`k${i}`] = i; i += 1; }", "memory|operations"},
	{"double a blob", "let b = blob(10, 1); loop { b += b; }", "memory"},
	{"pad an array", "let a = []; a.pad(1_000_000_000, 0)", "operations"},
	{"pad a string", "let s = \"\"; s.pad(1_000_000_000, 'x')", "operations"},
	{"pad a string with a string", "let s = \"\"; s.pad(1_000_000_000, \"xyz\")", "operations"},
	{"pad a blob", "let b = blob(); b.pad(1_000_000_000, 1)", "operations"},
	{"a huge blob", "blob(9223372036854775807, 1)", "size"},
	{"insert far away", "let a = []; a.insert(1_000_000_000, 1); a.len()", "ok"},
	{"replace that grows", "let s = \"a\"; loop { s.replace(\"a\", \"aaaaaaaaaaaaaaaa\"); }", "memory"},
	{"replace of nothing", "let s = \"a\"; for i in 0..100 { s.replace(\"\", \"aaaaaaaaaaaaaaaaaa\"); } s.len()", "ok|memory|operations"},
	{"splice that grows", "let a = [1, 2]; loop { a.splice(1, 0, a); }", "memory"},
	{"a range with a tiny step", "let n = 0; for x in range(0.0, 1.0, 1e-300) { n += 1; } n", "operations|ErrorInFunctionCall|ErrorArithmetic|ok|ErrorRuntime"},
	{"a range without end", "let n = 0; for x in 0..9223372036854775807 { n += 1; } n", "operations"},
	{"a range of floats that does not move", "let n = 0; for x in range(1e300, 2e300, 1.0) { n += 1; } n", "operations|ErrorInFunctionCall|ErrorArithmetic|ok|ErrorRuntime"},
	{"to_array of an endless range", "let a = []; for x in (0..9223372036854775807) { a.push(x); }", "operations|memory"},
	{"curry without end", "let f = |x| x; loop { f = f.curry(1); }", "memory|operations|ErrorFunctionNotFound"},
	{"closures without end", "let a = []; loop { a.push(|| a); }", "memory|operations"},
	{"variables of eval without end", "loop { eval(\"let a = 1;\"); }", "operations|memory"},
	{"eval of a growing text", "let s = \"1;\"; loop { eval(s); s += s; }", "operations|memory|ErrorInFunctionCall"},
	{"bits of everything", "loop { for b in bits(-1) { } }", "operations"},

	// Much work for few operations.
	{"split a long string", "let s = \"\"; s.pad(1_000_000, 'a'); loop { s.split(\"a\"); }", "operations|memory"},
	{"replace in a long string", "let s = \"\"; s.pad(1_000_000, 'a'); loop { s.replace(\"b\", \"c\"); }", "operations|memory"},
	{"search a long string", "let s = \"\"; s.pad(1_000_000, 'a'); let p = \"\"; p.pad(1000, 'a'); p += \"b\"; loop { s.contains(p); s.index_of(p); }", "operations|memory"},
	{"insert at the start", "let a = []; a.pad(200_000, 1); loop { a.insert(0, 1); }", "operations|memory"},
	{"remove at the start", "let a = []; a.pad(200_000, 1); loop { a.remove(0); a.push(1); }", "operations|memory"},
	{"remove in the middle", "let a = []; a.pad(200_000, 1); loop { a.remove(100_000); a.push(1); }", "operations|memory"},
	{"dedup different values", "let a = []; for i in 0..20_000 { a.push(i); } a.dedup(); a.len()", "ok|operations"},
	{"union of different values", "let a = []; for i in 0..20_000 { a.push(i); } loop { a.index_of(-1); }", "operations"},
	{"reverse again and again", "let a = []; a.pad(200_000, 1); loop { a.reverse(); }", "operations"},
	{"copy an array again and again", "let a = []; a.pad(200_000, 1); loop { let b = a; b[0] = 2; }", "operations|memory"},
	{"count characters", "let s = \"\"; s.pad(1_000_000, 'é'); loop { s.crop(0); s.len(); s += \"x\"; }", "operations|memory"},
	{"index into a long text", "let s = \"\"; s.pad(300_000, 'é'); let i = 0; loop { s[i % 300_000] = 'x'; i += 1; }", "operations|memory"},
	{"upper and lower", "let s = \"\"; s.pad(1_000_000, 'a'); loop { s.to_upper(); s.to_lower(); }", "operations|memory"},
	{"sort again and again", "let a = []; for i in 0..20_000 { a.push(-i); } loop { a.sort(); a.reverse(); }", "operations|memory"},
	{"parse JSON again and again", "let a = []; a.pad(10_000, 1); let s = a.to_json(); loop { parse_json(s); }", "operations|memory|ErrorFunctionNotFound"},
	{"parse nested JSON", "let s = \"\"; s.pad(1_000_000, '['); try { parse_json(s) } catch { 1 }", "ok|operations|ErrorParsing"},
	{"parse numbers of a million digits", "let s = \"\"; s.pad(1_000_000, '9'); loop { try { parse_int(s) } catch {} try { parse_float(s) } catch {} }", "operations|memory"},
	{"functions that do not exist", "loop { try { no_such_function_here(1) } catch {} }", "operations|memory"},
	{"variables that do not exist", "loop { try { no_such_variable_here } catch {} }", "operations|memory"},
	{"powers", "let x = 3; loop { x = (x ** 62) % 1000; x **= 2; x = 3; }", "operations|ErrorArithmetic"},

	// Errors.
	{"an error made of a huge value", "let s = \"\"; s.pad(3_000_000, 'x'); throw s", "ErrorRuntime"},
	{"errors made of huge values in a loop", "let s = \"\"; s.pad(3_000_000, 'x'); loop { try { throw s } catch (e) { e.len(); } }", "operations|memory"},
	{"an index error of a huge key", "let s = \"\"; s.pad(3_000_000, 'x'); let a = [1]; loop { try { a[s] } catch {} }", "operations|memory"},
	{"call a function with a huge name", "let s = \"\"; s.pad(3_000_000, 'x'); loop { try { Fn(s).call() } catch {} }", "operations|memory"},
	{"a name of megabytes", "let s = \"\"; s.pad(3_000_000, 'x'); loop { is_def_fn(s, 1); is_def_var(s); try { [1].map(s) } catch {} try { import s } catch {} }", "operations|memory|modules"},
	{"a key of megabytes", "let s = \"\"; s.pad(3_000_000, 'x'); let m = #{a: 1}; m[s] = 1; loop { m[s]; m.contains(s); s in m; m[s] = 2; }", "operations|memory"},
	{"a switch on megabytes", "let s = \"\"; s.pad(3_000_000, 'x'); loop { switch s { \"a\" => 1, \"b\" => 2 } }", "operations|memory"},
	{"numbers to text and back", "let a = []; loop { try { 1e300.to_string().parse_float(); } catch {} }", "operations"},
	{"an error wrapped by each call", "fn f(n) { if n == 0 { throw 1 } else { f(n - 1) } } loop { try { f(50) } catch {} }", "operations|memory"},
	{"throw again what was caught", "let n = 0; loop { try { try { throw #{n: n} } catch (e) { throw e } } catch (e) { n = e } }", "operations|memory|ErrorRuntime"},
	{"catch the operations limit", "try { loop {} } catch { 1 }", "operations"},
	{"catch the memory limit", "loop { try { let s = \"x\"; loop { s += s; } } catch { } }", "memory"},
	{"catch the depth limit", "fn f() { f() } loop { try { f() } catch { } }", "depth"},
	{"catch a limit inside eval", "loop { try { eval(\"loop {}\") } catch { } }", "operations"},
	{"catch a limit inside a callback", "try { [1].map(|x| { loop {} }) } catch { 1 }", "operations"},
	{"catch a limit inside a comparator", "try { [2, 1].sort(|x, y| { let s = \"x\"; loop { s += s; } }) } catch { 1 }", "memory"},

	// Sources that are themselves the attack.
	{"nested parentheses", strings.Repeat("(", 1_000_000), "ExprTooDeep"},
	{"nested blocks", strings.Repeat("{", 1_000_000), "ExprTooDeep"},
	{"nested arrays", strings.Repeat("[", 1_000_000), "ExprTooDeep"},
	{"a sum of a million", "1" + strings.Repeat("+1", 1_000_000), "ExprTooDeep"},
	{"a chain of a million", "a" + strings.Repeat(".b", 1_000_000), "ExprTooDeep"},
	{"else if without end", "let x = 1; if x == 0 {}" + strings.Repeat(" else if x == 0 {}", 100_000), "ExprTooDeep"},
	{"an array of a million", "[" + strings.Repeat("1,", 500_000) + "].len()", "ok|operations|memory"},
	{"a string of 5 MB", "\"" + strings.Repeat("x", 5_000_000) + "\".len()", "ok"},
	{"a comment of 5 MB", "/*" + strings.Repeat("x", 5_000_000) + "*/ 1", "ok"},
	{"a comment that does not end", strings.Repeat("/*", 2_000_000), "ok"},
	{"many variables, all used", many(60_000, "let a%d = 0;") + many(60_000, "a%d + 1;"), "ok"},
	{"many unknown variables", many(30_000, "let aa%d = 0;") + many(30_000, "if false { zz%d + 1; }"), "ok"},
	{"many functions that call each other", many(60_000, "fn f%d() { f%[1]d() }"), "ok"},
	{"many closures that capture", "let x = 1;" + strings.Repeat("let f = |a| a + x;", 60_000), "ok|operations"},
	{"many captured variables", many(1_500, "let a%d = 0;") + many(20_000, "let f%d = || a1;"), "ok|operations"},
	{"many protected blocks", strings.Repeat("try { throw 1 } catch {}", 60_000), "ok|operations"},
	{"an error after many protected blocks", "let i = 0; if i == 1 {" + strings.Repeat("try { i += 1 } catch {}", 50_000) + "} loop { try { throw 1 } catch {} }", "operations"},
	{"many evals that see many variables", many(10_000, "let a%d = 0;") + strings.Repeat("eval(\"\");", 30_000), "operations"},
	{"many uses of is_def_var", many(20_000, "let a%d = is_def_var(\"a\");"), "ok|operations"},
	{"many calls that see their caller", "fn f() {}" + many(2_000, "let a%d = 0;") + strings.Repeat("f!();", 20_000), "ok|operations"},
	{"a switch of many cases", "switch 7 {" + many(100_000, "%d => 1,") + "}", "ok"},
	{"a switch of many ranges", "switch 100 {" + many(50_000, "%d..7 => 1,") + "}", "ok|operations"},
}

// many writes a format with the numbers below n.
func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// attackModules are what the attacks can import: two that import each other,
// one that is there, and m0, m1, … of which each imports the next.
func attackModules(e *rhai.Engine) func(context.Context, string) (*rhai.Program, error) {
	return func(_ context.Context, name string) (*rhai.Program, error) {
		source := ""
		switch {
		case name == "a":
			source = "import \"b\" as b; export const A = 1;"
		case name == "b":
			source = "import \"a\" as a; export const B = a::A;"
		case name == "leaf":
			source = "fn f() { 1 }"
		case strings.HasPrefix(name, "m"):
			var i int
			if _, err := fmt.Sscanf(name, "m%d", &i); err != nil {
				return nil, err
			}
			source = fmt.Sprintf("import \"m%d\" as m;", i+1)
		default:
			return nil, errors.New("there is no such module")
		}
		return e.Compile(name, source)
	}
}

// run runs an attack on vm and names how it ended.
func (a *attack) run(e *rhai.Engine, vm *rhai.VM) (string, rhai.Stats, error) {
	p, err := e.Compile(a.name, a.script)
	if err != nil {
		var x *rhai.Error
		if errors.As(err, &x) {
			return x.Kind, rhai.Stats{}, err
		}
		return "not an *Error", rhai.Stats{}, err
	}
	stats, err := vm.Run(context.Background(), rhai.Run{
		Program: p, Resolve: attackModules(e), Print: func(string) error { return nil },
		Debug: func(string, rhai.Position) error { return nil },
	}, nil)
	var x *rhai.Error
	switch {
	case err == nil:
		return "ok", stats, nil
	case !errors.As(err, &x):
		return "not an *Error", stats, err
	case x.Limit() != "":
		return x.Limit(), stats, err
	}
	return x.Kind, stats, err
}

// TestAttacks runs every attack: it must end as expected, within its
// operations, and the process must not grow far beyond the memory that the
// script was allowed.
func TestAttacks(t *testing.T) {
	e := rhai.New(rhai.Config{Limits: attackLimits})
	vm := e.NewVM()
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			watch := watchHeap(t)
			end, stats, err := a.run(e, vm)
			grown := watch()
			if !strings.Contains("|"+a.want+"|", "|"+end+"|") {
				t.Errorf("ended with %q, want %s: %.300v", end, a.want, err)
			}
			// What is refused was billed before it was done.
			if limit := attackLimits.Operations; stats.Operations > limit && end != "operations" {
				t.Errorf("%d operations, of %d", stats.Operations, limit)
			}
			// A tree takes much more than its text; and what the collector has not
			// got to yet counts, more of it on a busy machine.
			if allowed := uint64(4*attackLimits.Memory + 64<<20 + 100*int64(len(a.script))); grown > allowed {
				t.Errorf("the heap grew by %d MB, %d are allowed", grown>>20, allowed>>20)
			}
			if err != nil && len(rhai.FormatError(a.script[:min(len(a.script), 1000)], err)) > 64<<10 {
				t.Errorf("the report of the error has %d bytes", len(rhai.FormatError("", err)))
			}
		})
	}
}

// watchHeap collects garbage and watches how far the heap grows until the
// function it returns is called.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, top := make(chan struct{}), make(chan uint64)
	go func() {
		high := uint64(0)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			// What lives is what the last collection has found; in between,
			// the heap may be up to twice that.
			high = max(high, now.HeapAlloc/2)
			select {
			case <-stop:
				top <- high
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return max(<-top, before.HeapAlloc/2) - before.HeapAlloc/2
	}
}

// TestReuseAfterFailure runs, after every attack, a script whose outcome would
// show anything left behind, on the same machine.
func TestReuseAfterFailure(t *testing.T) {
	e := rhai.New(rhai.Config{Limits: attackLimits})
	probe, err := e.Compile("probe", `
		fn inc() { this += 1; this } fn deep(n) { if n == 0 { 0 } else { 1 + deep(n - 1) } }
		let seen = []; let x = 1; let f = |y| { x += y; x };
		seen.push(f.call(2)); seen.push(x.inc()); seen.push(deep(60)); seen.push(eval("let q = x + 1; q"));
		seen.push(is_def_var("a")); seen.push([3, 1, 2].sort(|a, b| a - b)); try { throw 1 } catch (e) { seen.push(e); }
		let m = #{a: [1, #{b: 2}]}; m.a[1].b.inc(); m.a[1].b += 1; seen.push(m); seen.push(timestamp().type_of());
		import "leaf" as l; seen.push(l::f()); seen.to_string()`)
	if err != nil {
		t.Fatal(err)
	}
	run := func(vm *rhai.VM) (out string, stats rhai.Stats) {
		stats, err := vm.Run(context.Background(), rhai.Run{Program: probe, Resolve: attackModules(e)}, func(v rhai.Value) error {
			s, err := vm.Go(v)
			out = fmt.Sprint(s)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out, stats
	}
	want, cost := run(e.NewVM())
	vm := e.NewVM()
	for _, a := range attacks {
		if len(a.script) > 100_000 {
			continue
		}
		end, _, _ := a.run(e, vm)
		if got, stats := run(vm); got != want || stats != cost {
			t.Fatalf("after %q, which ended with %s: %s for %+v, on a fresh machine %s for %+v", a.name, end, got, stats, want, cost)
		}
	}
}

// TestNoLeakAfterFailure checks that a machine lets go of what a run has made,
// however it ended.
func TestNoLeakAfterFailure(t *testing.T) {
	e := rhai.New(rhai.Config{Limits: attackLimits})
	vm := e.NewVM()
	live := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const big = `let s = ""; s.pad(6_000_000, 'x'); let l = [s, #{s: s}]; let f = || l;`
	for _, end := range []string{"", "throw s", "throw l", "fn g() { g() } g()", "loop {}", "l.map(|x| { throw x })", "eval(\"throw l\")", "exit(l)", "let t = s; loop { t += t; }", "eval(\"let z = s; loop {}\")", "s.nothing(l)", "l.sort(|a, b| { loop {} })"} {
		before := live()
		a := attack{name: end, script: big + end}
		kind, _, _ := a.run(e, vm)
		if after := live(); after > before+1<<20 {
			t.Errorf("%q ended with %s and left %d KB", end, kind, (after-before)>>10)
		}
	}
	runtime.KeepAlive(vm)
}

// TestOneProgramOnManyMachines runs programs that fail and succeed at the same
// time; with -race, writes to what they share would show.
func TestOneProgramOnManyMachines(t *testing.T) {
	e := rhai.New(rhai.Config{Limits: rhai.Limits{Operations: 50_000, Memory: 4 << 20}})
	var programs []*rhai.Program
	for _, source := range append(seeds, bomb+"print(a)", "fn f() { f!() } f!()", "const K = [1, [2, \"é\"]]; let a = K; a[1][1] += \"x\"; switch a { [1, [2, \"éx\"]] => K, _ => 0 }",
		"let s = \"héllo wörld\"; s[1] + s.sub_string(2, 3) + s.len + `${s}`", "loop { try { nothing(1) } catch {} }") {
		p, err := e.Compile("", source)
		if err == nil {
			programs = append(programs, p)
		}
	}
	if len(programs) < 10 {
		t.Fatalf("only %d programs compile", len(programs))
	}
	ends := make([][]string, 4)
	var wg sync.WaitGroup
	for i := range ends {
		wg.Go(func() {
			vm := e.NewVM()
			for range 3 {
				for _, p := range programs {
					out := ""
					_, err := vm.Run(context.Background(), rhai.Run{Program: p, Sleep: func(context.Context, time.Duration) error { return nil }}, func(v rhai.Value) error {
						s, err := vm.Inspect(v)
						out = s
						return err
					})
					ends[i] = append(ends[i], fmt.Sprint(out, err))
				}
			}
		})
	}
	wg.Wait()
	for _, list := range ends[1:] {
		for i := range list {
			if list[i] != ends[0][i] {
				t.Errorf("program %d: %s and %s", i%len(programs), list[i], ends[0][i])
			}
		}
	}
}
