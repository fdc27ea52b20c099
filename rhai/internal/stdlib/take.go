package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// takes registers take, which moves a value out of a variable. As a method it
// is the machine's own (see vm), since it then changes whatever place it is
// called on.
func takes(r *native.Registry) {
	r.Add(mutating("take(value)", "Takes the value out of a variable, leaving ().", func(c *native.Call) error {
		v := *c.Recv
		*c.Recv = value.Unit
		return c.Return(v)
	}, anything))
}
