package hostapi

import (
	"errors"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai"
)

// bytesPerOperation is how much copying, hashing or encoding one operation
// pays for: about what the machine does in the time of one.
const bytesPerOperation = 16

// textOrBlob is a parameter that takes either.
func textOrBlob() rhai.Type { return rhai.StringType.Or(rhai.BlobType) }

// params writes a list of parameter types.
func params(types ...rhai.Type) []rhai.Type { return types }

// work bills the handling of in bytes that give out bytes, and sees to it that
// both fit once more, before anything happens.
func work(c *rhai.Call, in, out int) error {
	if err := c.Charge(1 + (in+out)/bytesPerOperation); err != nil {
		return err
	}
	return c.Room(in + out)
}

// text is argument i, a string.
func text(c *rhai.Call, i int) string {
	s, _ := c.Arg(i).AsString()
	return s
}

// number is argument i, an integer.
func number(c *rhai.Call, i int) int64 {
	n, _ := c.Arg(i).AsInt()
	return n
}

// data is argument i, a string or blob, as bytes that must not be changed or
// kept.
func data(c *rhai.Call, i int) []byte {
	v := c.Arg(i)
	if b, ok := v.AsBytes(); ok {
		return b
	}
	s, _ := v.AsString()
	return []byte(s)
}

// size is the length of argument i, a string or blob, in bytes.
func size(c *rhai.Call, i int) int {
	v := c.Arg(i)
	if b, ok := v.AsBytes(); ok {
		return len(b)
	}
	s, _ := v.AsString()
	return len(s)
}

// returnText returns a string.
func returnText(c *rhai.Call, s string) error {
	v, err := c.String(s)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// returnBytes returns a blob.
func returnBytes(c *rhai.Call, b []byte) error {
	v, err := c.Bytes(b)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// returnAny returns Go data.
func returnAny(c *rhai.Call, x any) error {
	v, err := c.ToValue(x)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// clip shortens text for a message.
func clip(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// isLimit reports whether an error ends the run whatever the script does. Such
// an error is passed on as it is.
func isLimit(err error) bool {
	var e interface{ Catchable() bool }
	return errors.As(err, &e) && !e.Catchable()
}
