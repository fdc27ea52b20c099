package stdlib

import (
	"strings"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// callee is what some functions take for a function: a pointer or, as native
// Rhai did in the past, its name.
var callee = pointer | text

// task describes a function that calls back into the script.
func task(signature, doc string, start func(*native.Call) (native.Task, error), params ...value.Kinds) *native.Func {
	f := def(signature, doc, nil, params...)
	f.Task = start
	return f
}

// mutatingTask is task for a function that changes its receiver.
func mutatingTask(signature, doc string, start func(*native.Call) (native.Task, error), params ...value.Kinds) *native.Func {
	f := task(signature, doc, start, params...)
	f.Mutates = true
	return f
}

// pointerTo is the function pointer for an argument that is one, or the name
// of a function.
func pointerTo(c *native.Call, v value.Value) (value.Value, error) {
	if v.Is(value.KFn) {
		return v, nil
	}
	name := v.Str()
	if syntax.IsReserved(name) {
		return v, value.Errorf(value.ErrParsing, "`%s` is a keyword or an operator and cannot be the name of a function", name)
	}
	if !syntax.IsIdentifier(name) {
		e := value.NotFound(name)
		e.Msg = "`" + name + "` cannot be the name of a function"
		return v, e
	}
	return c.Heap.NewFn(name, nil, nil), nil
}

// unknownCallee reports whether err says that there is no function of that
// name which takes what it was given.
func unknownCallee(err error, name string) bool {
	e, ok := err.(*value.Error)
	if ok && e.Kind == value.ErrInFunctionCall && e.Inner != nil {
		e = e.Inner
	}
	return ok && e.Kind == value.ErrFunctionNotFound && strings.HasPrefix(e.Name, name)
}

// isTrue is how predicates are read: anything but true is false.
func isTrue(v value.Value) bool {
	return v.IsTrue() || v.Is(value.KTagged) && v.Plain().IsTrue()
}

// walk is the part that tasks on arrays have in common: the array, the
// function, and the element that it was last called for. When the callback has
// changed that element as its `this`, the array is changed, be it in a
// function that otherwise only reads.
type walk struct {
	arr     value.Value
	fn      value.Value
	i       int
	changed bool
}

// walkOf starts a walk over the receiver, calling v, a function pointer or a
// name.
func walkOf(c *native.Call, v value.Value) (walk, error) {
	fn, err := pointerTo(c, v)
	return walk{arr: *c.Recv, fn: fn}, err
}

// own makes the array safe to change for as long as the task runs.
func (w *walk) own(c *native.Call) error {
	_, err := c.Heap.OwnArray(c.Recv)
	w.arr, w.changed = *c.Recv, true
	return err
}

// Receiver gives back the array when it has changed.
func (w *walk) Receiver() (value.Value, bool) { return w.arr, w.changed }

// Visit shows what the walk holds.
func (w *walk) Visit(visit func(value.Value)) {
	visit(w.arr)
	visit(w.fn)
}

func (w *walk) items() []value.Value { return w.arr.Array().E }

// ask calls the function for element i, as (item, index) in the given shape.
func (w *walk) ask(t *native.Turn, shape native.Shape, i int) error {
	w.i = i
	t.Fn, t.Shape, t.BindThis, t.NArgs = w.fn, shape, false, 2
	t.Args[0] = w.items()[i].Share()
	t.Args[1].SetInt(int64(i))
	return nil
}

// settle takes in the outcome of a call: a changed `this` goes back into the
// array, and an error ends the task.
func (w *walk) settle(t *native.Turn) error {
	if t.HasThis && t.This != w.items()[w.i] {
		a, err := t.Heap.OwnArray(&w.arr)
		if err != nil {
			return err
		}
		a.E[w.i] = t.This
		w.changed = true
	}
	return t.Err
}
