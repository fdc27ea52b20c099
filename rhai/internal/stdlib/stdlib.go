// Package stdlib holds the functions of Rhai's standard packages that are
// written in Go. One file is one group: numbers, strings, arrays and so on.
// What needs the machine itself (print, eval, call, curry, …) lives there.
//
// Functions declare the kinds of arguments they accept; a call that no
// overload accepts is the machine's "no such function". So none of them checks
// types, only values. Every function bills work and memory that depend on its
// arguments before it does the work.
package stdlib

import (
	"strings"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Register adds the whole standard library to r.
func Register(r *native.Registry) {
	numbers(r)
	bitFields(r)
	texts(r)
	chars(r)
	arrays(r)
	blobs(r)
	maps(r)
	ranges(r)
	iters(r)
	clock(r)
	tags(r)
	json(r)
	core(r)
	takes(r)
}

// Sets of kinds that signatures use.
var (
	boolean  = value.Set(value.KBool)
	integer  = value.Set(value.KInt)
	float    = value.Set(value.KFloat)
	number   = value.Set(value.KInt, value.KFloat)
	octet    = value.Set(value.KByte)
	char     = value.Set(value.KChar)
	text     = value.Set(value.KString)
	textual  = value.Set(value.KString, value.KChar)
	blob     = value.Set(value.KBlob)
	rangeOf  = value.Set(value.KRange)
	moment   = value.Set(value.KTime)
	pointer  = value.Set(value.KFn)
	mapping  = value.Set(value.KMap)
	anything = value.Any
)

// def describes a function by its signature, `name(param, param)`, a line of
// documentation, and the kinds it accepts.
func def(signature, doc string, call func(*native.Call) error, params ...value.Kinds) *native.Func {
	name, rest, _ := strings.Cut(signature, "(")
	f := &native.Func{Name: name, Params: params, Call: call, Doc: doc}
	if rest = strings.TrimSuffix(rest, ")"); rest != "" {
		f.ParamNames = strings.Split(rest, ", ")
	}
	if len(f.ParamNames) != len(params) {
		panic("stdlib: " + signature + " does not name its parameters")
	}
	return f
}

// mutating is def for a function that changes its receiver.
func mutating(signature, doc string, call func(*native.Call) error, params ...value.Kinds) *native.Func {
	f := def(signature, doc, call, params...)
	f.Mutates = true
	return f
}

// property adds f as a function and as a property that can be read.
func property(r *native.Registry, f *native.Func) {
	get := *f
	get.Name = "get$" + f.Name
	r.Add(f, &get)
}
