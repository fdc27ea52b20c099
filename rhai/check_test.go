package rhai_test

import (
	"fmt"
	"testing"

	"github.com/picloud/picloud/rhai"
)

func ExampleEngine_Check() {
	source := "let total = 0;\nfor item in [1, 2] { totl += item; }\ntotal"
	for _, d := range rhai.New(rhai.Config{}).Check("sum.rhai", source) {
		fmt.Print(rhai.FormatDiagnostic(source, d))
	}
	// Output:
	// warning: no variable `totl` here; did you mean `total`? [unknown-variable]
	//  --> sum.rhai:2:22
	//   |
	// 2 | for item in [1, 2] { totl += item; }
	//   |                      ^^^^
}

func TestCheckKnowsTheEmbedder(t *testing.T) {
	nothing := func(*rhai.Call) error { return nil }
	e := rhai.New(rhai.Config{
		Global:  rhai.NewModule("").Func("send", []rhai.Type{rhai.AnyType}, nothing),
		Modules: []*rhai.Module{rhai.NewModule("net::http").Func("get", []rhai.Type{rhai.StringType}, nothing).Const("PORT", 80)},
	})
	for _, c := range []struct{ source, want string }{
		{`send(user)`, ""},
		{`user.send()`, ""},
		{`net::http::get("x"); net::http::PORT`, ""},
		{`send(user, 1)`, "1:1-5 warning unknown-function: `send` takes 1 argument, not 2"},
		{`net::http::got("x")`, "1:12-15 warning unknown-function: module `net::http` has no function `got`; did you mean `net::http::get`?"},
		{`net::http::HOST`, "1:12-16 warning unknown-variable: module `net::http` has no constant `HOST`"},
		{`net::htp::get("x")`, "1:1-9 warning unknown-module: no module `net::htp`; did you mean `net::http`?"},
		{`let = 1;`, "1:5-6 error VariableExpected: "},
	} {
		got := ""
		for _, d := range e.Check("s", c.source, rhai.Global{Name: "user"}) {
			got += fmt.Sprintf("%d:%d-%d %s %s: %s", d.Line, d.Column, d.EndColumn, d.Severity, d.Code, d.Message)
		}
		if c.want != got && (c.want == "" || c.want[len(c.want)-1] != ' ' || len(got) < len(c.want) || got[:len(c.want)] != c.want) {
			t.Errorf("%s\nfound %q\nwant  %q", c.source, got, c.want)
		}
	}
}

func TestDiagnosticString(t *testing.T) {
	d := rhai.Diagnostic{Source: "a.rhai", Line: 3, Column: 7, Severity: rhai.SeverityWarning, Code: rhai.WarnUnreachable, Message: "this is never reached"}
	if got, want := d.String(), "a.rhai:3:7: warning: this is never reached [unreachable]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	d.Source, d.Line = "", 0
	if got, want := d.String(), "warning: this is never reached [unreachable]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
