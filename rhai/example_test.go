package rhai_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// Embedding the engine: a Go function and a module for scripts, a run under
// limits, and an error with a caret.
func Example() {
	text := rhai.NewModule("text").
		Func("shout", []rhai.Type{rhai.StringType}, func(c *rhai.Call) error {
			s, _ := c.Arg(0).AsString()
			if err := c.Charge(len(s)); err != nil {
				return err
			}
			v, err := c.String(strings.ToUpper(s) + "!")
			if err != nil {
				return err
			}
			return c.Return(v)
		}, "shout gives the text in capitals").
		Const("GREETING", "hello")
	engine := rhai.New(rhai.Config{
		Modules: []*rhai.Module{text},
		Limits:  rhai.Limits{Operations: 1_000_000, Memory: 16 << 20},
	})

	source := "let who = \"world\";\nprint(text::shout(text::GREETING + \", \" + who));\nwho.shuot()"
	program, err := engine.Compile("hello.rhai", source)
	if err != nil {
		fmt.Print(rhai.FormatError(source, err))
		return
	}
	_, err = engine.NewVM().Run(context.Background(), rhai.Run{
		Program: program,
		Print:   func(line string) error { fmt.Println(line); return nil },
	}, nil)
	fmt.Print(rhai.FormatError(source, err))
	// Output:
	// HELLO, WORLD!
	// error: no such function: shuot (string)
	//  --> hello.rhai:3:5
	//   |
	// 3 | who.shuot()
	//   |     ^
}

// Values come out of a run inside the function that Run calls with the result.
func ExampleVM_Run() {
	engine := rhai.New(rhai.Config{})
	program, err := engine.Compile("", "fn area(w, h) { #{ area: w * h, unit: \"m²\" } }")
	if err != nil {
		fmt.Println(err)
		return
	}
	vm := engine.NewVM()
	stats, err := vm.Run(context.Background(), rhai.Run{
		Program: program,
		Func:    "area",
		Args:    func(vm *rhai.VM) ([]rhai.Value, error) { return vm.Values(3, 4) },
	}, func(v rhai.Value) error {
		text, err := vm.JSON(v)
		fmt.Println(string(text))
		return err
	})
	fmt.Println(stats.Operations > 0, err)
	// Output:
	// {"area":12,"unit":"m²"}
	// true <nil>
}
