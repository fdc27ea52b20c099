package rhai_test

import (
	"errors"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// TestFuelEndsAnywhere runs scripts that nest callbacks with every budget from
// nothing up: wherever the operations end, the run ends with that error.
func TestFuelEndsAnywhere(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`let a = [1, 2, 3]; a.map(|x| { let b = [1, 2]; b.map(|y| [1, 2, 3].map(|z| z + y).len()).len() }).len()`,
		`fn less(a, b) { a - b } let a = [3, 1, 2]; a.sort(|x, y| less(x, y)); a[0]`,
		`fn twice(f) { f.call(1) + f.call(2) } twice(|x| [x].map(|y| y * 2)[0])`,
		`let m = #{ a: 1, b: 2 }; let n = 0; try { [1].for_each(|| { throw "x" }) } catch { n = 1 } m.filter(|k, v| v > n).len()`,
	} {
		done := false
		for n := int64(1); n < 2000 && !done; n++ {
			_, err := eval(t, rhai.Config{Limits: rhai.Limits{Operations: n}}, source)
			var e *rhai.Error
			switch {
			case err == nil:
				done = true
			case !errors.As(err, &e) || e.Limit() != "operations":
				t.Fatalf("%d operations for %s: %v", n, source, err)
			}
		}
		if !done {
			t.Errorf("2000 operations are not enough for %s", source)
		}
	}
}
