package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// invoke runs the command and returns what it printed.
func invoke(stdin string, args ...string) (out, errs string, err error) {
	var o, e bytes.Buffer
	err = command(args, strings.NewReader(stdin), &o, &e)
	return o.String(), e.String(), err
}

func TestCheckCommand(t *testing.T) {
	const unused = "let x = 1;\n"
	for _, c := range []struct {
		name, source string
		args         []string
		out, errs    string // beginnings
		failed       bool
	}{
		{"nothing", "print(1)", nil, "-: ok\n", "", false},
		{"a warning", unused, nil, "", "warning: the variable `x` is never used", false},
		{"a strict warning", unused, []string{"--strict"}, "", "warning: the variable `x` is never used", true},
		{"an error", "let = 1", nil, "", "error: ", true},
		{"JSON of nothing", "print(1)", []string{"-o", "json"}, "[]\n", "", false},
		{"JSON of a warning", unused, []string{"-o", "json"}, "[\n  {\n    \"file\": \"-\",\n    \"line\": 1,\n    \"column\": 5,\n    \"end_column\": 6,\n    \"severity\": \"warning\",\n    \"code\": \"unused-variable\",\n", "", false},
		{"JSON of an error", "let = 1", []string{"-o", "json"}, "[\n", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, err := invoke(c.source, append(append([]string{"check"}, c.args...), "-")...)
			if failed := errors.Is(err, errFailed); failed != c.failed || !failed && err != nil {
				t.Errorf("error %v, want failure %v", err, c.failed)
			}
			if !strings.HasPrefix(out, c.out) || c.out == "" && out != "" {
				t.Errorf("printed %q, want %q", out, c.out)
			}
			if !strings.HasPrefix(errs, c.errs) || c.errs == "" && errs != "" {
				t.Errorf("reported %q, want %q", errs, c.errs)
			}
		})
	}
}

func TestCheckCommandTakesSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.rhai"), filepath.Join(dir, "bad.rhai")
	for name, source := range map[string]string{good: "1", bad: "foo(\"<\")"} {
		if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, _, err := invoke("", "check", "-o", "json", good, bad)
	if err != nil {
		t.Fatal(err)
	}
	var found []finding
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found) != 1 || found[0].File != bad || found[0].Code != "unknown-function" {
		t.Errorf("%v: %s", err, out)
	}
	out, errs, err := invoke("", "check", good, bad)
	if err != nil || out != good+": ok\n" || !strings.Contains(errs, bad+":1:1") {
		t.Errorf("%v\n%s\n%s", err, out, errs)
	}
}

func TestUsageOfCommands(t *testing.T) {
	for _, args := range [][]string{{"check"}, {"check", "-o", "xml", "-"}, {"check", "--no", "-"}, {"run", "--profile"}, {"definitions", "a", "b"}, {"definitions", "-x"}} {
		var u usageError
		if _, _, err := invoke("", args...); !errors.As(err, &u) {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
}

func TestRunProfile(t *testing.T) {
	source := "let n = 0;\nfor i in 0..1000 {\n\tn += i;\n}\neval(\"1 + 1\");\nn"
	out, errs, err := invoke(source, "run", "--profile", "-")
	if err != nil || out != "499500\n" {
		t.Fatalf("%q, %v", out, err)
	}
	lines := strings.Split(strings.TrimRight(errs, "\n"), "\n")
	if len(lines) < 7 {
		t.Fatalf("only\n%s", errs)
	}
	if got := strings.Fields(lines[0]); strings.Join(got, " ") != "line operations share source" {
		t.Errorf("the first line is %q", lines[0])
	}
	if got := strings.Fields(lines[1]); got[0] != "3" || strings.Join(got[3:], " ") != "n += i;" {
		t.Errorf("the line with the most operations is %q", lines[1])
	}
	if got := strings.Fields(lines[2]); got[0] != "2" {
		t.Errorf("the next line is %q", lines[2])
	}
	if !strings.Contains(errs, "(in a text given to eval)") {
		t.Errorf("eval is missing in\n%s", errs)
	}
	if last := lines[len(lines)-1]; strings.Fields(last)[0] != "total" {
		t.Errorf("the last line is %q", last)
	}
}

func TestRunProfileOfALongScriptThatFails(t *testing.T) {
	_, errs, err := invoke(strings.Repeat("print(1);\n", 30)+"throw 2;", "run", "--profile", "-")
	if !errors.Is(err, errFailed) {
		t.Errorf("%v, want a failure", err)
	}
	table, rest, ok := strings.Cut(errs, " total ")
	if !ok || !strings.Contains(rest, "error: 2") || !strings.Contains(table, "(11 more lines)") || strings.Count(table, "\n") != 1+profileLines+1 {
		t.Errorf("reported\n%s", errs)
	}
}

func TestDefinitionsCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	out, _, err := invoke("", "definitions", dir)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimRight(out, "\n"), "\n")
	if len(names) != 2 {
		t.Errorf("wrote %q", names)
	}
	for _, name := range names {
		if data, err := os.ReadFile(name); err != nil || !strings.HasPrefix(string(data), "module static;\n") {
			t.Errorf("%s: %v, %.40q", name, err, data)
		}
	}
}
