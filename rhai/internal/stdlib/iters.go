package stdlib

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func iters(r *native.Registry) {
	r.Add(
		def("range(from, to)", "The range from..to.", makeRange, integer, integer),
		def("range(from, to)", "An iterator from `from` up to but without `to`.", byteRange, octet, octet),
		def("range(from, to, step)", "An iterator that counts in steps and ends before `to`.", stepped, integer, integer, integer),
		def("range(from, to, step)", "An iterator that counts in steps and ends before `to`.", stepped, float, float, float),
		def("range(from, to, step)", "An iterator that counts in steps and ends before `to`.", stepped, octet, octet, octet),
		def("range(range, step)", "An iterator that counts through an exclusive range in steps.", steppedRange, rangeOf, integer),
		def("chars(text, start)", "An iterator over the characters from `start` on.", charsIter, text, integer),
		def("chars(text, start, count)", "An iterator over `count` characters from `start` on.", charsIter, text, integer, integer),
		def("chars(text, range)", "An iterator over a range of characters.", charsIter, text, rangeOf),
	)
	property(r, def("chars(text)", "An iterator over the characters.", charsIter, text))
}

func makeRange(c *native.Call) error {
	return c.Return(c.Heap.NewRange(c.Recv.Int(), c.Rest[0].Int(), false))
}

func byteRange(c *native.Call) error {
	return c.Return(c.Heap.NewIter(value.Iter{Of: value.IterStep, From: *c.Recv, To: c.Rest[0], Step: value.Byte(1)}))
}

func stepped(c *native.Call) error { return step(c, *c.Recv, c.Rest[0], c.Rest[1]) }

func steppedRange(c *native.Call) error {
	r := c.Recv.Range()
	if r.Inclusive {
		return value.NotFound("range (range=, i64)")
	}
	return step(c, value.Int(r.Start), value.Int(r.End), c.Rest[0])
}

// step makes the iterator. One that would go the wrong way, or whose second
// number does not exist, is empty: its end is its start.
func step(c *native.Call, from, to, by value.Value) error {
	next, ok := nextStep(from, by)
	if ok && standsStill(from, next) {
		inner := value.Arithmetic("the step of a range cannot be zero")
		e := value.Errorf(value.ErrInFunctionCall, "in call to range: %s", inner.Msg)
		e.Name, e.Inner = "range", inner
		return e
	}
	if !ok || !between(from, next, to) {
		to = from
	}
	to = lastStep(to, by)
	return c.Return(c.Heap.NewIter(value.Iter{Of: value.IterStep, From: from, To: to, Step: by}))
}

// nextStep is from + by; ok is false on overflow.
func nextStep(from, by value.Value) (next value.Value, ok bool) {
	switch from.Kind() {
	case value.KFloat:
		return value.Float(from.Float() + by.Float()), true
	case value.KByte:
		n := int(from.Byte()) + int(by.Byte())
		return value.Byte(byte(n)), n <= math.MaxUint8
	}
	a, b := from.Int(), by.Int()
	return value.Int(a + b), b >= 0 && a <= math.MaxInt64-b || b < 0 && a >= math.MinInt64-b
}

// standsStill reports whether a step changes nothing. NaN is never the same.
func standsStill(from, next value.Value) bool {
	if from.IsFloat() {
		return from.Float() == next.Float()
	}
	return from == next
}

// lastStep moves the end so that the iterator ends where one more step would
// overflow: native does not yield a number that has no successor.
func lastStep(to, by value.Value) value.Value {
	switch {
	case to.Is(value.KByte):
		return value.Byte(min(to.Byte(), math.MaxUint8-by.Byte()+1))
	case to.IsInt() && by.Int() > 0:
		return value.Int(min(to.Int(), math.MaxInt64-by.Int()+1))
	case to.IsInt() && by.Int() < 0:
		return value.Int(max(to.Int(), math.MinInt64-by.Int()-1))
	}
	return to
}

// between reports whether going from → next leads towards to.
func between(from, next, to value.Value) bool {
	if from.IsFloat() {
		f, n, t := from.Float(), next.Float(), to.Float()
		return f < t && n > f || f > t && n < f
	}
	f, n, t := from.Int(), next.Int(), to.Int()
	return f < t && n > f || f > t && n < f
}

func charsIter(c *native.Call) error {
	start, n := int64(0), int64(math.MaxInt64)
	switch {
	case len(c.Rest) == 0:
	case c.Rest[0].Is(value.KRange):
		start, n = openRange(c.Rest[0].Range())
	default:
		start = c.Rest[0].Int()
		if len(c.Rest) > 1 {
			n = c.Rest[1].Int()
		}
	}
	if err := chargeText(c, c.Recv.Str()); err != nil {
		return err
	}
	from, count := offset(c.Recv.Text().Len(), start, n)
	return c.Return(c.Heap.NewIter(value.Iter{
		Of: value.IterChars, Source: c.Recv.Share(), From: value.Int(int64(from)), To: value.Int(int64(count)),
	}))
}
