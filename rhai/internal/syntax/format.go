package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Format lays a program out anew: indentation by four spaces for each level of
// brackets, one way to put blanks between tokens, at most one empty line in a
// row, no blanks at the ends of lines. Lines stay broken where their author
// broke them, and comments stay where they are. Formatting twice changes
// nothing more.
//
// The error is that of Parse. Format never changes what a program means; a
// text that it cannot keep to that with (a string continued over lines may
// depend on its column in odd ways) is returned as it is.
func Format(source string) (string, error) {
	opts := Options{AllowFuncs: true, AllowClosures: true}
	before, err := Parse(source, opts)
	if err != nil {
		return "", err
	}
	f := formatter{pieces: split(source)}
	text := f.format()
	after, err := Parse(text, opts)
	if err != nil || Print(after) != Print(before) {
		return source, nil
	}
	return text, nil
}

// piece is a token or a comment with the line breaks before it.
type piece struct {
	kind   kind
	text   string
	col    int  // of the first character in the source
	breaks int  // line breaks before it
	glued  bool // nothing stands between it and the piece before
}

// Comments are pieces of these kinds, which no token has.
const (
	lineComment = kindCount + iota
	blockComment
)

func (p *piece) isComment() bool { return p.kind >= kindCount }

// split takes a text that parses apart. A back-tick string is one piece with
// all that is interpolated in it.
func split(source string) (pieces []piece) {
	var l lexer
	l.init(source)
	end := 0 // of the last token
	for {
		l.next()
		start := l.tok.off
		pieces = appendComments(pieces, source[end:start])
		if l.tok.kind == tEOF {
			return pieces
		}
		p := piece{kind: l.tok.kind, col: int(l.tok.pos.Col)}
		if p.kind == tInterp {
			l.skipInterp()
			p.kind = tString
		}
		gap := source[end:start]
		p.breaks, p.glued = breaksAfterComment(gap), gap == "" && end > 0
		end = l.off
		p.text = source[start:end]
		pieces = append(pieces, p)
	}
}

// skipInterp goes on from the first part of an interpolated string to its end.
func (l *lexer) skipInterp() {
	for l.tok.kind == tInterp {
		for depth := 0; ; {
			l.next()
			if k := l.tok.kind; k == tInterp {
				l.skipInterp()
				l.tok.kind = tString
			} else if k == tLBrace || k == tMapStart {
				depth++
			} else if k == tRBrace {
				if depth--; depth == 0 {
					break
				}
			}
		}
		l.continueText()
	}
}

// appendComments adds the comments of a gap between two tokens.
func appendComments(pieces []piece, gap string) []piece {
	breaks := 0
	for i := 0; i < len(gap); {
		switch c := gap[i]; {
		case c == '\n':
			breaks++
			i++
		case c != '/':
			i++
		default:
			kind, n := lineComment, commentEnd(gap[i:])
			if gap[i+1] == '*' {
				kind = blockComment
			}
			text := strings.TrimRight(gap[i:i+n], " \t\r\f")
			pieces = append(pieces, piece{kind: kind, text: text, breaks: breaks})
			i += n
			breaks = 0
		}
	}
	return pieces
}

// commentEnd is the length of the comment that s starts with, without the end
// of its line.
func commentEnd(s string) int {
	if s[1] == '/' {
		if n := strings.IndexAny(s, "\r\n"); n >= 0 {
			return n
		}
		return len(s)
	}
	depth := 0
	for i := 0; i < len(s)-1; i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// breaksAfterComment counts the line breaks of a gap after its last comment.
func breaksAfterComment(gap string) int {
	breaks := 0
	for i := 0; i < len(gap); {
		switch c := gap[i]; {
		case c == '\n':
			breaks++
			i++
		case c != '/':
			i++
		default:
			i += commentEnd(gap[i:])
			breaks = 0
		}
	}
	return breaks
}

type formatter struct {
	pieces   []piece
	out      strings.Builder
	indent   int // of the current line
	col      int // characters written on the current line
	brackets []bracket
	params   bool // between the bars of a closure's parameters
	last     int  // index of the last token before the current piece, or -1
	prefix   bool // that token is a prefix operator
}

// bracket is an open bracket; what is in it stands one level deeper than the
// line that opens it, however many brackets that line opens.
type bracket struct{ outer, inner int }

func (f *formatter) format() string {
	f.last = -1
	for i := range f.pieces {
		p := &f.pieces[i]
		f.place(i)
		f.write(p)
		if p.isComment() {
			continue
		}
		f.prefix = f.isPrefix(p.kind)
		f.track(p.kind)
		f.last = i
	}
	text := strings.TrimRightFunc(f.out.String(), unicode.IsSpace)
	if text == "" {
		return ""
	}
	return text + "\n"
}

// place writes what stands before the piece at index i.
func (f *formatter) place(i int) {
	if i == 0 {
		return
	}
	p, before := &f.pieces[i], &f.pieces[i-1]
	breaks := p.breaks
	if before.kind == lineComment {
		breaks = max(breaks, 1)
	}
	if breaks == 0 {
		if f.spaced(i) {
			f.out.WriteByte(' ')
			f.col++
		}
		return
	}
	f.out.WriteByte('\n')
	if breaks > 1 && !isOpener(before.kind) && !isCloser(p.kind) {
		f.out.WriteByte('\n')
	}
	f.indent = f.lineIndent(p.kind)
	for range f.indent {
		f.out.WriteString("    ")
	}
	f.col = 4 * f.indent
}

// lineIndent is the indentation of a line that starts with a piece of kind k.
func (f *formatter) lineIndent(k kind) int {
	base := 0
	if n := len(f.brackets); n > 0 {
		if isCloser(k) {
			return f.brackets[n-1].outer
		}
		base = f.brackets[n-1].inner
	}
	if f.continues(k) {
		return base + 1
	}
	return base
}

// continues reports whether a line that starts with k goes on with what the
// line before it began.
func (f *formatter) continues(k kind) bool {
	if f.last < 0 {
		return false
	}
	switch last := f.pieces[f.last].kind; last {
	case tSemicolon, tComma, tLBrace, tMapStart, tLParen, tLBracket, tElvisBracket:
		return false
	case tRBrace:
		return k == tDot || k == tElvis
	}
	return k != tLBrace
}

// track follows brackets and the bars of closures.
func (f *formatter) track(k kind) {
	switch {
	case isOpener(k):
		f.brackets = append(f.brackets, bracket{f.indent, f.indent + 1})
	case isCloser(k):
		if n := len(f.brackets); n > 0 {
			f.brackets = f.brackets[:n-1]
		}
	case k == tPipe:
		f.params = !f.params && !f.afterOperand()
	}
}

func isOpener(k kind) bool {
	return k == tLBrace || k == tMapStart || k == tLParen || k == tLBracket || k == tElvisBracket
}

func isCloser(k kind) bool { return k == tRBrace || k == tRParen || k == tRBracket }

// afterOperand reports whether the last token ends an operand, so that an
// operator after it is infix.
func (f *formatter) afterOperand() bool {
	return f.last >= 0 && endsOperand(f.pieces[f.last].kind)
}

func endsOperand(k kind) bool {
	switch k {
	case tIdent, tReservedWord, tInt, tFloat, tChar, tString, tUnit, tTrue, tFalse:
		return true
	}
	return isCloser(k)
}

func (f *formatter) isPrefix(k kind) bool {
	return (k == tMinus || k == tPlus || k == tBang) && !f.afterOperand()
}

// spaced decides whether a blank stands before the piece at i, which is on the
// same line as the one before it.
func (f *formatter) spaced(i int) bool {
	p, before := &f.pieces[i], &f.pieces[i-1]
	a, b := before.kind, p.kind
	switch {
	case b == tComma || b == tSemicolon || b == tColon:
		return false
	case p.isComment():
		return !isOpener(a) || a == tLBrace || a == tMapStart
	case before.isComment():
		return !isCloser(b) || b == tRBrace
	case isCloser(b) && (isOpener(a) || b != tRBrace):
		return false // `{}`, `x)`, `x]`
	case a == tLParen || a == tLBracket || a == tElvisBracket:
		return false
	case f.prefix:
		return f.spacedPrefix(before, p)
	case isJoiner(a) || isJoiner(b):
		return strings.HasSuffix(before.text, ".") && strings.HasPrefix(p.text, ".") // `1. ..2`
	case a == tRange || a == tRangeIncl:
		return p.text[0] == '=' // `a.. =>`
	case b == tRange || b == tRangeIncl:
		return !endsOperand(a) || strings.HasSuffix(before.text, ".")
	case a == tPipe && f.params, b == tPipe && f.params:
		return false
	case a == tBang || b == tBang && endsOperand(a): // `f!(x)`
		return false
	case b == tLParen || b == tUnit:
		return a != tIdent && a != tReservedWord
	case b == tLBracket || b == tElvisBracket:
		return !endsOperand(a) || a == tRBrace && !p.glued
	}
	return true
}

// isJoiner reports whether k has no blanks on either side.
func isJoiner(k kind) bool { return k == tDot || k == tElvis || k == tColon2 }

// spacedPrefix decides on the blank after a prefix operator: there is none,
// except where the operator would become part of another token.
func (f *formatter) spacedPrefix(op, p *piece) bool {
	switch p.kind {
	case tInt, tFloat: // `- 5.abs()` is not `-5.abs()`
		return !p.glued
	}
	return p.text[0] == op.text[0]
}

func (f *formatter) write(p *piece) {
	text := p.text
	if p.kind == tString && text[0] == '"' && strings.Contains(text, "\n") {
		text = realign(text, p.col, f.col+1)
	}
	f.out.WriteString(text)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		f.col = utf8.RuneCountInString(text[i+1:])
	} else {
		f.col += utf8.RuneCountInString(text)
	}
}

// realign moves a string that goes on over several lines from one column to
// another. Blanks at the start of a line belong to the string only past the
// column of its opening quote, so those before it move along.
func realign(text string, from, to int) string {
	lines := strings.Split(text, "\n")
	for i := 1; i < len(lines); i++ {
		body := strings.TrimLeftFunc(lines[i], unicode.IsSpace)
		blanks := []rune(lines[i][:len(lines[i])-len(body)])
		kept := ""
		if len(blanks) > from {
			kept = string(blanks[from:])
		}
		lines[i] = strings.Repeat(" ", to) + kept + body
	}
	return strings.Join(lines, "\n")
}
