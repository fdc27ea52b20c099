package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func searches(r *native.Registry) {
	r.Add(
		task("some(array, f)", "Whether the function returns true for any element.", someItem, list, callee),
		task("all(array, f)", "Whether the function returns true for all elements.", allItems, list, callee),
		task("find(array, f)", "The first element for which the function returns true, or ().", findItem, list, pointer),
		task("find(array, f, start)", "The first element from `start` on for which the function returns true, or ().", findItem, list, pointer, integer),
		task("find_map(array, f)", "The first result of the function other than ().", findMapped, list, pointer),
		task("find_map(array, f, start)", "The first result of the function other than (), from element `start` on.", findMapped, list, pointer, integer),
		task("index_of(array, f)", "The position of the first element for which the function returns true, or -1.", indexOfItem, list, pointer),
		task("index_of(array, f, start)", "The position of the first element from `start` on for which the function returns true, or -1.", indexOfItem, list, pointer, integer),
		task("index_of(array, name)", "As for the function of that name, or else as for the text.", indexOfText, list, text),
		task("index_of(array, name, start)", "As for the function of that name, or else as for the text.", indexOfText, list, text, integer),
	)
}

// sought is what a search is for.
type sought uint8

const (
	seekSome sought = iota
	seekAll
	seekItem
	seekMapped
	seekIndex
)

// search is what ends at the first hit.
type search struct {
	walk
	goal sought
	// text is what to look for, from start on, when it turns out that no
	// function of that name takes the elements.
	text  value.Value
	start int
}

func someItem(c *native.Call) (native.Task, error)    { return searchItems(c, seekSome) }
func allItems(c *native.Call) (native.Task, error)    { return searchItems(c, seekAll) }
func findItem(c *native.Call) (native.Task, error)    { return searchItems(c, seekItem) }
func findMapped(c *native.Call) (native.Task, error)  { return searchItems(c, seekMapped) }
func indexOfItem(c *native.Call) (native.Task, error) { return searchItems(c, seekIndex) }

// indexOfText looks for the element that the function of that name accepts.
// When there is no such function it looks for the text itself.
func indexOfText(c *native.Call) (native.Task, error) {
	if _, err := pointerTo(c, c.Rest[0]); err != nil {
		return nil, arrayIndexOf(c)
	}
	return searchItems(c, seekIndex)
}

func searchItems(c *native.Call, what sought) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil {
		return nil, err
	}
	s := &search{walk: w, goal: what}
	if what == seekIndex && c.Rest[0].Is(value.KString) {
		s.text = c.Rest[0]
	}
	s.start = startArg(c, 1)
	if s.i = s.start; s.i == len(s.items()) {
		return nil, c.Return(s.missed())
	}
	return s, nil
}

func (s *search) Resume(t *native.Turn) error {
	if !t.Started {
		return s.ask(t, native.ShapeItem, s.i)
	}
	if err := s.settle(t); err != nil {
		if !s.text.IsUnit() && unknownCallee(err, s.text.Str()) {
			t.Handled = true
			return s.seekText(t)
		}
		return err
	}
	if s.hit(t.Result) {
		return t.Done(s.found(t.Result))
	}
	if s.i++; s.i == len(s.items()) {
		return t.Done(s.missed())
	}
	return s.ask(t, native.ShapeItem, s.i)
}

func (s *search) seekText(t *native.Turn) error {
	i, err := findEqual(t.Env, s.items(), s.start, s.text)
	if err != nil {
		return err
	}
	return t.Done(value.Int(int64(i)))
}

func (s *search) hit(v value.Value) bool {
	switch s.goal {
	case seekAll:
		return !isTrue(v)
	case seekMapped:
		return !v.IsUnit()
	}
	return isTrue(v)
}

// found is the answer when the search ends at element i.
func (s *search) found(result value.Value) value.Value {
	switch s.goal {
	case seekSome:
		return value.Bool(true)
	case seekAll:
		return value.Bool(false)
	case seekMapped:
		return result
	case seekIndex:
		return value.Int(int64(s.i))
	}
	return s.items()[s.i].Share()
}

// missed is the answer when there was no hit.
func (s *search) missed() value.Value {
	switch s.goal {
	case seekSome:
		return value.Bool(false)
	case seekAll:
		return value.Bool(true)
	case seekIndex:
		return value.Int(-1)
	}
	return value.Unit
}

func (s *search) Visit(visit func(value.Value)) {
	s.walk.Visit(visit)
	visit(s.text)
}
