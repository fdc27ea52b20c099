package stdlib

import (
	"math"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// slices registers what takes a part of a text.
func slices(r *native.Registry) {
	r.Add(
		def("sub_string(text, start)", "The text from character `start` on.", subString, text, integer),
		def("sub_string(text, start, count)", "`count` characters from `start` on.", subString, text, integer, integer),
		def("sub_string(text, range)", "A range of characters.", subString, text, rangeOf),
		mutating("crop(text, start)", "Keeps what is from character `start` on.", crop, text, integer),
		mutating("crop(text, start, count)", "Keeps `count` characters from `start` on.", crop, text, integer, integer),
		mutating("crop(text, range)", "Keeps a range of characters.", crop, text, rangeOf),
		mutating("truncate(text, length)", "Keeps the first `length` characters.", truncate, text, integer),
		mutating("pop(text)", "Removes the last character and returns it, or () when there is none.", popChar, text),
		mutating("pop(text, count)", "Removes the last `count` characters and returns them.", popText, text, integer),
	)
}

// part is the part of the receiver that the arguments select.
func part(c *native.Call) (string, error) {
	s := c.Recv.Text()
	start, n := int64(0), int64(math.MaxInt64)
	if c.Rest[0].Is(value.KRange) {
		start, n = rangeArg(c.Rest[0].Range())
	} else {
		start = c.Rest[0].Int()
		if len(c.Rest) > 1 {
			n = c.Rest[1].Int()
		}
	}
	if err := chargeText(c, s.S); err != nil {
		return "", err
	}
	at, count := offset(s.Len(), start, n)
	if count == 0 {
		return "", nil
	}
	if s.ASCII() {
		return s.S[at : at+count], nil
	}
	return s.S[byteAt(s, at):byteAt(s, at+count)], nil
}

func subString(c *native.Call) error {
	t, err := part(c)
	if err != nil {
		return err
	}
	return returnText(c, t)
}

func crop(c *native.Call) error {
	t, err := part(c)
	if err != nil {
		return err
	}
	return setText(c, t)
}

func truncate(c *native.Call) error {
	s := c.Recv.Text()
	if err := chargeText(c, s.S); err != nil {
		return err
	}
	n := max(c.Rest[0].Int(), 0)
	if n >= int64(s.Len()) {
		return nil
	}
	return setText(c, s.S[:byteAt(s, int(n))])
}

func popChar(c *native.Call) error {
	s := c.Recv.Str()
	if s == "" {
		return nil
	}
	if err := chargeText(c, s); err != nil {
		return err
	}
	r, n := utf8.DecodeLastRuneInString(s)
	c.Result = value.Char(r)
	return setText(c, s[:len(s)-n])
}

func popText(c *native.Call) error {
	s := c.Recv.Text()
	if err := chargeText(c, s.S); err != nil {
		return err
	}
	n := min(max(c.Rest[0].Int(), 0), int64(s.Len()))
	at := byteAt(s, s.Len()-int(n))
	if err := returnText(c, s.S[at:]); err != nil {
		return err
	}
	return setText(c, s.S[:at])
}
