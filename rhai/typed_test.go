package rhai_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai"
)

func TestTypedFunctions(t *testing.T) {
	m := rhai.NewModule("gofn")
	rhai.Func0(m, "answer", func() (int64, error) { return 42, nil })
	rhai.Func1(m, "upper", func(s string) (string, error) { return strings.ToUpper(s), nil })
	rhai.Func1(m, "upper", func(r rune) (rune, error) { return r - 32, nil })
	rhai.Func2(m, "repeat", func(s string, n int64) (string, error) {
		if n < 0 {
			return "", errors.New("a count cannot be negative")
		}
		return strings.Repeat(s, int(n)), nil
	})
	rhai.Func2(m, "half", func(f float64, b bool) (struct{}, error) { return struct{}{}, nil })
	rhai.Func3(m, "list", func(a, b int64, c rhai.Value) ([]any, error) { return []any{a + b, c}, nil })
	rhai.Func1(m, "sum", func(b []byte) (int, error) {
		n := 0
		for _, x := range b {
			n += int(x)
		}
		return n, nil
	})
	engine := rhai.New(rhai.Config{Modules: []*rhai.Module{m}})
	vm := engine.NewVM()
	for source, want := range map[string]string{
		`gofn::answer()`:        `42`,
		`gofn::upper("abc")`:    `"ABC"`,
		`gofn::upper('x')`:      `X`,
		`gofn::repeat("ab", 3)`: `"ababab"`,
		`gofn::half(1.5, true)`: `()`,
		`gofn::list(1, 2, [3])`: `[3, [3]]`,
		`gofn::sum(blob(3, 7))`: `21`,
		`gofn::upper(1)`:        `no such function: upper (i64)`,
		`gofn::repeat("x", -1)`: `a count cannot be negative`,
		`gofn::nothing()`:       `nothing`,
		`try { gofn::repeat("x", -1) } catch (e) { print(e); }`: `a count cannot be negative`,
	} {
		got := ""
		p, err := engine.Compile("", source)
		if err == nil {
			_, err = vm.Run(context.Background(), rhai.Run{
				Program: p,
				Print:   func(line string) error { got = line; return nil },
			}, func(v rhai.Value) error {
				text, err := vm.Inspect(v)
				if got == "" {
					got = text
				}
				return err
			})
		}
		if got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %q, %v; want %s", source, got, err, want)
		}
	}
}

// A module of typed Go functions.
func ExampleFunc2() {
	m := rhai.NewModule("math2")
	rhai.Func2(m, "gcd", func(a, b int64) (int64, error) {
		for b != 0 {
			a, b = b, a%b
		}
		return a, nil
	}, "gcd gives the greatest common divisor")
	engine := rhai.New(rhai.Config{Modules: []*rhai.Module{m}})
	program, err := engine.Compile("", "math2::gcd(84, 36)")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = engine.NewVM().Run(context.Background(), rhai.Run{Program: program}, func(v rhai.Value) error {
		fmt.Println(v.AsInt())
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: 12 true
}
