// Package rhai runs Rhai scripts: a small, dynamically typed language made for
// being embedded, here in pure Go.
//
// The package is built for running code of strangers. A script can do nothing
// but compute, unless the embedder registers functions for it; every operation
// and every byte is counted before it is spent, and a limit that is reached
// ends the run with an error that the script cannot catch.
//
// # From source to result
//
// An [Engine] holds what scripts may use: limits and modules of Go functions.
// It compiles a source text to a [Program], which is immutable. A [VM] runs
// programs, one at a time:
//
//	engine := rhai.New(rhai.Config{})
//	prog, err := engine.Compile("hello.rhai", `fn greet(name) { "Hello, " + name }`)
//	…
//	vm := engine.NewVM()
//	stats, err := vm.Run(ctx, rhai.Run{
//		Program: prog,
//		Func:    "greet",
//		Args:    func(vm *rhai.VM) ([]rhai.Value, error) { return vm.Values("world") },
//	}, func(v rhai.Value) error {
//		fmt.Println(v.AsString())
//		return nil
//	})
//
// # Values
//
// A [Value] is what a script computes with. It belongs to the run that made
// it; take what you need of it (AsInt, AsString, VM.Go, VM.JSON) inside the
// function that Run calls with the result.
//
// # Concurrency
//
// Engines and Programs may be used by any number of goroutines. A VM belongs
// to one goroutine at a time and is worth keeping for the next run.
//
// # The language
//
// Scripts written for native Rhai 1.26 run unchanged. Differences are listed
// in docs/rhai-differences.md.
package rhai
