package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// intBits is the width of a bit field.
const intBits = 64

func bitFields(r *native.Registry) {
	r.Add(
		def("get_bit(field, bit)", "Whether a bit is set; negative positions count from the highest bit.", getBit, integer, integer),
		mutating("set_bit(field, bit, on)", "Sets or clears a bit.", setBit, integer, integer, boolean),
		def("get_bits(field, start, count)", "The number in `count` bits from `start` up.", getBits, integer, integer, integer),
		def("get_bits(field, range)", "The number in a range of bits.", getBits, integer, rangeOf),
		mutating("set_bits(field, start, count, bits)", "Stores a number in `count` bits from `start` up.", setBits, integer, integer, integer, integer),
		mutating("set_bits(field, range, bits)", "Stores a number in a range of bits.", setBits, integer, rangeOf, integer),
		def("bits(field, start)", "An iterator over the bits from `start` up, lowest first.", bitsIter, integer, integer),
		def("bits(field, start, count)", "An iterator over `count` bits from `start` up, lowest first.", bitsIter, integer, integer, integer),
		def("bits(field, range)", "An iterator over a range of bits, lowest first.", bitsIter, integer, rangeOf),
	)
	property(r, def("bits(field)", "An iterator over all 64 bits, lowest first.", bitsIter, integer))
}

// bitIndex resolves a position that may count from the end.
func bitIndex(i int64) (int64, error) {
	switch {
	case i >= 0 && i < intBits:
		return i, nil
	case i < 0 && i >= -intBits:
		return i + intBits, nil
	}
	return 0, value.BitBounds(i)
}

// bitField resolves (start, count) or a range argument at rest[0]. count is 0
// for an empty field, whose start is then not looked at.
func bitField(rest []value.Value) (start, count int64, err error) {
	if rest[0].Is(value.KRange) {
		start, count, err = bitRange(rest[0].Range())
	} else {
		start, count = rest[0].Int(), rest[1].Int()
	}
	if err != nil || count <= 0 {
		return 0, 0, err
	}
	if start, err = bitIndex(start); err != nil {
		return 0, 0, err
	}
	return start, min(count, intBits-start), nil
}

// bitRange is a range argument as start and count. Unlike elsewhere an
// inclusive range must end inside.
func bitRange(r *value.Range) (start, count int64, err error) {
	start = max(r.Start, 0)
	if !r.Inclusive {
		return start, max(r.End, start) - start, nil
	}
	end := max(r.End, start-1)
	if end >= intBits {
		return 0, 0, value.BitBounds(end)
	}
	return start, end - start + 1, nil
}

func getBit(c *native.Call) error {
	i, err := bitIndex(c.Rest[0].Int())
	if err != nil {
		return err
	}
	return c.Return(value.Bool(c.Recv.Bits>>uint(i)&1 != 0))
}

func setBit(c *native.Call) error {
	i, err := bitIndex(c.Rest[0].Int())
	if err != nil {
		return err
	}
	mask := uint64(1) << uint(i)
	if c.Rest[1].Bool() {
		c.Recv.SetInt(int64(c.Recv.Bits | mask))
	} else {
		c.Recv.SetInt(int64(c.Recv.Bits &^ mask))
	}
	return nil
}

func bitMask(count int64) uint64 { return ^uint64(0) >> uint(intBits-count) }

func getBits(c *native.Call) error {
	start, count, err := bitField(c.Rest)
	if err != nil {
		return err
	}
	if count == 0 {
		return c.Return(value.Int(0))
	}
	return c.Return(value.Int(int64(c.Recv.Bits >> uint(start) & bitMask(count))))
}

func setBits(c *native.Call) error {
	start, count, err := bitField(c.Rest)
	if err != nil || count == 0 {
		return err
	}
	v := uint64(c.Rest[len(c.Rest)-1].Int())
	mask := bitMask(count) << uint(start)
	c.Recv.SetInt(int64(c.Recv.Bits&^mask | v<<uint(start)&mask))
	return nil
}

func bitsIter(c *native.Call) error {
	start, count := int64(0), int64(intBits)
	switch {
	case len(c.Rest) == 0:
	case c.Rest[0].Is(value.KRange):
		start, count = openRange(c.Rest[0].Range())
	default:
		start = c.Rest[0].Int()
		if len(c.Rest) > 1 {
			count = max(c.Rest[1].Int(), 0)
		}
	}
	// Unlike in get_bits, the start of an empty field counts.
	start, err := bitIndex(start)
	if err != nil {
		return err
	}
	return c.Return(c.Heap.NewIter(value.Iter{
		Of: value.IterBits, Source: *c.Recv, From: value.Int(start), To: value.Int(min(count, intBits-start)),
	}))
}
