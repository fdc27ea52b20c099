package rhai_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// TestCheckRaisesNoFalseAlarm checks every recorded script that runs without
// an error: what it uses exists, and what it changes can be changed.
func TestCheckRaisesNoFalseAlarm(t *testing.T) {
	for _, name := range []string{"programs", "core", "stdlib", "random"} {
		t.Run(name, func(t *testing.T) {
			checked := 0
			for _, c := range recorded(t, name) {
				if !c.Expect.OK {
					continue
				}
				checked++
				for _, d := range rhai.New(openEngine).Check(c.ID, c.Script) {
					if d.Severity == rhai.SeverityError || concernsExistence(d) && reached(t, c.Script, d) {
						t.Errorf("%s", rhai.FormatDiagnostic(c.Script, d))
					}
				}
			}
			if checked < 50 {
				t.Errorf("only %d scripts were checked", checked)
			}
		})
	}
}

var openEngine = rhai.Config{Limits: rhai.Limits{ExprDepth: -1, FnExprDepth: -1}}

func concernsExistence(d rhai.Diagnostic) bool {
	return !strings.HasPrefix(d.Code, "unused") && d.Code != rhai.WarnUnreachable
}

// reached runs a script and reports whether it gets to where a finding is: to
// the call of a function that does not exist, which is given one for the
// purpose, or to the line of anything else. A few recorded scripts hold such
// mistakes in functions that they never call.
func reached(t *testing.T, script string, d rhai.Diagnostic) bool {
	t.Helper()
	cfg := openEngine
	cfg.Profile, cfg.Global = true, rhai.NewModule("")
	called, lines := false, map[int]bool{}
	line := strings.Split(script, "\n")[d.Line-1]
	name := string([]rune(line)[d.Column-1 : d.EndColumn-1])
	if d.Code == rhai.WarnUnknownFunction {
		var params []rhai.Type
		for range 6 {
			cfg.Global.Func(name, params, func(*rhai.Call) error { called = true; return nil })
			params = append(params, rhai.AnyType)
		}
	}
	engine := rhai.New(cfg)
	prog, err := engine.Compile("", script)
	if err != nil {
		t.Fatal(err)
	}
	_, err = engine.NewVM().Run(t.Context(), rhai.Run{Program: prog, Profile: func(s rhai.Sample) { lines[s.At.Line] = true }}, nil)
	if err != nil {
		return true
	}
	return called || d.Code != rhai.WarnUnknownFunction && lines[d.Line]
}

type recordedCase struct {
	ID, Script string
	Expect     struct {
		OK       bool
		Phase    string
		RootKind string `json:"root_kind"`
	}
}

// recorded reads a corpus.
func recorded(t *testing.T, name string) []recordedCase {
	t.Helper()
	return readCorpus[recordedCase](t, name)
}

// readCorpus reads a corpus as cases of type C.
func readCorpus[C any](t testing.TB, name string) []C {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "shared", "conformance", name+".jsonl"))
	if err != nil {
		t.Skipf("the recorded scripts are not here: %v", err)
	}
	defer f.Close()
	var out []C
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var c C
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
