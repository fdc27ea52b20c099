package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// sift is drain and retain with a function: elements that stay move down to
// fill the gaps of those that leave.
type sift struct {
	walk
	leaves bool // the answer for which an element leaves
	kept   int  // elements decided to stay; they are the first
	out    value.Value
}

func drainItems(c *native.Call) (native.Task, error)  { return siftItems(c, true) }
func retainItems(c *native.Call) (native.Task, error) { return siftItems(c, false) }

func siftItems(c *native.Call, leaves bool) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil {
		return nil, err
	}
	s := &sift{walk: w, leaves: leaves, out: c.Heap.NewArray(nil)}
	if len(w.items()) == 0 {
		return nil, c.Return(s.out)
	}
	return s, s.own(c)
}

func (s *sift) Resume(t *native.Turn) error {
	if !t.Started {
		return s.ask(t, native.ShapeItem, 0)
	}
	err := s.settle(t)
	if err == nil {
		err = s.decide(t)
	}
	if err != nil {
		s.close()
		return err
	}
	if s.i++; s.i == len(s.items()) {
		s.close()
		return t.Done(s.out)
	}
	return s.ask(t, native.ShapeItem, s.i)
}

func (s *sift) decide(t *native.Turn) error {
	e := s.items()
	if isTrue(t.Result) == s.leaves {
		return s.out.Array().Append(t.Heap, e[s.i])
	}
	e[s.kept] = e[s.i]
	s.kept++
	return nil
}

// close ends the walk before element i: it and what follows stays.
func (s *sift) close() {
	a := s.arr.Array()
	setLen(a, s.kept+copy(a.E[s.kept:], a.E[s.i:]))
}

func (s *sift) Visit(visit func(value.Value)) {
	s.walk.Visit(visit)
	visit(s.out)
}

// dedup is dedup with a function, which gets (kept, next). Its errors count as
// false.
type dedup struct {
	walk
	kept int // elements decided to stay; they are the first
}

func dedupItems(c *native.Call) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil || len(w.items()) <= 1 {
		return nil, err
	}
	d := &dedup{walk: w, kept: 1}
	return d, d.own(c)
}

func (d *dedup) Resume(t *native.Turn) error {
	e := d.items()
	if !t.Started {
		t.Fn, t.Shape, t.BindThis, t.NArgs = d.fn, native.ShapeExact, false, 2
	} else if t.Handled = t.Err != nil; t.Handled || !isTrue(t.Result) {
		e[d.kept] = e[d.i]
		d.kept++
	}
	if d.i++; d.i == len(e) {
		setLen(d.arr.Array(), d.kept)
		return t.Done(value.Unit)
	}
	t.Args[0], t.Args[1] = e[d.kept-1].Share(), e[d.i].Share()
	return nil
}

// arrayDedup is dedup with `==`, where what cannot be compared is different.
func arrayDedup(c *native.Call) error {
	if len(c.Recv.Array().E) <= 1 {
		return nil
	}
	if err := c.Env.Charge(len(c.Recv.Array().E)); err != nil {
		return err
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	kept := 1
	for _, v := range a.E[1:] {
		eq, err := value.EqualItem(c.Env, a.E[kept-1], v)
		if e, ok := err.(*value.Error); err != nil && !(ok && e.Catchable()) {
			return err
		}
		if !eq {
			a.E[kept] = v
			kept++
		}
	}
	setLen(a, kept)
	return nil
}
