package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// typed is a lineReader that gives lines, and errInterrupted for "^C".
type typed struct {
	lines   []string
	prompts []string
}

func (r *typed) readLine(prompt string) (string, error) {
	r.prompts = append(r.prompts, prompt)
	if len(r.lines) == 0 {
		return "", io.EOF
	}
	line := r.lines[0]
	r.lines = r.lines[1:]
	if line == "^C" {
		return "", errInterrupted
	}
	return line, nil
}

// converse enters lines and returns what is shown.
func converse(t *testing.T, lines ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := newSession(&out).talk(&typed{lines: lines}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestRepl(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lib.rhai")
	if err := os.WriteFile(file, []byte("fn triple(x) {\n  3 * x\n}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  string // a line that ends in … may go on
	}{
		{"values stay", []string{`let x = 1`, `x += 1`, `x`, `"a" + x`}, "2\n\"a2\"\n"},
		{"printed once", []string{`print("a")`, `print("b"); 1`, `2`}, "a\nb\n1\n2\n"},
		{"debugged once", []string{`debug("a")`, `2`}, "1:1 | \"a\"\n2\n"},
		{"over several lines", []string{`let a = [`, `1,`, `2]`, `a`, `fn f(x) {`, `x + 1`, `}`, `f(1)`, "`a", "b`"}, "[1, 2]\n2\n\"a\\nb\"\n"},
		{"an operator at the end", []string{`1 +`, `2`}, "3\n"},
		{"an open comment", []string{`/* one`, `two */ 5`}, "5\n"},
		{"a comment at the end", []string{`let x = 1 // one`, `x // two`}, "1\n"},
		{"nothing but a comment", []string{`1`, `// two`, ``, `3`}, "1\n3\n"},
		{"an error in its own line", []string{`let x = 1;`, `let y = 2;`, `x + foo`},
			"error: no variable `foo` here\n --> script:1:5\n  |\n1 | x + foo\n  |     ^\n"},
		{"what fails is forgotten", []string{`let x = 1; throw 2`, `x`}, "error: 2\n…"},
		{"a string that cannot go on", []string{`"abc`, `1`}, "error: this string or character is not closed\n…"},
		{"a mistake in the middle", []string{`let = 1`, `1`}, "error: …"},
		{"given up", []string{`let a = [`, `^C`, `1`}, "1\n"},
		{"unfinished at the end", []string{`let a = [`}, "error: …"},
		{"return ends an input only", []string{`let q = 4`, `return q`, `q`, `exit(7)`, `q`},
			"4\n(this ends the script; the session goes on without it)\n4\n7\n(this ends the script; the session goes on without it)\n4\n"},
		{"return in a function", []string{`fn f() { return 1; }`, `f()`}, "1\n"},
		{"a function again", []string{`fn f() { print("a"); 1 }`, `let z = f()`, `fn f() { print("b"); print("c"); 2 }`, `z`, `f()`}, "a\n2\nb\nc\n2\n"},
		{"a function again that breaks others", []string{`fn f() { 1 }`, `let z = f()`, `fn f() { nope() }`, `f()`},
			"(with the new function, what was entered before fails; the old one is kept)\n…"},
		{"reset", []string{`let x = 1`, `print(x)`, `:reset`, `print("a"); is_def_var("x")`}, "1\na\nfalse\n"},
		{"load", []string{`:load ` + file, `triple(2)`}, "6\n"},
		{"load nothing", []string{`:load`, `:load ` + file + ".no"}, ":load takes the name of a file\nopen …"},
		{"quit", []string{`:quit`, `1`}, ""},
		{"exit", []string{`exit`, `1`}, ""},
		{"a command of nothing", []string{`:hlp`}, "no command :hlp; :help lists them\n"},
		{"help", []string{`:help`}, replHelp},
		{"the clock is the same each time", []string{`let t = timestamp()`, `let a = t.elapsed`, `let b = a`, `a == b && a == b`}, "true\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := converse(t, c.lines...)
			if want, more := strings.CutSuffix(c.want, "…"); got != want && !(more && strings.HasPrefix(got, want)) {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestReplSleepsOnce(t *testing.T) {
	var slept []time.Duration
	s := newSession(io.Discard)
	s.sleep = func(_ context.Context, d time.Duration) error {
		slept = append(slept, d)
		return nil
	}
	if err := s.talk(&typed{lines: []string{`sleep(2)`, `1`, `sleep(3)`, `2`}}); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{2 * time.Second, 3 * time.Second}; !slices.Equal(slept, want) {
		t.Errorf("it slept %v, want %v", slept, want)
	}
}

func TestReplPrompts(t *testing.T) {
	lines := &typed{lines: []string{`1`, `[`, `]`, `^C`, `(`, `^C`}}
	if err := newSession(io.Discard).talk(lines); err != nil {
		t.Fatal(err)
	}
	if want := []string{promptFirst, promptFirst, promptMore, promptFirst, promptFirst, promptMore, promptFirst}; !slices.Equal(lines.prompts, want) {
		t.Errorf("%q, want %q", lines.prompts, want)
	}
}

func TestReplOfAPipe(t *testing.T) {
	var out bytes.Buffer
	if err := repl(strings.NewReader("1 + 1\n[\n]\n"), &out); err != nil {
		t.Fatal(err)
	}
	if want := promptFirst + "2\n" + promptFirst + promptMore + "[]\n" + promptFirst + "\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rhai", "history")
	h := openHistory(path)
	for _, line := range []string{"one", "two", "two", "", "  ", strings.Repeat("x", maxHistoryLine+1), "three"} {
		h.Add(line)
	}
	for _, h := range []*history{h, openHistory(path)} {
		if h.Len() != 3 || h.At(0) != "three" || h.At(1) != "two" || h.At(2) != "one" {
			t.Errorf("it has %q", h.lines)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	h := openHistory(path)
	for i := range maxHistory + 50 {
		h.Add(fmt.Sprint("line ", i))
	}
	if h.Len() != maxHistory || h.At(h.Len()-1) != "line 50" {
		t.Errorf("%d lines, the oldest is %q", h.Len(), h.At(h.Len()-1))
	}
	openHistory(path)
	data, err := os.ReadFile(path)
	if err != nil || strings.Count(string(data), "\n") != maxHistory {
		t.Errorf("the file has %d lines: %v", strings.Count(string(data), "\n"), err)
	}
}

func TestHistoryWithoutAPlace(t *testing.T) {
	h := openHistory("")
	h.Add("one")
	if h.Len() != 1 {
		t.Errorf("%d lines", h.Len())
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h = openHistory(filepath.Join(blocked, "history"))
	h.Add("one")
	if h.Len() != 1 {
		t.Errorf("%d lines", h.Len())
	}
}

func TestCtrlCIsNoticed(t *testing.T) {
	k := &keys{in: strings.NewReader("ab\x03")}
	if _, err := io.ReadAll(k); err != nil {
		t.Fatal(err)
	}
	if !k.takeInterrupt() || k.takeInterrupt() {
		t.Error("Ctrl-C is to be noticed once")
	}
}
