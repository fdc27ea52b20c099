package stdlib

import (
	"cmp"
	"fmt"
	"math/bits"
	ordering "slices"
	"strings"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func arraySort(c *native.Call) error     { return sortReceiver(c, 1) }
func arraySortDesc(c *native.Call) error { return sortReceiver(c, -1) }

// sortReceiver sorts the receiver, ascending by sign 1 and descending by -1.
func sortReceiver(c *native.Call, sign int) error {
	if len(c.Recv.Array().E) <= 1 {
		return nil
	}
	if err := sortable(c.Recv.Array().E); err != nil {
		return err
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	return sortTyped(c, a.E, sign)
}

func arrayOrder(c *native.Call) error     { return orderReceiver(c, 1) }
func arrayOrderDesc(c *native.Call) error { return orderReceiver(c, -1) }

func orderReceiver(c *native.Call, sign int) error {
	if err := sortable(c.Recv.Array().E); err != nil {
		return err
	}
	v, err := copyArray(c, *c.Recv)
	if err != nil {
		return err
	}
	c.Result = v
	return sortTyped(c, v.Array().E, sign)
}

// sortable fails unless the elements are of one type that has an order.
func sortable(e []value.Value) error {
	if len(e) <= 1 {
		return nil
	}
	first := e[0].Plain().Kind()
	for _, v := range e {
		if k := v.Plain().Kind(); k != first {
			return unsortable(fmt.Sprintf("elements of types %s and %s have no order among them", first, k))
		}
	}
	switch first {
	case value.KInt, value.KFloat, value.KChar, value.KString, value.KBool, value.KUnit:
		return nil
	}
	return unsortable("elements of type " + e[0].TypeName() + " have no order")
}

// unsortable is the error of an array that only a function can sort. As in
// native Rhai, what is wrong stands in the place of the function that is
// missing.
func unsortable(what string) error {
	e := value.Errorf(value.ErrFunctionNotFound, "%s: give a function that compares two of them", what)
	e.Name = what
	return e
}

// sortTyped sorts what is sortable.
func sortTyped(c *native.Call, e []value.Value, sign int) error {
	// n·log₂ n comparisons, of which an operation pays for a few.
	if err := c.Env.Charge(len(e) * bits.Len(uint(len(e))) / 4); err != nil {
		return err
	}
	if len(e) <= 1 || e[0].Plain().IsUnit() {
		return nil
	}
	if keyed(e) {
		return sortKeys(c, e, sign)
	}
	return sortValues(c, e, sign)
}

// keyed reports whether the elements are plain scalars whose payload decides
// their order.
func keyed(e []value.Value) bool {
	tag := e[0].Ref
	if tag != &value.IntTag && tag != &value.CharTag && tag != &value.BoolTag {
		return false
	}
	for i := range e {
		if e[i].Ref != tag {
			return false
		}
	}
	return true
}

// sortKeys sorts plain integers, characters or booleans by their payloads
// alone. Equal ones are the same, so that stability means nothing.
func sortKeys(c *native.Call, e []value.Value, sign int) error {
	const keyBytes = 8
	if err := c.Heap.Reserve(keyBytes * len(e)); err != nil {
		return err
	}
	keys := make([]int64, len(e))
	for i := range e {
		keys[i] = e[i].Int()
	}
	ordering.Sort(keys)
	if sign < 0 {
		ordering.Reverse(keys)
	}
	for i, k := range keys {
		e[i].Bits = uint64(k)
	}
	c.Heap.Refund(keyBytes * len(e))
	return nil
}

// sortValues sorts floats, strings and whatever carries tags, stably.
func sortValues(c *native.Call, e []value.Value, sign int) error {
	s := comparison{env: c.Env}
	if err := c.Heap.Reserve(value.SizeValue * len(e)); err != nil {
		return err
	}
	mergeSorted(e, make([]value.Value, len(e)), func(x, y *value.Value) bool {
		return s.compare(x, y)*sign < 0
	})
	c.Heap.Refund(value.SizeValue * len(e))
	return s.err
}

// comparison compares scalars and strings of one type, and bills the bytes of
// long strings as they are looked at. After an error everything is equal.
type comparison struct {
	env   native.Env
	bytes int
	err   error
}

func (s *comparison) compare(a, b *value.Value) int {
	x, y := *a, *b
	if x.Ref != y.Ref || x.Is(value.KTagged) || x.Is(value.KString) {
		x, y = x.Plain(), y.Plain()
	}
	switch x.Kind() {
	case value.KFloat:
		f, g := x.Float(), y.Float()
		switch {
		case f < g:
			return -1
		case f > g:
			return 1
		}
		return 0 // also what NaN is to anything
	case value.KString:
		return s.strings(x.Str(), y.Str())
	}
	return cmp.Compare(x.Int(), y.Int())
}

func (s *comparison) strings(x, y string) int {
	const bytesPerOp, batch = 32, 1 << 12
	if s.bytes += min(len(x), len(y)); s.bytes >= batch && s.err == nil {
		s.err = s.env.Charge(s.bytes / bytesPerOp)
		s.bytes = 0
	}
	if s.err != nil {
		return 0
	}
	return strings.Compare(x, y)
}

// mergeSorted sorts e stably, with room for as many elements in spare. Unlike
// the standard library's stable sort it makes n·log₂ n moves.
func mergeSorted(e, spare []value.Value, before func(x, y *value.Value) bool) {
	const run = 12
	for lo := 0; lo < len(e); lo += run {
		insertSorted(e[lo:min(lo+run, len(e))], before)
	}
	src, dst := e, spare
	for width := run; width < len(e); width *= 2 {
		for lo := 0; lo < len(e); lo += 2 * width {
			mid, hi := min(lo+width, len(e)), min(lo+2*width, len(e))
			mergeRuns(dst[lo:hi], src[lo:mid], src[mid:hi], before)
		}
		src, dst = dst, src
	}
	if &src[0] != &e[0] {
		copy(e, src)
	}
}

func insertSorted(e []value.Value, before func(x, y *value.Value) bool) {
	for i := 1; i < len(e); i++ {
		for j := i; j > 0 && before(&e[j], &e[j-1]); j-- {
			e[j], e[j-1] = e[j-1], e[j]
		}
	}
}

func mergeRuns(dst, a, b []value.Value, before func(x, y *value.Value) bool) {
	if len(a) > 0 && len(b) > 0 && !before(&b[0], &a[len(a)-1]) {
		copy(dst[copy(dst, a):], b) // already in order
		return
	}
	for len(a) > 0 && len(b) > 0 {
		if before(&b[0], &a[0]) {
			dst[0], b = b[0], b[1:]
		} else {
			dst[0], a = a[0], a[1:]
		}
		dst = dst[1:]
	}
	copy(dst[copy(dst, a):], b)
}
