package compile_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/stdlib"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// corpusDir holds scripts with native Rhai's answers; only the scripts are
// used here.
const corpusDir = "../../../../shared/conformance"

func registry() *native.Registry {
	r := native.NewRegistry()
	stdlib.Register(r)
	return r
}

// verify compiles a text, if it can be, in all ways there are, and checks the
// code.
func verify(t testing.TB, r *native.Registry, source string) {
	t.Helper()
	file, err := syntax.Parse(source, syntax.Options{MaxExprDepth: 64, MaxFnExprDepth: 32, AllowFuncs: true, AllowClosures: true})
	if err != nil {
		return
	}
	for _, opts := range []compile.Options{
		{Registry: r},
		{Registry: r, MaxVariables: 3, Sized: true, Globals: []compile.Global{{Name: "x"}, {Name: "K", Const: true}}},
	} {
		p, err := compile.File(file, opts)
		if err != nil {
			return
		}
		check(t, p, source)
		for i := range min(len(p.Scopes), 8) {
			chunks(t, &p.Scopes[i], file, source, opts)
		}
	}
}

// chunks compiles the text once more as if eval had met it in a scope, and all
// functions as if they were called with `!` there.
func chunks(t testing.TB, s *code.Scope, file *syntax.File, source string, opts compile.Options) {
	t.Helper()
	if fn, err := compile.Eval(file, s, opts); err == nil {
		check(t, fn.Prog, source)
	}
	for _, def := range file.Funcs[:min(len(file.Funcs), 4)] {
		if s.NRegs+len(def.Params) > 200 {
			continue
		}
		if fn, err := compile.Bang(s, def, opts); err == nil {
			check(t, fn.Prog, source)
		}
	}
}

func check(t testing.TB, p *code.Program, source string) {
	t.Helper()
	if err := code.Verify(p); err != nil {
		t.Errorf("%v\n%s\n%s", err, source, p.Main.Listing())
	}
}

func TestVerifyCorpus(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpusDir, "*.jsonl"))
	if len(files) == 0 {
		t.Skipf("no corpus in %s", corpusDir)
	}
	r := registry()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			var c struct{ Script string }
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatal(err)
			}
			verify(t, r, c.Script)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

// constructs has every form of the language once.
var constructs = []string{
	"let a = [1, 2, 3]; a[0] += a[1]; a[0][1] = 2; a.x.y[a] = 3; a.len().x[1].f(2, 3); a?.b?[1]?.c(1)",
	"let x = 1; let f = |y| { x += y; |z| x + y + z }; f.call(2).call(3); fn g(a, b) { this.a += b; a } x.g(1, 2); g!(1, 2)",
	"switch 1 { 1 | 2 if x => 3, 'a' => 4, 5..6 => 7, 7..=8 if y => { break; }, _ => 9 }", "loop { switch 2 { 2 => break 3, 0..5 => continue } }",
	"for (x, i) in 0..10 { for y in [x] { eval(\"x + y\"); if x == y { continue; } else if x < 2.0 || !y && i >= 3 { break i; } } }",
	"try { throw 1; } catch (e) { try { throw; } catch { throw e; } }", "import \"a\" as b; b::c(1); b::D; export const Z = 1; global::Z",
	"let s = `a${1}b${let x = 2; `${x}`}`; s += 'c' + 1 + \"d\" + x; do { s -= 1; } until s == 0; while x ?? y { }",
	"fn outer(n) { let v = n; is_def_var(\"v\") && is_def_fn(\"outer\", 1) && eval(\"let v = v + 1; v\"); call!(Fn(\"outer\"), v); curry(Fn(\"outer\"), 1).call(); return v ?? 1 }",
	"const K = #{a: 1, b: [#{c: K}]}; K.a = 1; K.b[0].c.push(2); type_of(K); K.tag = 3; let q = K in [K] && K !in [1];",
	"print(); debug(1); exit(3); this_is(1) != 2; -(-x) ** 2; !x; x <<= 3 | 4 & 5 ^ 6 >> 7 % 8",
}

// FuzzVerify compiles anything and checks the code.
func FuzzVerify(f *testing.F) {
	for _, s := range constructs {
		f.Add(s)
	}
	r := registry()
	f.Fuzz(func(t *testing.T, source string) { verify(t, r, source) })
}
