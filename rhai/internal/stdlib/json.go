package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// maxNesting is how deep the arrays and objects of a JSON text may nest.
const maxNesting = 128

func json(r *native.Registry) {
	r.Add(
		def("parse_json(text)", "The value that a JSON text describes.", parseJSON, text),
		def("to_json(map)", "The map as JSON.", toJSON, mapping),
	)
}

func parseJSON(c *native.Call) error {
	v, err := value.ReadJSON(c.Heap, c.Env, []byte(c.Recv.Str()), maxNesting)
	c.Result = v
	return err
}

func toJSON(c *native.Call) error {
	v, err := c.Heap.JSONOf(c.Env, *c.Recv)
	c.Result = v
	return err
}
