package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// entries is the part that tasks on maps have in common: the walk over a map
// in the order of its keys. A value that the callback has changed as its
// `this` is changed in the map.
type entries struct {
	m       value.Value
	fn      value.Value
	i       int // in the order of the keys
	changed bool
}

// Receiver gives back the map when it has changed.
func (w *entries) Receiver() (value.Value, bool) { return w.m, w.changed }

// ask calls the function for entry i, as (key, value).
func (w *entries) ask(t *native.Turn) error {
	m := w.m.Map()
	slot := m.At(w.i)
	t.Fn, t.Shape, t.BindThis, t.NArgs = w.fn, native.ShapeEntry, false, 2
	t.Args[0] = t.Heap.NewString(m.Key(slot))
	t.Args[1] = m.Slot(slot).Share()
	return nil
}

// settle takes in the outcome of a call and tells the slot that it was for.
func (w *entries) settle(t *native.Turn) (slot int, err error) {
	m := w.m.Map()
	slot = m.At(w.i)
	if t.HasThis && t.This != *m.Slot(slot) {
		if m, err = t.Heap.OwnMap(&w.m); err != nil {
			return slot, err
		}
		*m.Slot(slot) = t.This
		w.changed = true
	}
	return slot, t.Err
}

// remap is map and filter.
type remap struct {
	entries
	filters bool
	out     value.Value
}

func mapEntries(c *native.Call) (native.Task, error)    { return remapEntries(c, false) }
func filterEntries(c *native.Call) (native.Task, error) { return remapEntries(c, true) }

func remapEntries(c *native.Call, filters bool) (native.Task, error) {
	out := c.Heap.NewMap()
	if c.Recv.Map().Len() == 0 {
		return nil, c.Return(out)
	}
	return &remap{entries{m: *c.Recv, fn: c.Rest[0]}, filters, out}, nil
}

func (r *remap) Resume(t *native.Turn) error {
	if !t.Started {
		return r.ask(t)
	}
	slot, err := r.settle(t)
	if err != nil {
		return err
	}
	if v := t.Result; !r.filters || isTrue(v) {
		if r.filters {
			v = r.m.Map().Slot(slot).Share()
		}
		if err := r.out.Map().Set(t.Heap, r.m.Map().Key(slot), v); err != nil {
			return err
		}
	}
	if r.i++; r.i == r.m.Map().Len() {
		return t.Done(r.out)
	}
	return r.ask(t)
}

func (r *remap) Visit(visit func(value.Value)) {
	visit(r.m)
	visit(r.fn)
	visit(r.out)
}

// parting is drain and retain: the entries go to one of two new maps, of which
// one takes the receiver's place.
type parting struct {
	entries
	leaves     bool // the answer for which an entry leaves
	stay, left value.Value
}

func drainEntries(c *native.Call) (native.Task, error)  { return splitEntries(c, true) }
func retainEntries(c *native.Call) (native.Task, error) { return splitEntries(c, false) }

func splitEntries(c *native.Call, leaves bool) (native.Task, error) {
	if c.Recv.Map().Len() == 0 {
		return nil, c.Return(c.Heap.NewMap())
	}
	s := &parting{entries: entries{m: *c.Recv, fn: c.Rest[0]}, leaves: leaves, stay: c.Heap.NewMap(), left: c.Heap.NewMap()}
	s.stay.Ref.Tag = s.m.Ref.Tag
	return s, nil
}

// Receiver gives back the entries that stay, also after an error.
func (s *parting) Receiver() (value.Value, bool) { return s.stay, true }

func (s *parting) Resume(t *native.Turn) error {
	if !t.Started {
		return s.ask(t)
	}
	slot, err := s.settle(t)
	if err != nil {
		return s.abandon(t, err)
	}
	to := s.stay
	if isTrue(t.Result) == s.leaves {
		to = s.left
	}
	if err := s.put(t, to, slot); err != nil {
		return err
	}
	if s.i++; s.i == s.m.Map().Len() {
		return t.Done(s.left)
	}
	return s.ask(t)
}

func (s *parting) put(t *native.Turn, to value.Value, slot int) error {
	return to.Map().Set(t.Heap, s.m.Map().Key(slot), s.m.Map().Slot(slot).Share())
}

// abandon keeps the entries after the one that failed. As in native Rhai that
// one, and those that left before it, are lost.
func (s *parting) abandon(t *native.Turn, cause error) error {
	rest := s.m.Map().Len() - s.i - 1
	if err := t.Env.Charge(rest); err != nil {
		return err
	}
	for range rest {
		s.i++
		if err := s.put(t, s.stay, s.m.Map().At(s.i)); err != nil {
			return err
		}
	}
	return cause
}

func (s *parting) Visit(visit func(value.Value)) {
	visit(s.m)
	visit(s.fn)
	visit(s.stay)
	visit(s.left)
}
