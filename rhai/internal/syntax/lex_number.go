package syntax

import (
	"strconv"
	"strings"
)

// number reads an integer or float whose first digit is at l.off. A sign, if
// any, has been read already.
func (l *lexer) number(negative bool) {
	start := l.off
	if l.src[start] == '0' {
		// The radix letter may come after separators, as in `0_x1f`.
		i := start + 1
		for l.byteAt(i) == '_' {
			i++
		}
		if base := radix(l.byteAt(i)); base != 0 {
			l.radixNumber(i+1, base, negative)
			return
		}
	}
	l.off = digitsEnd(l.src, start)
	integer := true
	if l.byteAt(l.off) == '.' && l.fractionFollows() {
		integer = false
		l.off = digitsEnd(l.src, l.off+1)
	}
	if l.exponentFollows() {
		integer = false
		l.off = digitsEnd(l.src, l.off+2)
	}
	l.decimal(l.src[start:l.off], negative, integer)
}

// fractionFollows decides whether the dot at l.off belongs to the number: not
// when a name (a property of the integer), another dot (a range), an
// underscore or nothing at all follows it.
func (l *lexer) fractionFollows() bool {
	if l.off+1 >= len(l.src) {
		return false
	}
	c := l.src[l.off+1]
	return c != '.' && c != '_' && !isLetter(c)
}

func (l *lexer) exponentFollows() bool {
	if l.byteAt(l.off)|0x20 != 'e' {
		return false
	}
	c := l.byteAt(l.off + 1)
	return isDigit(c) || c == '+' || c == '-'
}

// decimal sets the token for a decimal literal; an integer too large for 64
// bits silently is a float.
func (l *lexer) decimal(text string, negative, integer bool) {
	if strings.IndexByte(text, '_') >= 0 {
		text = strings.ReplaceAll(text, "_", "")
	}
	if integer {
		if n, ok := decimalInt(text, negative); ok {
			l.tok.kind, l.tok.int = tInt, n
			return
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && err.(*strconv.NumError).Err != strconv.ErrRange {
		l.fail(LexMalformedNumber, l.tok.pos, "the number "+quote(text)+" needs digits after its exponent's sign")
		return
	}
	if negative {
		f = -f
	}
	l.tok.kind, l.tok.float = tFloat, f
}

func decimalInt(digits string, negative bool) (int64, bool) {
	u, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case err != nil:
		return 0, false
	case negative:
		return -int64(u), u <= 1<<63
	default:
		return int64(u), u < 1<<63
	}
}

func digitsEnd(s string, i int) int {
	for i < len(s) && (isDigit(s[i]) || s[i] == '_') {
		i++
	}
	return i
}

func radix(letter byte) int {
	switch letter {
	case 'x', 'X':
		return 16
	case 'o', 'O':
		return 8
	case 'b', 'B':
		return 2
	}
	return 0
}

// radixNumber reads the digits of a hexadecimal, octal or binary number. They
// are the 64 bits of the value, so the highest one is its sign.
func (l *lexer) radixNumber(digits, base int, negative bool) {
	l.off = digits
	for l.off < len(l.src) && (l.src[l.off] == '_' || hexValue(l.src[l.off]) < base) {
		l.off++
	}
	text := strings.ReplaceAll(l.src[digits:l.off], "_", "")
	u, err := strconv.ParseUint(text, base, 64)
	switch {
	case text == "":
		l.fail(LexMalformedNumber, l.tok.pos, "a number in base "+strconv.Itoa(base)+" needs digits after its prefix")
	case err != nil:
		l.fail(LexMalformedNumber, l.tok.pos, "the number "+quote(text)+" does not fit 64 bits")
	case negative:
		l.fail(LexMalformedNumber, l.tok.pos,
			"a number in base "+strconv.Itoa(base)+" cannot have a sign of its own: leave a space after the `-`")
	default:
		l.tok.kind, l.tok.int = tInt, int64(u)
	}
}

// hexValue is the value of a hexadecimal digit, or 99 for any other byte.
func hexValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 99
}
