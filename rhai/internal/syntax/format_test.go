package syntax

import (
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	tests := []struct{ name, in, out string }{
		{"empty", " \n\n", ""},
		{"blanks", "let  x=1+2*f( a,b )[ 0 ] . c ;", "let x = 1 + 2 * f(a, b)[0].c;\n"},
		{"lines stay", "if a {b} else\n{ c }", "if a { b } else\n{ c }\n"},
		{"indent", "fn f(a){\nif a{\nb;\n}\n}", "fn f(a) {\n    if a {\n        b;\n    }\n}\n"},
		{"one level per line", "f(#{\na:1,\nb:[\n2,\n],\n});", "f(#{\n    a: 1,\n    b: [\n        2,\n    ],\n});\n"},
		{"chains", "a\n.map(|x|{\nx\n})\n.len();\nb", "a\n    .map(|x| {\n        x\n    })\n    .len();\nb\n"},
		{"continued", "let a=1\n+2;\nlet b =\n3;", "let a = 1\n    + 2;\nlet b =\n    3;\n"},
		{"empty lines", "a;\n\n\n\nb;\n{\n\nc;\n\n}", "a;\n\nb;\n{\n    c;\n}\n"},
		{"comments", "a;// one\n  /* two */ b;\n{\n// three   \n}\n// four", "a; // one\n/* two */ b;\n{\n    // three\n}\n// four\n"},
		{"comment in line", "f(a /* b */, /* c */ d)", "f(a /* b */, /* c */ d)\n"},
		{"prefix", "[ - x, ! y, - - z, - 5, -5, a- -5, a-5, !(b) ]", "[-x, !y, - -z, - 5, -5, a - -5, a - 5, !(b)]\n"},
		{"sign", "- 5.abs()", "- 5.abs()\n"},
		{"ranges", "for i in 0 .. 10{ } for j in ..=5 {} a[ 1 .. ]; 1. ..2.;", "for i in 0..10 {} for j in ..=5 {} a[1..]; 1. ..2.;\n"},
		{"closures", "let f=| a,b |a+b; let g=||1; a||b|c;", "let f = |a, b| a + b; let g = || 1; a || b | c;\n"},
		{"switch", "switch x{1|2=>a,_=>{}}", "switch x { 1 | 2 => a, _ => {} }\n"},
		{"calls", "f ! (x); print (1); if (a) { } a :: b (); return (1)", "f!(x); print(1); if (a) {} a::b(); return (1)\n"},
		{"indexes", "a [1]; return [1]", "a[1]; return [1]\n"},
		{"index after block", "{ } [1]; let a = { b }[0]", "{} [1]; let a = { b }[0]\n"},
		{"interpolation", "{\nlet s=`a\n ${ b+`${c}` }  \n`;\n}", "{\n    let s = `a\n ${ b+`${c}` }  \n`;\n}\n"},
		{"continued string", "{\nlet s=\"ab\\\n         cd\\\n               ef\";\n}",
			"{\n    let s = \"ab\\\n               cd\\\n                     ef\";\n}\n"},
		{"raw string", "{\nx(#\" a\n  b\"#)\n}", "{\n    x(#\" a\n  b\"#)\n}\n"},
		{"docs", "/// Doc\nprivate fn  f () { }", "/// Doc\nprivate fn f() {}\n"},
		{"carriage returns", "a;\r\nb; // c\r\n", "a;\nb; // c\n"},
	}
	for _, tt := range tests {
		got, err := Format(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got != tt.out {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.out)
		}
		checkFormatted(t, tt.in, got)
	}
	if _, err := Format("let = 1"); err == nil {
		t.Error("a text that does not parse was formatted")
	}
}

// checkFormatted checks that text is a formatted form of source: it means the
// same, holds the same comments, and is final.
func checkFormatted(t *testing.T, source, text string) {
	t.Helper()
	want, err := Parse(source, unlimited)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text, unlimited)
	if err != nil {
		t.Errorf("formatting broke %q: %v\n%s", source, err, text)
		return
	}
	if dump(want) != dump(got) {
		t.Errorf("formatting changed what this means:\n%s\nnow:\n%s", source, text)
	}
	if a, b := comments(source), comments(text); a != b {
		t.Errorf("formatting changed comments %q to %q", a, b)
	}
	if again, _ := Format(text); again != text {
		t.Errorf("formatting is not final for\n%q\nfirst\n%q\nthen\n%q", source, text, again)
	}
}

func comments(source string) string {
	var b strings.Builder
	for _, p := range split(source) {
		if p.isComment() {
			b.WriteString(strings.TrimSpace(p.text))
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// TestFormatCorpus formats every script that parses. None of them may need the
// way out of leaving the text as it is.
func TestFormatCorpus(t *testing.T) {
	for _, name := range []string{"core.jsonl", "stdlib.jsonl", "programs.jsonl", "random.jsonl"} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, c := range readCorpus(t, name) {
				if _, err := Parse(c.Script, unlimited); err != nil {
					continue
				}
				text, err := Format(c.Script)
				if err != nil {
					t.Fatalf("%s: %v", c.ID, err)
				}
				checkFormatted(t, c.Script, text)
				f := formatter{pieces: split(c.Script)}
				if f.format() != text {
					t.Errorf("%s was left as it is:\n%s\ninstead of\n%s", c.ID, c.Script, f.format())
				}
				n++
			}
			t.Logf("%d scripts", n)
		})
	}
}
