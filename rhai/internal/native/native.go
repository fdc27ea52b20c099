// Package native is the meeting point of the machine and functions written in
// Go: how such a function is described (Func), looked up (Registry), called
// (Call), and how one calls script functions in turn (Task).
package native

import (
	"context"
	"slices"
	"strings"

	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Func is one overload of a native function.
//
// A property getter is named "get$" and the property, a setter "set$" and the
// property (two arguments: receiver and value). Reading and writing x[i] of a
// host type are "index$get" and "index$set". Operators are named as written.
type Func struct {
	Name string
	// Params are the kinds accepted for each argument, the receiver first.
	Params []value.Kinds
	// Objects, when set, narrows KObject parameters to a host type each; nil
	// entries accept any.
	Objects []*value.ObjectType
	// Mutates is set when the function changes its receiver, so that it must
	// be owned along the whole path to it. Such a function also refuses
	// constants in method style.
	Mutates bool
	// RefusesConst is set when the function refuses a constant receiver in
	// method style although it only reads it (native's `order`, `get`, …).
	RefusesConst bool
	// Exactly one of Call and Task is set.
	Call func(*Call) error
	// Task starts a function that calls back into the script.
	Task func(*Call) (Task, error)
	// ParamNames and Doc describe the function to people.
	ParamNames []string
	Doc        string
}

// Accepts reports whether the arguments fit the overload.
func (f *Func) Accepts(recv *value.Value, rest []value.Value) bool {
	if len(f.Params) == 0 {
		return true
	}
	if !f.accepts(0, *recv) {
		return false
	}
	for i := range rest {
		if !f.accepts(i+1, rest[i]) {
			return false
		}
	}
	return true
}

func (f *Func) accepts(i int, v value.Value) bool {
	k := v.Kind()
	if k >= value.KCell {
		v = v.Plain()
		k = v.Kind()
	}
	if !f.Params[i].Has(k) {
		return false
	}
	return k != value.KObject || f.Objects == nil || f.Objects[i] == nil || f.Objects[i] == v.Object().Type
}

// Call is one call of a native function. It is valid until the function
// returns; so are Recv and Rest, which are views of the machine's registers.
//
// Arguments never show a cell or a tagged scalar: the machine has unwrapped
// them. Arguments taken out of Rest and kept (stored in an array, returned)
// are the function's own: the machine passes temporaries or shared values. The
// receiver is borrowed: to keep it, Share it.
type Call struct {
	Heap *value.Heap
	// Recv is the first argument, by reference: assigning to *Recv or changing
	// its object (after Heap.Own…, for a Mutates function) changes the
	// script's variable. It is nil in a call without arguments.
	Recv *value.Value
	Rest []value.Value // the other arguments
	// Result is what the call returns; () unless set.
	Result value.Value
	// Env gives the machine's services.
	Env Env
}

// N is the number of arguments, the receiver included.
func (c *Call) N() int {
	if c.Recv == nil {
		return 0
	}
	return 1 + len(c.Rest)
}

// Arg is argument i, the receiver being 0.
func (c *Call) Arg(i int) value.Value {
	if i == 0 {
		return *c.Recv
	}
	return c.Rest[i-1]
}

// Return sets the result. It is for results that do not exist elsewhere.
func (c *Call) Return(v value.Value) error { c.Result = v; return nil }

// Env is what the machine offers to natives.
type Env interface {
	// Charge bills n more operations, for work in proportion to n, before it
	// is done.
	Charge(n int) error
	// Position is the place of the call in the script.
	Position() syntax.Pos
	// Print and Debug deliver a line of output.
	Print(line string) error
	Debug(line string, at syntax.Pos) error
	// Now is the clock for timestamps, in nanoseconds.
	Now() int64
	// Sleep waits, or returns the run's cancellation.
	Sleep(nanos int64) error
	// ScriptFunc reports whether the running program has a script function of
	// that name and number of parameters; thisType is "" or the type of a
	// typed method.
	ScriptFunc(thisType, name string, params int) bool
	// Context is the run's.
	Context() context.Context
	// Host is what the embedder passed to the run.
	Host() any
}

// Registry finds native functions by name and number of arguments.
type Registry struct {
	byName map[key][]*Func
	names  map[string]bool
}

type key struct {
	name string
	n    int
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry {
	return &Registry{byName: map[key][]*Func{}, names: map[string]bool{}}
}

// Add registers overloads; later ones are tried first, so that an embedder can
// replace what the library has.
func (r *Registry) Add(fs ...*Func) {
	for _, f := range fs {
		k := key{f.Name, len(f.Params)}
		r.byName[k] = append([]*Func{f}, r.byName[k]...)
		r.names[f.Name] = true
	}
}

// Find gives the overloads of name with n arguments. The slice must not be
// changed.
func (r *Registry) Find(name string, n int) []*Func { return r.byName[key{name, n}] }

// Has reports whether any overload has that name.
func (r *Registry) Has(name string) bool { return r.names[name] }

// All yields every overload, in no particular order.
func (r *Registry) All(yield func(*Func) bool) {
	for _, fs := range r.byName {
		for _, f := range fs {
			if !yield(f) {
				return
			}
		}
	}
}

// Names lists the names of all functions that scripts can call, sorted.
func (r *Registry) Names() []string {
	var out []string
	for name := range r.names {
		if !strings.ContainsAny(name, "$:+-*/%<>=!&|^") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
