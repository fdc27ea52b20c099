package rhai_test

import (
	"maps"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// profile runs a script and returns the operations of its lines; those of eval
// count for line -1.
func profile(t *testing.T, source string, perStatement bool) (map[int]int64, rhai.Stats) {
	t.Helper()
	e := rhai.New(rhai.Config{Profile: perStatement})
	prog, err := e.Compile("p", source)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int]int64{}
	stats, err := e.NewVM().Run(t.Context(), rhai.Run{Program: prog, Profile: func(s rhai.Sample) {
		if s.Program != "p" || s.Operations <= 0 {
			t.Errorf("a sample %+v", s)
		}
		if s.Eval {
			s.At.Line = -1
		}
		lines[s.At.Line] += s.Operations
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return lines, stats
}

const profiled = `fn work(n) {
    let sum = 0;
    for i in 0..n {
        sum += i;
        if i < 0 {
            sum += 1 + 2 + 3 + 4;
        }
    }
    sum
}
try { throw 1 } catch (e) {
    work(10);
}
let a = [1, 2, 3].map(|x|
    x + work(5));
eval("let z = 1; z + 1");
a`

func TestProfileAddsUp(t *testing.T) {
	for _, perStatement := range []bool{false, true} {
		lines, stats := profile(t, profiled, perStatement)
		sum := int64(0)
		for n := range maps.Values(lines) {
			sum += n
		}
		if sum != stats.Operations || sum == 0 {
			t.Errorf("per statement %v: the lines have %d operations, the run %d", perStatement, sum, stats.Operations)
		}
	}
}

func TestProfileByStatement(t *testing.T) {
	lines, _ := profile(t, profiled, true)
	if lines[6] != 0 {
		t.Errorf("a branch that is not taken has %d operations", lines[6])
	}
	for _, n := range []int{1, 2, 3, 4, 5, 9, 11, 12, 14, 15, -1} {
		if lines[n] == 0 {
			t.Errorf("line %d has no operations: %v", n, lines)
		}
	}
	// work runs four times, its loop 10+3*5 turns; a statement costs the same
	// each time.
	if lines[2]%4 != 0 || lines[4]%25 != 0 || lines[4] <= lines[2] {
		t.Errorf("line 2 has %d operations, line 4 %d", lines[2], lines[4])
	}
}

// TestProfileChangesNothing runs recorded programs both ways.
func TestProfileChangesNothing(t *testing.T) {
	run := func(script string, perStatement bool) (string, error) {
		e := rhai.New(rhai.Config{Profile: perStatement})
		prog, err := e.Compile("", script)
		if err != nil {
			return "", err
		}
		vm, out := e.NewVM(), ""
		_, err = vm.Run(t.Context(), rhai.Run{Program: prog, Print: func(s string) error { out += s + "\n"; return nil }}, func(v rhai.Value) error {
			text, err := vm.Inspect(v)
			out += text
			return err
		})
		return out, err
	}
	for _, c := range recorded(t, "programs") {
		plain, plainErr := run(c.Script, false)
		billed, billedErr := run(c.Script, true)
		if plain != billed || (plainErr == nil) != (billedErr == nil) {
			t.Errorf("%s: %q, %v\nby statement: %q, %v", c.ID, plain, plainErr, billed, billedErr)
		}
	}
}
