package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// arrayTasks registers the functions of arrays that call a function for each
// element. Those that take a name as well refuse constants then.
func arrayTasks(r *native.Registry) {
	r.Add(
		task("map(array, f)", "A new array of what the function returns for each element.", mapItems, list, pointer),
		task("filter(array, f)", "A new array of the elements for which the function returns true.", filterItems, list, pointer),
		mutatingTask("for_each(array, f)", "Calls a function with each element as `this`, which it may change.", eachItem, list, pointer),
		task("zip(array, other, f)", "A new array of what the function returns for each pair of elements.", zipItems, list, list, pointer),
		mutating("dedup(array)", "Removes elements that equal the one before them.", arrayDedup, list),
		mutatingTask("dedup(array, f)", "Removes elements for which f(before, element) returns true.", dedupItems, list, callee),
		mutatingTask("drain(array, f)", "Removes the elements for which the function returns true and returns them.", drainItems, list, callee),
		mutatingTask("retain(array, f)", "Keeps the elements for which the function returns true and returns the others.", retainItems, list, callee),
	)
	byName := []*native.Func{
		task("map(array, f)", "A new array of what the named function returns for each element.", mapItems, list, text),
		task("filter(array, f)", "A new array of the elements for which the named function returns true.", filterItems, list, text),
	}
	for _, f := range byName {
		f.RefusesConst = true
	}
	r.Add(byName...)
	folds(r)
	searches(r)
}

// mapper is map.
type mapper struct {
	walk
	out value.Value
}

func mapItems(c *native.Call) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil {
		return nil, err
	}
	out, err := c.Heap.MakeElems(len(w.items()))
	if err != nil {
		return nil, err
	}
	m := &mapper{walk: w, out: c.Heap.NewArray(out)}
	if len(w.items()) == 0 {
		return nil, c.Return(m.out)
	}
	return m, nil
}

func (m *mapper) Resume(t *native.Turn) error {
	if !t.Started {
		return m.ask(t, native.ShapeItem, 0)
	}
	if err := m.settle(t); err != nil {
		return err
	}
	out := m.out.Array()
	out.E = append(out.E, t.Result)
	if m.i++; m.i == len(m.items()) {
		return t.Done(m.out)
	}
	return m.ask(t, native.ShapeItem, m.i)
}

func (m *mapper) Visit(visit func(value.Value)) {
	m.walk.Visit(visit)
	visit(m.out)
}

// filter is filter.
type filter struct {
	walk
	out value.Value
}

func filterItems(c *native.Call) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil {
		return nil, err
	}
	f := &filter{walk: w, out: c.Heap.NewArray(nil)}
	if len(w.items()) == 0 {
		return nil, c.Return(f.out)
	}
	return f, nil
}

func (f *filter) Resume(t *native.Turn) error {
	if !t.Started {
		return f.ask(t, native.ShapeItem, 0)
	}
	if err := f.settle(t); err != nil {
		return err
	}
	if isTrue(t.Result) {
		if err := f.out.Array().Append(t.Heap, f.items()[f.i].Share()); err != nil {
			return err
		}
	}
	if f.i++; f.i == len(f.items()) {
		return t.Done(f.out)
	}
	return f.ask(t, native.ShapeItem, f.i)
}

func (f *filter) Visit(visit func(value.Value)) {
	f.walk.Visit(visit)
	visit(f.out)
}

// each is for_each.
type each struct{ walk }

func eachItem(c *native.Call) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil || len(w.items()) == 0 {
		return nil, err
	}
	return &each{w}, nil
}

func (e *each) Resume(t *native.Turn) error {
	if !t.Started {
		return e.ask(t, native.ShapeEach, 0)
	}
	if err := e.settle(t); err != nil {
		return err
	}
	if e.i++; e.i == len(e.items()) {
		return t.Done(value.Unit)
	}
	return e.ask(t, native.ShapeEach, e.i)
}

// zip is zip. The callback gets copies only.
type zip struct {
	walk
	other value.Value
	n     int // the number of pairs
	out   value.Value
}

func zipItems(c *native.Call) (native.Task, error) {
	w, err := walkOf(c, c.Rest[1])
	if err != nil {
		return nil, err
	}
	n := min(len(w.items()), len(c.Rest[0].Array().E))
	out, err := c.Heap.MakeElems(n)
	if err != nil {
		return nil, err
	}
	z := &zip{walk: w, other: c.Rest[0], n: n, out: c.Heap.NewArray(out)}
	if n == 0 {
		return nil, c.Return(z.out)
	}
	return z, nil
}

func (z *zip) Resume(t *native.Turn) error {
	if t.Started {
		if t.Err != nil {
			return t.Err
		}
		out := z.out.Array()
		out.E = append(out.E, t.Result)
		if z.i++; z.i == z.n {
			return t.Done(z.out)
		}
	}
	return t.Ask(native.ShapePair, z.fn, z.items()[z.i].Share(), z.other.Array().E[z.i].Share(), value.Int(int64(z.i)))
}

func (z *zip) Visit(visit func(value.Value)) {
	z.walk.Visit(visit)
	visit(z.other)
	visit(z.out)
}
