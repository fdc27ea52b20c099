package api

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/picloud"
)

func TestCaretPointsAtTheColumn(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 500) + "!" + strings.Repeat("b", 500)
	for _, c := range []struct {
		name   string
		line   string
		column int
		want   string // what is under the caret; "" for no caret
	}{
		{"the first", "abc", 1, "a"},
		{"after tabs", "\t\tabc", 3, "a"},
		{"after what is wide", "ä世b", 3, "b"},
		{"behind the end", "abc", 4, " "},
		{"no column", "abc", 0, ""},
		{"no line", "", 3, ""},
		{"in a long line", long, 501, "!"},
		{"at the start of a long line", "!" + long, 1, "!"},
		{"at the end of a long line", long + "?", 1002, "?"},
		{"far behind a long line", long, 5000, " "},
	} {
		d := NewDiagnostic("", picloud.Diagnostic{Message: "m", Line: 1, Column: c.column, SourceLine: c.line})
		if c.want == "" {
			if d.Caret != "" {
				t.Errorf("%s: caret %q", c.name, d.Caret)
			}
			continue
		}
		at := utf8.RuneCountInString(d.Caret) - 1
		under := []rune(d.SourceLine + strings.Repeat(" ", 6000))[at]
		if string(under) != c.want || strings.Trim(d.Caret, " \t") != "^" {
			t.Errorf("%s: the caret is under %q in\n%s\n%s", c.name, under, d.SourceLine, d.Caret)
		}
		if n := utf8.RuneCountInString(d.SourceLine); n > excerptChars+2 {
			t.Errorf("%s: %d characters are shown", c.name, n)
		}
		if d.Column != c.column {
			t.Errorf("%s: the column became %d", c.name, d.Column)
		}
	}
}

func TestDiagnosticAsText(t *testing.T) {
	t.Parallel()
	d := NewDiagnostic("", picloud.Diagnostic{Message: "unknown variable 'x'", Line: 12, Column: 9, SourceLine: "let y = x;\r\n"})
	want := "unknown variable 'x'\n  --> hello.rhai:12:9\n     |\n  12 | let y = x;\n     |         ^"
	if got := d.Text("hello.rhai"); got != want {
		t.Errorf("text\n%s\nwant\n%s", got, want)
	}
	if got := (Diagnostic{Message: "too long"}).Text("a"); got != "too long\n  --> a" {
		t.Errorf("without a place: %q", got)
	}
}
