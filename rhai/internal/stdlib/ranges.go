package stdlib

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func ranges(r *native.Registry) {
	property(r, def("start(range)", "The first number of the range.", rangeStart, rangeOf))
	property(r, def("end(range)", "The end of the range.", rangeEnd, rangeOf))
	property(r, def("is_inclusive(range)", "Whether the end belongs to the range.", rangeInclusive, rangeOf))
	property(r, def("is_exclusive(range)", "Whether the end does not belong to the range.", rangeExclusive, rangeOf))
	property(r, def("is_empty(range)", "Whether the range holds no number.", rangeEmpty, rangeOf))
	contains := def("contains(range, x)", "Whether the range holds a number.", rangeContains, rangeOf, integer)
	contains.RefusesConst = true
	r.Add(contains)
}

func rangeStart(c *native.Call) error { return c.Return(value.Int(c.Recv.Range().Start)) }
func rangeEnd(c *native.Call) error   { return c.Return(value.Int(c.Recv.Range().End)) }

func rangeInclusive(c *native.Call) error { return c.Return(value.Bool(c.Recv.Range().Inclusive)) }
func rangeExclusive(c *native.Call) error { return c.Return(value.Bool(!c.Recv.Range().Inclusive)) }

func rangeEmpty(c *native.Call) error {
	r := c.Recv.Range()
	return c.Return(value.Bool(r.Start > r.End || r.Start == r.End && !r.Inclusive))
}

func rangeContains(c *native.Call) error {
	r, x := c.Recv.Range(), c.Rest[0].Int()
	return c.Return(value.Bool(x >= r.Start && (x < r.End || x == r.End && r.Inclusive)))
}

// rangeArg is a range argument as start and length: it never counts from the
// end, and an inclusive range that ends before its start holds the start.
func rangeArg(r *value.Range) (start, n int64) {
	start = max(r.Start, 0)
	end := max(r.End, start)
	if r.Inclusive {
		return start, min(end, math.MaxInt64-1) - start + 1
	}
	return start, end - start
}

// openRange is rangeArg for iterators, where an inclusive range that ends
// before its start is empty.
func openRange(r *value.Range) (start, n int64) {
	start = max(r.Start, 0)
	if r.Inclusive {
		return start, min(max(r.End, start-1), math.MaxInt64-1) - start + 1
	}
	return start, max(r.End, start) - start
}

// offset resolves (start, n) for something of the given length: a negative
// start counts from the end, at most back to 0; a start behind the end gives
// (length, 0); n is cut to what is there.
func offset(length int, start, n int64) (int, int) {
	total := int64(length)
	if start < 0 {
		start = max(start+total, 0)
	} else if start >= total {
		return length, 0
	}
	return int(start), int(min(max(n, 0), total-start))
}
