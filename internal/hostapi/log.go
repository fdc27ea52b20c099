package hostapi

import (
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// logModule is log::debug, info, warn and error: a message, and perhaps a map
// of fields, which is put behind it as JSON.
func logModule() *rhai.Module {
	m := rhai.NewModule("log")
	for _, level := range []picloud.Level{picloud.LevelDebug, picloud.LevelInfo, picloud.LevelWarn, picloud.LevelError} {
		m.Func(string(level), params(rhai.AnyType), func(c *rhai.Call) error {
			s, err := message(c)
			if err != nil {
				return err
			}
			invocation(c).Log(level, s)
			return nil
		}, "logs a message")
		m.Func(string(level), params(rhai.AnyType, rhai.MapType), func(c *rhai.Call) error {
			s, err := message(c)
			if err != nil {
				return err
			}
			more, err := encode(c, c.Arg(1))
			if err != nil {
				return err
			}
			if err := work(c, len(s), len(s)+len(more)+1); err != nil {
				return err
			}
			invocation(c).Log(level, s+" "+string(more))
			return nil
		}, "logs a message with fields")
	}
	return m
}

// message is the first argument as a log shows it.
func message(c *rhai.Call) (string, error) {
	v := c.Arg(0)
	if fieldsOf(v) != nil {
		out, err := encode(c, v)
		return string(out), err
	}
	s, err := c.Text(v)
	if err != nil {
		return "", err
	}
	return s, work(c, 0, len(s))
}
