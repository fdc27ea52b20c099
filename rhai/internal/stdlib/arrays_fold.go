package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func folds(r *native.Registry) {
	r.Add(
		task("reduce(array, f)", "Combines the elements, first to last: f(result so far, element), starting with ().", reduce, list, callee),
		task("reduce(array, f, initial)", "Combines the elements, first to last: f(result so far, element).", reduce, list, callee, anything),
		task("reduce_rev(array, f)", "Combines the elements, last to first: f(result so far, element), starting with ().", reduceRev, list, callee),
		task("reduce_rev(array, f, initial)", "Combines the elements, last to first: f(result so far, element).", reduceRev, list, callee, anything),
	)
}

// fold is reduce and reduce_rev.
type fold struct {
	walk
	first value.Value // what the first call gets
	step  int         // 1 or -1
}

func reduce(c *native.Call) (native.Task, error) { return foldItems(c, 1) }

func reduceRev(c *native.Call) (native.Task, error) { return foldItems(c, -1) }

func foldItems(c *native.Call, step int) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil {
		return nil, err
	}
	f := &fold{walk: w, step: step}
	if len(c.Rest) > 1 {
		f.first = c.Rest[1]
	}
	if len(w.items()) == 0 {
		return nil, c.Return(f.first)
	}
	if step < 0 {
		f.i = len(w.items()) - 1
	}
	return f, nil
}

func (f *fold) Resume(t *native.Turn) error {
	if !t.Started {
		t.Fn, t.Shape, t.NArgs = f.fn, native.ShapeFold, 3
		return f.pass(t, f.first)
	}
	if err := f.settle(t); err != nil {
		return err
	}
	if f.i += f.step; f.i < 0 || f.i == len(f.items()) {
		return t.Done(t.Result)
	}
	return f.pass(t, t.Result)
}

// pass calls the function with the result so far, which it then owns alone: it
// may extend it in place.
func (f *fold) pass(t *native.Turn, acc value.Value) error {
	f.first, t.Result = value.Unit, value.Unit
	t.Args[0] = acc
	t.Args[1] = f.items()[f.i].Share()
	t.Args[2].SetInt(int64(f.i))
	return nil
}

func (f *fold) Visit(visit func(value.Value)) {
	f.walk.Visit(visit)
	visit(f.first)
}
