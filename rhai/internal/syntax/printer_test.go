package syntax

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// dump shows a tree without its positions, but for the sides of a range,
// where an unknown position says that the side is missing.
func dump(v any) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(v))
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		if u, ok := v.Interface().(*UnitLit); ok && !u.Pos().Known() {
			b.WriteString("open")
			return
		}
		dumpValue(b, v.Elem())
	case reflect.Struct:
		b.WriteString(v.Type().Name())
		b.WriteByte('{')
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Type == reflect.TypeFor[Pos]() || f.Type == reflect.TypeFor[[]Pos]() || f.Anonymous || f.Name == "Source" {
				continue
			}
			if v.Field(i).IsZero() {
				continue
			}
			b.WriteString(f.Name)
			b.WriteByte(':')
			dumpValue(b, v.Field(i))
			b.WriteByte(' ')
		}
		b.WriteByte('}')
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			dumpValue(b, v.Index(i))
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	case reflect.Float64:
		fmt.Fprintf(b, "%x", math.Float64bits(v.Float()))
	default:
		fmt.Fprint(b, v.Interface())
	}
}

var unlimited = Options{AllowFuncs: true, AllowClosures: true}

// checkRoundTrip prints a tree and parses the text again.
func checkRoundTrip(t *testing.T, f *File) {
	t.Helper()
	text := Print(f)
	g, err := Parse(text, unlimited)
	if err != nil {
		t.Errorf("the printed text does not parse: %v\nsource:\n%s\nprinted:\n%s", err, f.Source, text)
		return
	}
	if want, got := dump(f), dump(g); got != want {
		t.Errorf("the printed text has another tree\nsource:\n%s\nprinted:\n%s\nwant %s\ngot  %s", f.Source, text, want, got)
		return
	}
	if again := Print(g); again != text {
		t.Errorf("printing is not stable\nfirst:\n%s\nthen:\n%s", text, again)
	}
}

func TestPrintRoundTripCorpus(t *testing.T) {
	for _, name := range []string{"core.jsonl", "stdlib.jsonl", "programs.jsonl", "random.jsonl", "adversarial.jsonl"} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, c := range readCorpus(t, name) {
				if f, err := Parse(c.Script, unlimited); err == nil {
					checkRoundTrip(t, f)
					n++
				}
			}
			t.Logf("%d scripts", n)
		})
	}
}

// TestPrint has a line of source for each decision of the printer, and what it
// prints for it: the same line where nothing else is given.
func TestPrint(t *testing.T) {
	tests := []struct{ in, out string }{
		{in: "a + b * c;"},
		{in: "(a + b) * c;"},
		{in: "a - (b - c);"},
		{in: "a ** b ** c;"},
		{in: "(a ** b) ** c;"},
		{in: "-2 ** 2;"},
		{in: "-(2.abs());", out: "-(2.abs());"},
		{in: "-2.abs();", out: "(-2).abs();"},
		{in: "- -x;", out: "-(-x);"},
		{in: "- - 5;", out: "5;"},
		{in: "!!x;"},
		{in: "!(a && b);"},
		{in: "(!a).b;"},
		{in: "(a.b).c;", out: "a.b.c;"},
		{in: "m?.a?[1]?[2];", out: "m?.a?[1]?[2];"},
		{in: "m?[1][2];", out: "m[1][2];"},
		{in: "1..5;"},
		{in: "..5;"},
		{in: "1..;"},
		{in: "(1..).len();"},
		{in: "a[..];"},
		{in: "()..5;"},
		{in: "a ?? return 1;"},
		{in: "(a ?? return) ?? b;"},
		{in: "let f = |x, y| x + y;"},
		{in: "(|x| x).call(1);"},
		{in: "f(|| ;, || x = 1);", out: "f(|| ;, || x = 1);"},
		{in: "({ 1 }) + 2;", out: "({\n    1\n}) + 2;"},
		{in: "(if a { b });", out: "(if a {\n    b\n});"},
		{in: "let x = if a { b } else if c { d } else { e };", out: "let x = if a {\n    b\n} else if c {\n    d\n} else {\n    e\n};"},
		{in: "`a${b}c${let d}`;", out: "`a${b}c${\n    let d;\n}`;"},
		{in: "`a$$\\${``${}`;", out: "`a$$\\${``${}`;"},
		{in: `"a\tb\"\\\x01é";`},
		{in: `'\'';`},
		{in: `#{a: 1, "b c": 2, "if": 3};`},
		{in: "1.0 + 1e300 + 0.5;", out: "1.0 + 1e+300 + 0.5;"},
		{in: "1e999;"},
		{in: "-9223372036854775808;", out: "(-9223372036854775808);"},
		{in: "switch x { 1 | 2..4 if y => z, _ => {} }", out: "switch x {\n    1 | 2..4 if y => z,\n    _ => {},\n}"},
		{in: "for (a, b) in c {}"},
		{in: "do {} until x;"},
		{in: "x <<= 1;"},
		{in: "a::b::c(1) + a::B;"},
		{in: "f!(1);"},
		{in: "export const A = 1;"},
		{in: "import \"x\" as y;"},
		{in: "export a as b;"},
		{in: "try {} catch (e) {}"},
		{in: "/// doc\nprivate fn int.f(a, b) {}", out: "/// doc\nprivate fn i64.f(a, b) {}"},
		{in: "fn \"A::B\".f() {}"},
	}
	for _, tt := range tests {
		f, err := Parse(tt.in, unlimited)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		want := tt.out
		if want == "" {
			want = tt.in
		}
		if got := strings.TrimSuffix(Print(f), "\n"); got != want {
			t.Errorf("%s\nprints as\n%s\nwant\n%s", tt.in, got, want)
		}
		checkRoundTrip(t, f)
	}
}
