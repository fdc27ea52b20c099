package main

import (
	"context"
	"fmt"
	"time"

	"github.com/d5/tengo/v2"
	tengolib "github.com/d5/tengo/v2/stdlib"
	"github.com/dop251/goja"
	"github.com/picloud/picloud/rhai"
	lua "github.com/yuin/gopher-lua"
	starlarkjson "go.starlark.net/lib/json"
	starlarkmath "go.starlark.net/lib/math"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
	gopherjson "layeh.com/gopher-json"
)

// engine is something that runs programs of one language.
type engine struct {
	name     string
	dir, ext string // of its workloads
	// prepare compiles a program, to be timed by a clock.
	prepare func(source string, now clock) (program, error)
}

// program is a compiled program that runs again and again, each time from the
// start, for at least as long as is asked. It returns the mean time of a run
// and what the last one computed.
type program func(atLeast time.Duration) (time.Duration, any, error)

// ours is the name of the engine that the others are compared with.
const ours = "rhai"

var goEngines = []engine{
	{ours, "rhai", "rhai", prepareRhai},
	{"goja", "js", "js", prepareGoja},
	{"gopher-lua", "lua", "lua", prepareGopherLua},
	{"starlark", "star", "star", prepareStarlark},
	{"tengo", "tengo", "tengo", prepareTengo},
}

// repeat makes a program of a function that runs it once in this process.
func repeat(now clock, run func() (any, error)) program {
	return func(atLeast time.Duration) (time.Duration, any, error) {
		start := now()
		for n := time.Duration(1); ; n++ {
			v, err := run()
			took := now() - start
			if err != nil || took >= atLeast {
				return took / n, v, err
			}
		}
	}
}

// limits are those that the platform gives a script that asks for none.
var limits = rhai.Limits{
	Operations: 50_000_000, Memory: 64 << 20, CallLevels: 128,
	StringSize: 8 << 20, ArraySize: 1 << 20, MapSize: 256 << 10,
}

func prepareRhai(source string, now clock) (program, error) {
	e := rhai.New(rhai.Config{Limits: limits})
	p, err := e.Compile("workload", source)
	if err != nil {
		return nil, err
	}
	vm := e.NewVM()
	return repeat(now, func() (out any, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err = vm.Run(ctx, rhai.Run{Program: p}, func(v rhai.Value) error {
			out, err = vm.Go(v)
			return err
		})
		return out, err
	}), nil
}

func prepareGoja(source string, now clock) (program, error) {
	p, err := goja.Compile("workload", source, true)
	if err != nil {
		return nil, err
	}
	vm := goja.New()
	return repeat(now, func() (any, error) {
		v, err := vm.RunProgram(p)
		if err != nil {
			return nil, err
		}
		return v.Export(), nil
	}), nil
}

func prepareGopherLua(source string, now clock) (program, error) {
	// table.concat puts every piece on the stack, which is small by default.
	l := lua.NewState(lua.Options{RegistryMaxSize: 1 << 20})
	l.PreloadModule("cjson", gopherjson.Loader) // the name of the module that PUC Lua has
	f, err := l.LoadString(source)
	if err != nil {
		return nil, err
	}
	return repeat(now, func() (any, error) {
		l.Push(f)
		if err := l.PCall(0, 1, nil); err != nil {
			return nil, err
		}
		v := l.Get(-1)
		l.Pop(1)
		n, ok := v.(lua.LNumber)
		if !ok {
			return nil, fmt.Errorf("the result is a %s", v.Type())
		}
		return float64(n), nil
	}), nil
}

func prepareStarlark(source string, now clock) (program, error) {
	modules := starlark.StringDict{"json": starlarkjson.Module, "math": starlarkmath.Module}
	opts := &syntax.FileOptions{Recursion: true}
	_, p, err := starlark.SourceProgramOptions(opts, "workload", source, modules.Has)
	if err != nil {
		return nil, err
	}
	return repeat(now, func() (any, error) {
		globals, err := p.Init(&starlark.Thread{Name: "workload"}, modules)
		if err != nil {
			return nil, err
		}
		n, ok := globals["result"].(starlark.Int)
		if !ok {
			return nil, fmt.Errorf("the result is %v", globals["result"])
		}
		i, _ := n.Int64()
		return i, nil
	}), nil
}

func prepareTengo(source string, now clock) (program, error) {
	script := tengo.NewScript([]byte(source))
	script.SetImports(tengolib.GetModuleMap("json", "math", "text"))
	p, err := script.Compile()
	if err != nil {
		return nil, err
	}
	return repeat(now, func() (any, error) {
		if err := p.Run(); err != nil {
			return nil, err
		}
		return p.Get("result").Value(), nil
	}), nil
}
