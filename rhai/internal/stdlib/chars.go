package stdlib

import (
	"unicode"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func chars(r *native.Registry) {
	r.Add(
		def("to_upper(char)", "The character in upper case, or itself when that is not one character.", mapChar(upperChar), char),
		def("to_lower(char)", "The character in lower case, or itself when that is not one character.", mapChar(lowerChar), char),
		mutating("make_upper(char)", "Turns the character into upper case.", changeChar(upperChar), char),
		mutating("make_lower(char)", "Turns the character into lower case.", changeChar(lowerChar), char),
		def("max(a, b)", "The character that sorts last.", maxInts, char, char),
		def("min(a, b)", "The character that sorts first.", minInts, char, char),
	)
}

func upperChar(r rune) rune {
	if upperLong(r) != "" {
		return r
	}
	return unicode.ToUpper(r)
}

func lowerChar(r rune) rune {
	if r == bigDottedI {
		return r
	}
	return unicode.ToLower(r)
}

func mapChar(f func(rune) rune) func(*native.Call) error {
	return func(c *native.Call) error { return c.Return(value.Char(f(c.Recv.Char()))) }
}

func changeChar(f func(rune) rune) func(*native.Call) error {
	return func(c *native.Call) error {
		*c.Recv = value.Char(f(c.Recv.Char()))
		return nil
	}
}
