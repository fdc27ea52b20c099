package rhai_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/rhai"
)

// eval runs a script and gives its value as Go data.
func eval(t testing.TB, cfg rhai.Config, source string) (any, error) {
	t.Helper()
	e := rhai.New(cfg)
	p, err := e.Compile("test", source)
	if err != nil {
		return nil, err
	}
	var out any
	vm := e.NewVM()
	_, err = vm.Run(context.Background(), rhai.Run{Program: p}, func(v rhai.Value) (err error) {
		out, err = vm.Go(v)
		return err
	})
	return out, err
}

// TestLimits checks each limit at its value and one below what the script
// needs, and that a script cannot catch it.
func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script string
		set    func(*rhai.Limits, int)
		enough int
		limit  string
	}{
		{"call levels", "fn f(n) { if n == 0 { 0 } else { f(n - 1) } } f(9)", func(l *rhai.Limits, n int) { l.CallLevels = n }, 10, "depth"},
		{"string size", "let s = \"12345\"; s += \"67890\"; 1", func(l *rhai.Limits, n int) { l.StringSize = n }, 10, "size"},
		{"array size", "let a = []; for i in 0..10 { a.push(i); } 1", func(l *rhai.Limits, n int) { l.ArraySize = n }, 10, "size"},
		{"map size", "let m = #{}; m.a = 1; m.b = 2; m.c = 3; 1", func(l *rhai.Limits, n int) { l.MapSize = n }, 3, "size"},
		{"variables", "let a = 1; let b = a; { let c = b; } let d = a + b; d", func(l *rhai.Limits, n int) { l.Variables = n }, 3, "variables"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(n int, script string) error {
				var l rhai.Limits
				tt.set(&l, n)
				_, err := eval(t, rhai.Config{Limits: l}, script)
				return err
			}
			if err := run(tt.enough, tt.script); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			for _, script := range []string{tt.script, "try { " + strings.Replace(tt.script, "fn f(n) { if n == 0 { 0 } else { f(n - 1) } }", "", 1) + " } catch { } 7;" + fnOf(tt.script)} {
				var e *rhai.Error
				if err := run(tt.enough-1, script); !errors.As(err, &e) || e.Limit() != tt.limit {
					t.Errorf("one below the limit: %v\n%s", err, script)
				}
			}
		})
	}
}

func fnOf(script string) string {
	if strings.HasPrefix(script, "fn ") {
		return " fn f(n) { if n == 0 { 0 } else { f(n - 1) } }"
	}
	return ""
}

// TestOperationsLimit checks that the bill is exact and the same each time.
func TestOperationsLimit(t *testing.T) {
	script := "let s = 0; for i in 0..100 { if i % 2 == 0 { s += i; } else { s -= 1; } } fn f(x) { x * 2 } f(s)"
	e := rhai.New(rhai.Config{})
	p, err := e.Compile("", script)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := e.NewVM().Run(context.Background(), rhai.Run{Program: p}, nil)
	if err != nil || stats.Operations == 0 {
		t.Fatal(stats, err)
	}
	for _, tt := range []struct {
		limit int64
		ok    bool
	}{{stats.Operations, true}, {stats.Operations - 1, false}, {1, false}} {
		_, err := e.NewVM().Run(context.Background(), rhai.Run{Program: p, Limits: &rhai.Limits{Operations: tt.limit}}, nil)
		if (err == nil) != tt.ok {
			t.Errorf("limit %d of %d: %v", tt.limit, stats.Operations, err)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	limits := rhai.Limits{Memory: 1 << 20, Operations: 50_000_000}
	for _, script := range []string{
		"let a = []; loop { a.push(1); }",
		"let s = \"x\"; loop { s += s; }",
		"let a = [1]; loop { a += a; }",
		"let m = #{}; let i = 0; loop { m[\"k\" + i] = i; i += 1; }",
		"let a = []; a.pad(100_000_000, 0);",
		"let s = \"\"; s.pad(100_000_000, 'x');",
		"blob(100_000_000)",
		"let a = []; loop { a.push(|| a); }",
	} {
		_, err := eval(t, rhai.Config{Limits: limits}, script)
		var e *rhai.Error
		if !errors.As(err, &e) || e.Limit() != "memory" && e.Limit() != "operations" {
			t.Errorf("%s: %v", script, err)
		}
	}
	// Garbage is not held against a script.
	if _, err := eval(t, rhai.Config{Limits: limits}, "let n = 0; for i in 0..100_000 { let a = [i, i, i, i]; n += a.len; } n"); err != nil {
		t.Errorf("garbage: %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	e := rhai.New(rhai.Config{})
	p, err := e.Compile("", "loop {}")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := e.NewVM().Run(ctx, rhai.Run{Program: p}, nil)
		done <- err
	}()
	reason := errors.New("enough")
	cancel(reason)
	select {
	case err := <-done:
		if !errors.Is(err, reason) {
			t.Errorf("got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("still running")
	}
}

// TestConcurrentRuns runs one program on many machines at a time; the race
// detector watches.
func TestConcurrentRuns(t *testing.T) {
	e := rhai.New(rhai.Config{})
	p, err := e.Compile("", `fn work(n) { let m = #{ name: "x", list: [] }; for i in 0..n { m.list.push("item " + i); } m.list.len + m.name.len }`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			vm := e.NewVM()
			for range 20 {
				_, err := vm.Run(context.Background(), rhai.Run{
					Program: p, Func: "work",
					Args: func(vm *rhai.VM) ([]rhai.Value, error) { return vm.Values(50) },
				}, func(v rhai.Value) error {
					if n, _ := v.AsInt(); n != 51 {
						t.Errorf("got %d", n)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestNoAllocations guards the hot paths: what runs in a loop must not
// allocate. Each script loops long enough that one allocation a turn shows.
func TestNoAllocations(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage allocates")
	}
	limits := map[string]rhai.Limits{
		"unlimited": {},
		"limited":   {Operations: 1_000_000, Memory: 16 << 20, StringSize: 1 << 20, ArraySize: 1 << 16, MapSize: 1 << 16, CallLevels: 64},
	}
	for name, body := range map[string]string{
		"arithmetic":        "s += i * 3 - i / 2 % 7;",
		"floats":            "f = f * 1.5 + 0.5; if f > 100.0 { f = 0.0; }",
		"comparison":        "if i > 5 && i != 9 || s < 0 { s += 1; }",
		"comparison value":  "let b = i >= 5; let c = b == true; if !c && t == \"text\" { s += 1; }",
		"variables":         "let x = i; let y = x; let z = t; s = y; t = z;",
		"call":              "s = add(s, i);",
		"recursion":         "s = down(i % 20);",
		"closure":           "s = c.call(i);",
		"method of a map":   "o.inc(i);",
		"function pointer":  "s = p.call(s, 1);",
		"array read":        "s += a[i % 4];",
		"array write":       "a[i % 4] = i;",
		"nested arrays":     "g[i % 2][i % 3] = g[0][1] + 1;",
		"loops":             "for x in a { s += x; } let j = 0; while j < 3 { j += 1; if j == 2 { continue; } }",
		"property":          "m.x = m.y + i;",
		"nested properties": "o.at.x = o.at.y + 1; s += o.at.x;",
		"built key":         "m[\"k\" + i % 3] = i; s += m[`k${i % 3}`];",
		"update":            "m.x += 1; a[1] += 2; o.at.y += 1;",
		"appending":         "t = \"\"; l += \"x\";",
	} {
		for kind, limit := range limits {
			t.Run(name+"/"+kind, func(t *testing.T) {
				e := rhai.New(rhai.Config{Limits: limit})
				source := `fn add(a, b) { a + b } fn down(n) { if n <= 0 { 0 } else { down(n - 1) } }
				fn work(n) { let s = 0; let f = 0.0; let a = [1, 2, 3, 4]; let m = #{x: 1, y: 2, k0: 0, k1: 0, k2: 0}; let g = [[1, 2, 3], [4, 5, 6]];
				let t = "text"; let l = ""; let k = 3; let c = |x| x + k; let p = Fn("add");
				let o = #{n: 0, at: #{x: 1, y: 2}, inc: |d| this.n += d};
				for i in 0..n { ` + body + ` } s }`
				p, err := e.Compile("", source)
				if err != nil {
					t.Fatal(err)
				}
				vm := e.NewVM()
				run := func(n int) func() {
					return func() {
						_, err := vm.Run(context.Background(), rhai.Run{Program: p, Func: "work", Args: func(vm *rhai.VM) ([]rhai.Value, error) {
							return []rhai.Value{rhai.Int(int64(n))}, nil
						}}, nil)
						if err != nil {
							t.Fatal(err)
						}
					}
				}
				few, many := testing.AllocsPerRun(20, run(10)), testing.AllocsPerRun(20, run(2000))
				// A text that grows moves now and then.
				if many > few+10 {
					t.Errorf("%.0f allocations in 10 turns, %.0f in 2000", few, many)
				}
			})
		}
	}
}
