package syntax

import (
	"os"
	"testing"
	"unicode/utf8"
)

// fuzzSeeds adds texts with every construct, and the corpus where it is present.
func fuzzSeeds(f *testing.F) {
	for _, s := range []string{
		"", "let x = `a${1 + 2}b`; x", "fn f(a) { a }\nf(1)", "switch x { 1 | 2 => 3, 4..5 if y => 6, _ => {} }",
		"#{a: [1, 2.5, 'c', \"s\\n\"]}?.a?[0][1].f(|x| x)", "for (a, b) in 0.. {}", "do { break 1; } until true",
		"try { throw; } catch (e) { return e ?? return 1; }", "/* /* */ // */ 0xff_ff", "#\"raw\"# + ##\"\"#\"##",
		"import \"a\" as b; export let c = b::d::e(1); export c as d;", "/// doc\nprivate fn int.f(x) { this = x }",
		"return", "|x| ;", "(((", "1 + ", "a ?? break", "..", "\xff", "'", "\"\\u{", "`${`${`",
	} {
		f.Add(s)
	}
	if _, err := os.Stat(corpusDir); err == nil {
		for _, name := range []string{"core.jsonl", "programs.jsonl"} {
			for _, c := range readCorpus(f, name) {
				f.Add(c.Script)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		for _, opts := range []Options{
			nativeOptions(),
			unlimited,
			{MaxStringSize: 8, MaxArraySize: 3, MaxMapSize: 3, MaxFunctions: 2, MaxExprDepth: 8, MaxFnExprDepth: 8},
		} {
			file, err := Parse(src, opts)
			checkOutcome(t, src, file, err)
		}
	})
}

// checkOutcome checks what holds for the result of parsing anything.
func checkOutcome(t *testing.T, src string, file *File, err error) {
	t.Helper()
	if err == nil {
		if file == nil || !utf8.ValidString(src) {
			t.Fatal("success without a tree, or for a text that is not UTF-8")
		}
		return
	}
	e, ok := err.(*Error)
	if !ok || file != nil {
		t.Fatalf("got %T and tree %v, want an *Error alone", err, file)
	}
	if e.Kind == "" || e.Msg == "" || (e.Kind == KindBadInput) != (e.Lex != "") {
		t.Fatalf("incomplete error %+v", e)
	}
	if e.Kind != KindWrongFnDefinition && (e.Pos.Line < 1 || e.Pos.Col < 0 || int(e.Pos.Line) > len(src)+1 || int(e.Pos.Col) > len(src)+1) {
		t.Fatalf("the position of %+v is not in the text", e)
	}
	if len(e.Msg) > 400 {
		t.Fatalf("the message has %d bytes: %s", len(e.Msg), e.Msg)
	}
}

func FuzzPrintRoundTrip(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 10_000 {
			return
		}
		// The printed text may nest deeper, by the parentheses it adds.
		if file, err := Parse(src, Options{MaxExprDepth: 200, MaxFnExprDepth: 200, AllowFuncs: true, AllowClosures: true}); err == nil {
			checkRoundTrip(t, file)
		}
	})
}

func FuzzFormat(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 10_000 {
			return
		}
		if text, err := Format(src); err == nil {
			checkFormatted(t, src, text)
		}
	})
}
