package rhai_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/picloud/picloud/rhai"
)

// seeds exercise every part of the language once.
var seeds = []string{
	`fn f(n) { if n < 2 { n } else { f(n - 1) + f(n - 2) } } f(10)`,
	`let x = 1; let f = |y| { x += y; x }; f.call(2); [x, is_shared(x)]`,
	`let m = #{a: [1, #{b: "c"}]}; m.a[1].b += 'd'; m.a[1].b[0] = 'z'; m`,
	`for (x, i) in [1, 2.5, "s", ()] { if i == 2 { continue; } print(x); }`,
	`let r = []; for i in 0..=10 { r.push(switch i { 1 => "a", 2..5 if i > 2 => "b", _ => "c" }); } r`,
	`try { throw #{status: 404}; } catch (e) { e.status }`,
	`eval("let q = 5; q * 2") + q`,
	`fn set(v) { this = v; } let a = [1]; a[0].set(2); a`,
	"let a = 1; `x${a}y${let b = 2; b}`",
	`let s = "héllo"; s[1..3] + s[-1] + s.len`,
	`fn g(x) { y + x } let y = 3; g!(2)`,
	`loop { break 5; } ?? 3`,
	`const K = [1]; fn c() { global::K } c().push(2); K`,
	`[3, 1, 2].sort(|a, b| a - b).map(|x| x * 2).filter(|x| x > 2).reduce(|s, v| s + v, 0)`,
	`let a = [a = 1, a];`, `a?.b?.c ?? 1`, `let b = blob(3, 1); b[0] = 300; b`, `1 + "a" * 2`,
	`"{\"a\": [1, 2.5, null, true]}".parse_json().to_json()`,
}

// FuzzRun compiles and runs anything under limits: the engine must not panic,
// must end in time, and must give an *Error when it fails.
func FuzzRun(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	engine := rhai.New(rhai.Config{Limits: rhai.Limits{
		Operations: 200_000, Memory: 8 << 20, StringSize: 1 << 20, ArraySize: 10_000, MapSize: 10_000, Variables: 500, Functions: 200,
	}})
	f.Fuzz(func(t *testing.T, source string) {
		p, err := engine.Compile("", source)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			vm := engine.NewVM()
			_, err = vm.Run(ctx, rhai.Run{Program: p, Sleep: func(context.Context, time.Duration) error { return nil }}, func(v rhai.Value) error {
				if _, err := vm.Inspect(v); err != nil {
					return err
				}
				_, err := vm.Go(v)
				return err
			})
			if ctx.Err() != nil {
				t.Errorf("ran into the time limit")
			}
		}
		if errors.Is(err, rhai.ErrInternal) {
			t.Fatal(err)
		}
		var e *rhai.Error
		if err != nil && !errors.As(err, &e) && err.Error() == "" {
			t.Errorf("an error without a text: %#v", err)
		}
		if err != nil && rhai.FormatError(source, err) == "" {
			t.Error("an error that formats to nothing")
		}
	})
	runtime.GC()
}
