package stdlib

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// arrayParts registers what takes a part of an array: (start, n) by the offset
// rule, or a range, which never counts from the end.
func arrayParts(r *native.Registry) {
	extract := []*native.Func{
		def("extract(array, start)", "A new array of the elements from `start` on.", arrayExtract, list, integer),
		def("extract(array, start, count)", "A new array of `count` elements from `start` on.", arrayExtract, list, integer, integer),
		def("extract(array, range)", "A new array of a range of elements.", arrayExtract, list, rangeOf),
	}
	for _, f := range extract {
		f.RefusesConst = true
	}
	r.Add(extract...)
	r.Add(
		mutating("splice(array, start, count, other)", "Replaces `count` elements from `start` on by those of another array.", arraySplice, list, integer, integer, list),
		mutating("splice(array, range, other)", "Replaces a range of elements by those of another array.", arraySplice, list, rangeOf, list),
		mutating("split(array, index)", "Cuts the array in two and returns the second part.", arraySplit, list, integer),
		mutating("drain(array, start, count)", "Removes `count` elements from `start` on and returns them.", arrayDrain, list, integer, integer),
		mutating("drain(array, range)", "Removes a range of elements and returns them.", arrayDrain, list, rangeOf),
		mutating("retain(array, start, count)", "Keeps `count` elements from `start` on and returns the others.", arrayRetain, list, integer, integer),
		mutating("retain(array, range)", "Keeps a range of elements and returns the others.", arrayRetain, list, rangeOf),
	)
}

// span is the part that the first arguments select of something of the given
// length, as position and number of elements. wanted is the number asked for,
// before it is cut to what is there.
func span(c *native.Call, length int) (at, n int, wanted int64) {
	start, wanted := int64(0), int64(math.MaxInt64)
	switch {
	case c.Rest[0].Is(value.KRange):
		start, wanted = rangeArg(c.Rest[0].Range())
	case len(c.Rest) > 1:
		start, wanted = c.Rest[0].Int(), c.Rest[1].Int()
	default:
		start = c.Rest[0].Int()
	}
	at, n = offset(length, start, wanted)
	return at, n, wanted
}

func arrayExtract(c *native.Call) error {
	e := c.Recv.Array().E
	at, n, _ := span(c, len(e))
	if err := c.Env.Charge(n); err != nil {
		return err
	}
	out, err := c.Heap.MakeElems(n)
	if err != nil {
		return err
	}
	for _, v := range e[at : at+n] {
		out = append(out, v.Share())
	}
	return c.Return(c.Heap.NewArray(out))
}

func arraySplice(c *native.Call) error {
	at, n, _ := span(c, len(c.Recv.Array().E))
	return insertShared(c, at, n, c.Rest[len(c.Rest)-1].Array().E)
}

// insertShared replaces n elements at position at by those of more, which stay
// where they are as well.
func insertShared(c *native.Call, at, n int, more []value.Value) error {
	if n == 0 && len(more) == 0 {
		return nil
	}
	have := len(c.Recv.Array().E)
	if err := growTo(c, have-n, int64(have-n)+int64(len(more))); err != nil {
		return err
	}
	if err := chargeMove(c, have-at); err != nil {
		return err
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	if d := len(more) - n; d > 0 {
		if err := a.Grow(c.Heap, d); err != nil {
			return err
		}
		a.E = a.E[:have+d]
		copy(a.E[at+len(more):], a.E[at+n:have])
	} else if d < 0 {
		copy(a.E[at+len(more):], a.E[at+n:])
		setLen(a, have+d)
	}
	for i, v := range more {
		a.E[at+i] = v.Share()
	}
	return nil
}

func arraySplit(c *native.Call) error {
	at, _ := offset(len(c.Recv.Array().E), c.Rest[0].Int(), 0)
	return moveElems(c, at, len(c.Recv.Array().E)-at)
}

func arrayDrain(c *native.Call) error {
	at, n, _ := span(c, len(c.Recv.Array().E))
	return moveElems(c, at, n)
}

// moveElems moves n elements at position at to a new array, the result.
func moveElems(c *native.Call, at, n int) error {
	if err := chargeMove(c, n); err != nil {
		return err
	}
	out, err := c.Heap.MakeElems(n)
	if err != nil {
		return err
	}
	if n == 0 {
		return c.Return(c.Heap.NewArray(out))
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	c.Result = c.Heap.NewArray(append(out, a.E[at:at+n]...))
	return cutElems(c, a, at, n)
}

func arrayRetain(c *native.Call) error {
	have := len(c.Recv.Array().E)
	at, n, _ := span(c, have)
	if n == 0 {
		return c.Return(c.Heap.NewArray(nil)) // and keep everything, as native does
	}
	if err := chargeMove(c, have); err != nil {
		return err
	}
	out, err := c.Heap.MakeElems(have - n)
	if err != nil {
		return err
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	out = append(append(out, a.E[:at]...), a.E[at+n:]...)
	copy(a.E, a.E[at:at+n])
	setLen(a, n)
	return c.Return(c.Heap.NewArray(out))
}
