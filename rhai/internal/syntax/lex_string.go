package syntax

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoted reads a "string".
func (l *lexer) quoted() {
	if s, ok := l.delimited('"', true); ok {
		l.tok.kind, l.tok.text = tString, s
	}
}

// char reads a 'c'.
func (l *lexer) char() {
	if l.byteAt(l.off+1) == '\'' {
		l.off++
		l.fail(LexMalformedChar, l.tok.pos, "a character literal cannot be empty")
		return
	}
	s, ok := l.delimited('\'', false)
	if !ok {
		return
	}
	r, size := utf8.DecodeRuneInString(s)
	if size < len(s) {
		l.fail(LexMalformedChar, l.tok.pos, "a character literal holds one character; a string is written with double quotes")
		return
	}
	l.tok.kind, l.tok.int = tChar, int64(r)
}

// delimited reads the text between two delimiters, of which the first is at
// l.off, and resolves its escapes. It reports false when it set an error.
func (l *lexer) delimited(delim byte, multiline bool) (string, bool) {
	start := l.off + 1
	l.off = start
	for l.off < len(l.src) { // the common case: nothing to resolve
		switch c := l.src[l.off]; {
		case c == delim && l.byteAt(l.off+1) != delim:
			s := l.src[start:l.off]
			l.off++
			return s, l.checkLength(len(s), l.tok.pos)
		case c == delim || c == '\\' || c == '\n' || c == '\r':
			return l.escaped(delim, multiline, start)
		case c&0xC0 == 0x80:
			l.bol++
		}
		l.off++
	}
	l.unterminated()
	return "", false
}

// escaped goes on where delimited met something that is not plain text.
func (l *lexer) escaped(delim byte, multiline bool, start int) (string, bool) {
	buf := append(make([]byte, 0, l.off-start+32), l.src[start:l.off]...)
	var indent int32 // blanks before this column are dropped
	for l.off < len(l.src) {
		if !l.checkLength(len(buf), l.tok.pos) {
			return "", false
		}
		c := l.src[l.off]
		switch {
		case c == delim:
			l.off++
			if l.byteAt(l.off) != delim {
				return string(buf), l.checkLength(len(buf), l.tok.pos)
			}
			l.off++
			buf = append(buf, delim)
			indent = 0
		case c == '\\':
			if multiline && l.lineContinues() {
				indent = l.tok.pos.Col + 1
				continue
			}
			var ok bool
			if buf, ok = l.escape(buf, delim); !ok {
				return "", false
			}
		case c == '\n':
			l.unterminated()
			return "", false
		case c == '\r' && l.byteAt(l.off+1) == '\n':
			l.off++
		default:
			r, size := utf8.DecodeRuneInString(l.src[l.off:])
			if !unicode.IsSpace(r) || l.at(l.off).Col >= indent {
				buf = append(buf, l.src[l.off:l.off+size]...)
				indent = 0
			}
			l.off += size
			l.bol += size - 1
		}
	}
	l.unterminated()
	return "", false
}

// lineContinues skips a backslash and the end of the line after it, if that is
// what stands at l.off.
func (l *lexer) lineContinues() bool {
	i := l.off + 1
	if l.byteAt(i) == '\r' && l.byteAt(i+1) == '\n' {
		i++
	}
	if l.byteAt(i) != '\n' {
		return false
	}
	l.off = i + 1
	l.newline(l.off)
	return true
}

// escape appends the character that the escape sequence at l.off stands for.
func (l *lexer) escape(buf []byte, delim byte) ([]byte, bool) {
	start := l.off
	if start+1 >= len(l.src) {
		l.unterminated()
		return nil, false
	}
	l.off += 2
	switch c := l.src[start+1]; c {
	case 't':
		return append(buf, '\t'), true
	case 'n':
		return append(buf, '\n'), true
	case 'r':
		return append(buf, '\r'), true
	case '\\', delim:
		return append(buf, c), true
	case '\n':
		l.unterminated()
		return nil, false
	case 'x':
		return l.hexEscape(buf, start, 2)
	case 'u':
		return l.hexEscape(buf, start, 4)
	case 'U':
		return l.hexEscape(buf, start, 8)
	}
	r, _ := utf8.DecodeRuneInString(l.src[start+1:])
	l.fail(LexMalformedEscapeSequence, l.at(start+1), fmt.Sprintf(
		`unknown escape sequence %s; there are \t \n \r \\ \%c \xHH \uHHHH \UHHHHHHHH`, quote(`\`+string(r)), delim))
	return nil, false
}

// hexEscape reads the digits of an escape sequence that starts at start.
func (l *lexer) hexEscape(buf []byte, start, digits int) ([]byte, bool) {
	var r uint32
	for range digits {
		if l.off >= len(l.src) || hexValue(l.src[l.off]) > 15 {
			bad := min(l.off, len(l.src)-1)
			l.fail(LexMalformedEscapeSequence, l.at(bad), fmt.Sprintf(
				"the escape sequence %s needs %d hexadecimal digits", quote(l.src[start:start+2]), digits))
			return nil, false
		}
		r = r<<4 | uint32(hexValue(l.src[l.off]))
		l.off++
	}
	if r > unicode.MaxRune || !utf8.ValidRune(rune(r)) {
		l.fail(LexMalformedEscapeSequence, l.at(l.off-1), quote(l.src[start:l.off])+" is not a Unicode character")
		return nil, false
	}
	return utf8.AppendRune(buf, rune(r)), true
}

// raw reads a raw string: any number of `#`, then the text in double quotes,
// then as many `#` again.
func (l *lexer) raw() {
	open := l.off
	for l.byteAt(l.off) == '#' {
		l.off++
	}
	hashes := l.src[open:l.off]
	if l.off < len(l.src) && l.src[l.off] != '"' {
		l.fail(LexUnexpectedInput, l.tok.pos, "after the `#`s of a raw string, a double quote is expected")
		return
	}
	start := min(l.off+1, len(l.src))
	n := strings.Index(l.src[start:], `"`+hashes)
	if n < 0 {
		l.unterminated()
		return
	}
	text := l.src[start : start+n]
	l.off = start + n + 1 + len(hashes)
	if !l.checkLength(n, l.tok.pos) {
		return
	}
	if nl := strings.LastIndexByte(text, '\n'); nl >= 0 {
		l.line += int32(strings.Count(text, "\n"))
		l.bol = start + nl + 1
		text = text[nl+1:]
	}
	l.bol += continuationBytes(text)
	l.tok.kind, l.tok.text = tString, l.src[start:start+n]
}

// backtick reads a back-tick string up to its end or its first `${`. A line
// end directly after the opening back-tick is dropped.
func (l *lexer) backtick() {
	l.off++
	if i := l.off; l.byteAt(i) == '\n' || l.byteAt(i) == '\r' {
		if l.src[i] == '\r' && l.byteAt(i+1) == '\n' {
			i++
		}
		l.off = i + 1
		l.newline(l.off)
	}
	start := l.tok.pos
	begin := Pos{l.line, max(l.at(l.off-1).Col, 1)}
	l.text(start, begin)
}

// continueText reads on in a back-tick string after the `}` that closes an
// interpolation and is the current token.
func (l *lexer) continueText() {
	l.tok.pos, l.tok.off = l.at(l.off), l.off
	l.text(l.tok.pos, l.at(l.off-1))
}

// text reads the text of a back-tick string at l.off. An unterminated one is
// reported at start, one that is too long at begin.
func (l *lexer) text(start, begin Pos) {
	var buf []byte // what has been read before from, once anything needs changing
	from := l.off
	finish := func(k kind, end int) {
		s := l.src[from:end]
		if buf != nil {
			s = string(append(buf, s...))
		}
		if l.checkLength(len(s), begin) {
			l.tok.kind, l.tok.text = k, s
		}
	}
	skip := func(n int) { // leaves out n bytes
		buf = append(buf, l.src[from:l.off]...)
		l.off += n
		from = l.off
	}
	for l.off < len(l.src) {
		if l.maxString > 0 && len(buf)+l.off-from > l.maxString {
			l.checkLength(len(buf)+l.off-from, begin)
			return
		}
		switch c := l.src[l.off]; {
		case c == '`':
			if l.byteAt(l.off+1) != '`' {
				l.off++
				finish(tString, l.off-1)
				return
			}
			skip(1) // the first of the two
			l.off++
			continue
		case c == '$' && l.byteAt(l.off+1) == '{':
			l.off++
			finish(tInterp, l.off-1)
			return
		case c == '\\' && strings.HasPrefix(l.src[l.off:], `\${`):
			skip(1)
			l.off += 2
			continue
		case c == '\r' && l.byteAt(l.off+1) == '\n':
			skip(1)
			continue
		case c == '\n':
			l.newline(l.off + 1)
		case c&0xC0 == 0x80:
			l.bol++
		}
		l.off++
	}
	l.tok.pos = start
	l.unterminated()
}

// unterminated reports a string without an end, at its beginning.
func (l *lexer) unterminated() {
	l.fail(LexUnterminatedString, l.tok.pos, "this string or character is not closed")
}

// checkLength reports a string of n bytes that is longer than allowed.
func (l *lexer) checkLength(n int, pos Pos) bool {
	if l.maxString <= 0 || n <= l.maxString {
		return true
	}
	l.failWith(&Error{Kind: KindLiteralTooLarge, Pos: pos,
		Msg: fmt.Sprintf("this string is longer than the limit of %d bytes", l.maxString)})
	return false
}
