package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusDir holds native Rhai's recorded answers. They are not part of the
// project.
const corpusDir = "../../../shared/conformance"

func corpora(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpusDir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no corpus %s in %s: native Rhai's recorded answers are not here", pattern, corpusDir)
	}
	return files
}

// TestConformance holds the engine against every recorded case. A case may
// differ only if docs/rhai-differences.md names it, and must differ if it does.
func TestConformance(t *testing.T) {
	known, err := knownCases("../../docs/rhai-differences.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"core", "stdlib", "programs", "random"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, file := range corpora(t, name+".jsonl") {
				cases, err := readCases(file)
				if err != nil {
					t.Fatal(err)
				}
				if len(cases) == 0 {
					t.Fatalf("%s holds no case", file)
				}
				for _, c := range cases {
					o := runCase(c)
					switch ok := c.matches(o); {
					case ok && known[c.ID]:
						t.Errorf("%s is listed as a difference, but there is none", c.ID)
					case !ok && !known[c.ID] && !c.Quirk:
						want, _ := json.Marshal(c.Expect)
						got, _ := json.Marshal(o)
						t.Errorf("%s\n%s\nwant %s\ngot  %s %s", c.ID, c.Script, want, got, o.message)
					}
				}
			}
		})
	}
}

// TestAdversarial runs attacks: each must end within its limits, by itself or
// with an error, and must not take the process with it.
func TestAdversarial(t *testing.T) {
	for _, file := range corpora(t, "adversarial*.jsonl*") {
		cases, err := readCases(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			c.Limits = map[string]int64{"max_operations": 2_000_000}
			if o := runCase(c); !o.OK && (o.ErrorKind == "" || o.ErrorKind == "internal") {
				t.Errorf("%s: %s %s", c.ID, o.ErrorKind, o.message)
			}
		}
	}
}

// TestMatchesIsStrict makes sure that the comparison can fail.
// A script that prints without an end ends at its own limit, and what is kept
// of its lines is bounded.
func TestPrintedIsBounded(t *testing.T) {
	for _, statement := range []string{`print("0123456789")`, "debug(1)"} {
		o := runCase(corpusCase{Script: "let i = 0; loop { " + statement + "; }", Limits: map[string]int64{"max_operations": 3_000_000}})
		size := 0
		for _, line := range o.Printed {
			size += len(line)
		}
		if o.ErrorKind != "ErrorTooManyOperations" || size == 0 || size > casePrinted {
			t.Errorf("%s: %s after %d bytes", statement, o.ErrorKind, size)
		}
	}
}

func TestMatchesIsStrict(t *testing.T) {
	run := func(line string) bool {
		var c corpusCase
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		return c.matches(runCase(c))
	}
	for _, tt := range []struct {
		line string
		want bool
	}{
		{`{"script":"1+1","expect":{"ok":true,"type":"i64","debug":"2"}}`, true},
		{`{"script":"1+1","expect":{"ok":true,"type":"i64","debug":"3"}}`, false},
		{`{"script":"1+1","expect":{"ok":true,"type":"f64","debug":"2"}}`, false},
		{`{"script":"print(1)","expect":{"ok":true,"printed":["1"]}}`, true},
		{`{"script":"print(1)","expect":{"ok":true}}`, false},
		{`{"script":"throw 1","expect":{"ok":false,"error_kind":"ErrorRuntime","line":1,"col":1}}`, true},
		{`{"script":"throw 1","expect":{"ok":false,"error_kind":"ErrorRuntime","line":1,"col":2}}`, false},
		{`{"script":"throw 1","expect":{"ok":false,"error_kind":"ErrorArithmetic"}}`, false},
		{`{"script":"throw 1","expect":{"ok":true},"also":[{"ok":false,"error_kind":"ErrorRuntime"}]}`, true},
		{`{"script":"1.0/3.0","approx":true,"expect":{"ok":true,"debug":"0.33333333333333337"}}`, true},
		{`{"script":"1.0/3.0","expect":{"ok":true,"debug":"0.33333333333333337"}}`, false},
	} {
		if got := run(tt.line); got != tt.want {
			t.Errorf("%s matches: %v", tt.line, got)
		}
	}
}

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.rhai")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, script string
		args         []string
		in           string
		out, errs    string // parts of the outputs
		err          bool
	}{
		{"run", `print("hi"); 40 + 2`, []string{"run", file}, "", "hi\n42\n", "", false},
		{"run fails", "let x = 1;\nx.nope()", []string{"run", file}, "", "", "x.nope()\n  |   ^", true},
		{"parse error", "let x = ;", []string{"run", file}, "", "", "let x = ;\n  |         ^", true},
		{"limit", "loop {}", []string{"run", "--max-operations", "1000", file}, "", "", "1000", true},
		{"check", "let x = 1; x", []string{"check", file}, "", "ok", "", false},
		{"check fails", "let = 1;", []string{"check", file}, "", "", "^", true},
		{"stdin", "", []string{"run", "-"}, "1 + 1", "2\n", "", false},
		{"fmt", "let x=1 ;", []string{"fmt", file}, "", "let x", "", false},
		{"repl", "", []string{"repl"}, "let x = 40;\nx +\n2\nexit\n", "42\n", "", false},
		{"eval", "", []string{"eval", "--jsonl"}, `{"id":"a","script":"[1, 'c']"}`, `{"id":"a","ok":true,"type":"array","debug":"[1, c]"}`, "", false},
		{"usage", "", []string{"nonsense"}, "", "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(tt.script)
			var out, errs bytes.Buffer
			err := command(tt.args, strings.NewReader(tt.in), &out, &errs)
			if (err != nil) != tt.err {
				t.Errorf("error %v", err)
			}
			if !strings.Contains(out.String(), tt.out) || !strings.Contains(errs.String(), tt.errs) {
				t.Errorf("out:\n%s\nerrs:\n%s", out.String(), errs.String())
			}
		})
	}
}
