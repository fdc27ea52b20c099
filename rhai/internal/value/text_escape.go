package value

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// AppendQuoted appends s in double quotes with the escapes of Rust's debug
// format: \t \r \n \0 \" \\, and \u{…} for what cannot be seen on its own.
func AppendQuoted(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// plainASCII reports whether c is shown as it is.
func plainASCII(c byte) bool { return c >= ' ' && c < 0x7f && c != '"' && c != '\\' }

// appendEscaped appends the inside of the quotes.
func appendEscaped(dst []byte, s string) []byte {
	start := 0 // of what is not yet appended
	for i := 0; i < len(s); {
		if plainASCII(s[i]) {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n > 1 && shown(r) {
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, r)
		i += n
		start = i
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case 0:
		return append(dst, '\\', '0')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '"', '\\':
		return append(dst, '\\', byte(r))
	}
	dst = append(dst, `\u{`...)
	dst = strconv.AppendInt(dst, int64(r), 16)
	return append(dst, '}')
}

// escapedLen is at least the number of bytes that appendEscaped appends.
func escapedLen(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if !plainASCII(s[i]) {
			n += 8 // \u{10ffff} for four bytes, \u{7f} for one
		}
	}
	return n
}

// shown reports whether a character beyond ASCII stands for itself: it is
// printable and does not combine with the one before it.
func shown(r rune) bool {
	if r >= 0x4e00 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3 {
		return true // most of Chinese and Korean, which need no look-up
	}
	if !unicode.IsPrint(r) {
		return false
	}
	return !unicode.In(r, unicode.Mn, unicode.Me, unicode.Other_Grapheme_Extend)
}
