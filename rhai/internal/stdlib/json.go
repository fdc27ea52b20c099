package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
)

func json(r *native.Registry) {
	r.Add(
		def("parse_json(text)", "The map that a JSON object describes.", parseJSON, text),
		def("to_json(map)", "The map as JSON.", toJSON, mapping),
	)
}

func parseJSON(c *native.Call) error {
	v, err := c.Env.ParseJSON(c.Recv.Str())
	c.Result = v
	return err
}

func toJSON(c *native.Call) error {
	v, err := c.Heap.JSONOf(c.Env, *c.Recv)
	c.Result = v
	return err
}
