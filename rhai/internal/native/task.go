package native

import "github.com/picloud/picloud/rhai/internal/value"

// Task is a native function that calls script functions: map, sort, reduce. It
// does not call them itself, which would recurse on Go's stack; it is a small
// state machine that says which call it wants next and is resumed with the
// answer. So a callback is metered, traced, and can be suspended like any
// other call.
//
// A Task is plain data: numbers and Values, no closures.
type Task interface {
	// Resume continues the task. At the first call t has no answer; after that
	// it has the outcome of the call last asked for. Resume ends by t.Ask (or
	// one of its kin) or t.Done; an error it returns is the error of the whole
	// function.
	Resume(t *Turn) error
	// Visit shows every Value the task holds, for the heap's recount.
	Visit(func(value.Value))
}

// Receiver is implemented by tasks that change the value they were called on.
// When the task has ended, by a result or by an error, the machine stores what
// Receiver returns where the receiver came from, if ok.
type Receiver interface {
	Receiver() (v value.Value, ok bool)
}

// Turn is one exchange between the machine and a Task.
type Turn struct {
	Heap *value.Heap
	Env  Env

	// Started is false the first time.
	Started bool
	// Result is what the callback returned.
	Result value.Value
	// Err is the callback's error. A task that does not look at it must return
	// it: it is cleared when the task sets Handled.
	Err     error
	Handled bool
	// This is the callback's `this` after the call, when HasThis: when the
	// shape bound one.
	This    value.Value
	HasThis bool

	// What the task wants next.
	Finished bool
	Return   value.Value
	Fn       value.Value // a function pointer or, where the caller allows it, a string naming a function
	Args     [4]value.Value
	NArgs    int
	BindThis bool // pass This as the callback's `this`
	// Shape chooses between ways of calling by the callee's number of
	// parameters, when not ShapeExact.
	Shape Shape
}

// Shape is how many of the arguments a callee gets.
type Shape uint8

const (
	// ShapeExact passes Args as they are, and This when BindThis.
	ShapeExact Shape = iota
	// ShapeItem is for array functions: Args are (item, index). A callee of no
	// parameters gets the item as `this`, whose changes come back in Turn.This,
	// with HasThis set; of one it gets the item, of two both.
	ShapeItem
	// ShapeEach is for for_each: Args are (item, index). `this` is the item
	// always; a callee of one parameter gets the index.
	ShapeEach
	// ShapeFold is for reduce: Args are (acc, item, index). One parameter gets
	// acc with `this` = item, two (acc, item), three all.
	ShapeFold
	// ShapeEntry is for maps: Args are (key, value). One parameter gets the key
	// with `this` = value, two get both.
	ShapeEntry
	// ShapePair is for zip: Args are (x, y, index); two parameters get (x, y),
	// three all.
	ShapePair
)

// Done ends the task with a result.
func (t *Turn) Done(v value.Value) error {
	t.Finished, t.Return = true, v
	return nil
}

// Ask requests a call of fn.
func (t *Turn) Ask(shape Shape, fn value.Value, args ...value.Value) error {
	t.Fn, t.Shape, t.BindThis = fn, shape, false
	t.NArgs = copy(t.Args[:], args)
	return nil
}

// AskOn requests a call of fn with `this` bound.
func (t *Turn) AskOn(this, fn value.Value, args ...value.Value) error {
	err := t.Ask(ShapeExact, fn, args...)
	t.This, t.BindThis = this, true
	return err
}
