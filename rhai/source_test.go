package rhai_test

import (
	"context"
	"errors"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// TestErrorsNameTheirSource has errors arise in a module and in a closure that
// a module calls back.
func TestErrorsNameTheirSource(t *testing.T) {
	t.Parallel()
	const lib = "fn thrown() {\n  throw 1\n}\nfn failed() {\n  1 / 0\n}\nfn back(f) { f.call() }\nfn ended() {\n loop { }\n}"
	for source, want := range map[string]struct {
		source string
		line   int
	}{
		`import "lib" as m; m::thrown()`:                {"lib", 2},
		`import "lib" as m; m::failed()`:                {"lib", 5},
		`import "lib" as m; m::ended()`:                 {"lib", 9},
		"import \"lib\" as m;\nm::back(|| throw 1)":     {"main", 2},
		"import \"lib\" as m;\nm::back(|| nothing)":     {"main", 2},
		"import \"lib\" as m;\nfn f() { m::thrown() }":  {},
		"import \"lib\" as m;\n[1].map(|x| throw x)":    {"main", 2},
		"import \"lib\" as m;\n[1].map(|x| m::back(x))": {"lib", 7},
		"import \"bad\" as m;":                          {"bad", 2},
	} {
		e := rhai.New(rhai.Config{Limits: rhai.Limits{Operations: 100_000}})
		p, err := e.Compile("main", source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.NewVM().Run(context.Background(), rhai.Run{Program: p, Resolve: func(_ context.Context, name string) (*rhai.Program, error) {
			if name == "bad" {
				return e.Compile(name, "\nthrow 2")
			}
			return e.Compile(name, lib)
		}}, nil)
		var got *rhai.Error
		if !errors.As(err, &got) {
			if want.source != "" {
				t.Errorf("%s: %v", source, err)
			}
			continue
		}
		if got.Source != want.source || got.Line != want.line {
			t.Errorf("%s: in %q, line %d, want %+v: %v", source, got.Source, got.Line, want, err)
		}
	}
}
