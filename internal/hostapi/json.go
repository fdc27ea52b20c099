package hostapi

import "github.com/picloud/picloud/rhai"

// jsonModule is json::parse and json::stringify, both strict (RFC 8259).
func jsonModule() *rhai.Module {
	return rhai.NewModule("json").
		Func("parse", params(textOrBlob()), func(c *rhai.Call) error {
			v, err := parseJSON(c, data(c, 0))
			if err != nil {
				return err
			}
			return c.Return(v)
		}, "reads JSON: integers stay integers, objects become maps").
		Func("stringify", params(rhai.AnyType), func(c *rhai.Call) error {
			out, err := encode(c, c.Arg(0))
			if err != nil {
				return err
			}
			if err := work(c, 0, len(out)); err != nil {
				return err
			}
			return returnText(c, string(out))
		}, "writes a value as JSON, maps by key")
}

// parseJSON reads strict JSON. The reader charges for what it makes.
func parseJSON(c *rhai.Call, body []byte) (rhai.Value, error) {
	if err := work(c, len(body), 0); err != nil {
		return rhai.Value{}, err
	}
	return c.FromJSON(body)
}
