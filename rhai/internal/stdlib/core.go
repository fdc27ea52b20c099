package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func core(r *native.Registry) {
	r.Add(
		def("to_string(x)", "The value as text.", toString, anything),
		def("to_debug(x)", "The value as text that shows its type, as debug prints it.", toDebug, anything),
	)
	property(r, def("name(pointer)", "The name of the function.", fnName, pointer))
	property(r, def("is_anonymous(pointer)", "Whether the function is a closure.", fnAnonymous, pointer))
}

func toString(c *native.Call) error {
	v, err := c.Heap.TextOf(c.Env, *c.Recv)
	c.Result = v
	return err
}

func toDebug(c *native.Call) error {
	v, err := c.Heap.DebugOf(c.Env, *c.Recv)
	c.Result = v
	return err
}

func fnName(c *native.Call) error { return c.Return(c.Heap.NewString(c.Recv.Fn().Name)) }

func fnAnonymous(c *native.Call) error { return c.Return(value.Bool(c.Recv.Fn().Anonymous())) }
