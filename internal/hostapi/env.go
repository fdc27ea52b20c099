package hostapi

import "github.com/picloud/picloud/rhai"

// envModule is env::get: the variables of the version that runs, and nothing
// of the server's own environment.
func envModule() *rhai.Module {
	m := rhai.NewModule("env")
	m.Func("get", params(rhai.StringType), func(c *rhai.Call) error {
		v, ok := invocation(c).Execution.Env[text(c, 0)]
		if !ok {
			return nil
		}
		return returnText(c, v)
	}, "a variable, or ()")
	m.Func("get", params(rhai.StringType, rhai.AnyType), func(c *rhai.Call) error {
		v, ok := invocation(c).Execution.Env[text(c, 0)]
		if !ok {
			return c.Return(c.Arg(1))
		}
		return returnText(c, v)
	}, "a variable, or what is given instead")
	return m
}
