package rhai

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// Sample is a number of operations that were billed at one place of a program.
type Sample struct {
	// Program is the name of the program; Eval is set when the place is in a
	// text given to eval, not in the program's own source.
	Program string
	Eval    bool
	// Function is the function that was running: "" for the top level and for
	// a closure.
	Function   string
	At         Position
	Operations int64
}

// sampleAt describes n operations billed before instruction pc of fn.
func sampleAt(fn *code.Func, pc int, n int64) Sample {
	s := Sample{Program: fn.Prog.Name, Operations: n}
	if !fn.Anonymous {
		s.Function = fn.Name
	}
	// Code that runs in its caller's scope is eval's, unless it is a function
	// called with `!`, which has a definition's name.
	s.Eval = fn.Chunk && fn.Name == "eval"
	var at syntax.Pos
	switch {
	case pc == 0 && fn.Def != nil:
		at = fn.Def.At
	case pc <= len(fn.Pos) && len(fn.Pos) > 0:
		at = fn.Pos[max(pc-1, 0)]
	}
	s.At = Position{int(at.Line), int(at.Col)}
	return s
}
