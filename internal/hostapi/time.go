package hostapi

import (
	"math"
	"time"

	"github.com/picloud/picloud/rhai"
)

// maxUnix is the last second of the year 9999, which RFC 3339 ends with;
// minUnix is the first of year 0.
const (
	maxUnix = 253402300799
	minUnix = -62167219200
)

// timeModule tells the time of the invocation's clock. A moment is Unix time:
// seconds since 1970 as an integer, or milliseconds where the name ends in
// _ms. As text it is RFC 3339 in UTC.
func timeModule() *rhai.Module {
	m := rhai.NewModule("time")
	m.Func("now", nil, func(c *rhai.Call) error {
		return returnText(c, invocation(c).Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	}, "the time as text, with milliseconds")
	m.Func("unix", nil, func(c *rhai.Call) error { return c.Return(rhai.Int(invocation(c).Now().Unix())) }, "the time in seconds")
	m.Func("unix_ms", nil, func(c *rhai.Call) error { return c.Return(rhai.Int(invocation(c).Now().UnixMilli())) }, "the time in milliseconds")
	m.Func("format", params(rhai.IntType), func(c *rhai.Call) error { return formatTime(c, 1000, time.RFC3339) }, "seconds as text")
	m.Func("format_ms", params(rhai.IntType), func(c *rhai.Call) error { return formatTime(c, 1, "2006-01-02T15:04:05.000Z07:00") }, "milliseconds as text")
	m.Func("parse", params(rhai.StringType), func(c *rhai.Call) error {
		t, err := parseTime(c)
		if err != nil {
			return err
		}
		return c.Return(rhai.Int(t.Unix()))
	}, "text as seconds")
	m.Func("parse_ms", params(rhai.StringType), func(c *rhai.Call) error {
		t, err := parseTime(c)
		if err != nil {
			return err
		}
		return c.Return(rhai.Int(t.UnixMilli()))
	}, "text as milliseconds")
	return m
}

// formatTime writes the first argument, which counts units of so many
// milliseconds.
func formatTime(c *rhai.Call, unit int64, layout string) error {
	n := number(c, 0)
	if n > maxUnix*(1000/unit) || n < minUnix*(1000/unit) {
		return c.Fail("%d is not a time between the years 0 and 9999", n)
	}
	return returnText(c, time.UnixMilli(n*unit).UTC().Format(layout))
}

func parseTime(c *rhai.Call) (time.Time, error) {
	s := text(c, 0)
	if err := work(c, min(len(s), math.MaxInt16), 0); err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, c.Fail("%q is not a time like 2026-01-31T12:00:00Z (RFC 3339)", clip(s))
	}
	return t, nil
}
