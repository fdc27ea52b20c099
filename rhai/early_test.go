package rhai_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// earlyForms are functions that return at once for some numbers as their first
// argument: calls of them have no frame then.
var earlyForms = []string{
	"fn f(n) { if n < 2 { n } else { f(n - 1) + 1 } }",
	"fn f(n) { if n <= 2 { return 7; } f(n - 1) + 1 }",
	"fn f(n) { if n == 2 { return -1; } n }",
	"fn f(n) { if n > 2 { n } else { 2 } }",
	"fn f(n) { if n >= 2 { f(n - 1) } else { n } }",
	"fn f(n) { if n > 2 { return f(n - 2); } 5 }",
	"fn f(n, m) { if n < 2 { m } else { f(n - 1, m + n) } }",
	"fn f(n, m) { if n < 2 { n } else { f(n - 1, m + n) } }",
}

// TestEarlyReturns compares them with calls through a function pointer, which
// know no early returns.
func TestEarlyReturns(t *testing.T) {
	t.Parallel()
	for _, form := range earlyForms {
		more := ""
		if form[:7] == "fn f(n," {
			more = ", 40"
		}
		for _, arg := range []string{"1", "2", "3", "30", "-9223372036854775808", "9223372036854775807 - 9223372036854775800", "1.5", "3.5", "'a'", "()", "true"} {
			direct := fmt.Sprintf("%s try { f(%s%s) } catch (e) { `${e}` }", form, arg, more)
			pointed := fmt.Sprintf("%s try { call(Fn(\"f\"), %s%s) } catch (e) { `${e}` }", form, arg, more)
			a, b := evaluated(t, direct), evaluated(t, pointed)
			if a != b {
				t.Errorf("%s\n%s, but through a pointer %s", direct, a, b)
			}
		}
	}
}

func evaluated(t *testing.T, source string) (answer string) {
	t.Helper()
	e := rhai.New(rhai.Config{})
	p, err := e.Compile("", source)
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	vm := e.NewVM()
	_, err = vm.Run(context.Background(), rhai.Run{Program: p}, func(v rhai.Value) error {
		text, err := vm.JSON(v)
		answer = string(text)
		return err
	})
	if err != nil {
		return err.Error()
	}
	return answer
}

// TestEarlyReturnsCost sees to it that a call without a frame is billed like
// one with it: the numbers are from before there were such calls.
func TestEarlyReturnsCost(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int64{
		"fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } } fib(10)":    3013,
		"fn f(n) { if n <= 0 { return 7; } let x = n; f(n - 1) + x } f(5) + f(-1)": 120,
	} {
		stats, err := under(rhai.Limits{}, source)
		if err != nil || stats.Operations != want {
			t.Errorf("%d operations, want %d, %v\n%s", stats.Operations, want, err, source)
		}
	}
}
