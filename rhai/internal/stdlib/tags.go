package stdlib

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func tags(r *native.Registry) {
	property(r, def("tag(x)", "The tag of a value, 0 when none was set.", getTag, anything))
	set := mutating("set_tag(x, tag)", "Gives a value a tag: a number of 32 bits.", setTag, anything, integer)
	write := *set
	write.Name = "set$tag"
	r.Add(set, &write)
}

func getTag(c *native.Call) error { return c.Return(value.Int(int64(c.Recv.Tag()))) }

func setTag(c *native.Call) error {
	tag := c.Rest[0].Int()
	if tag < math.MinInt32 || tag > math.MaxInt32 {
		return value.Arithmetic("tag %d does not fit 32 bits", tag)
	}
	return c.Heap.SetTag(c.Recv, int32(tag))
}
