package syntax

import (
	"strings"
	"unicode/utf8"
)

// lexer turns source text into tokens, one at a time. Its current token is
// tok; next replaces it. An error becomes a token of its own, so that the
// parser reports it only where native Rhai would: a token nobody looks at is
// no error.
//
// The source must be valid UTF-8. Columns count characters: bol is the offset
// of the first byte of the line, moved on by the number of continuation bytes
// passed since, so that the column of a byte is its distance from bol.
type lexer struct {
	src       string
	off       int // of the next byte to read
	line      int32
	bol       int
	tok       token
	maxString int // longest string literal in bytes, 0 for any

	docs    []string // doc comments directly before tok
	fileDoc []string
}

func (l *lexer) init(src string) {
	l.src, l.line = src, 1
	l.tok.kind = tSemicolon // so that a script may start with a negative number
}

// at is the position of the byte at off, which must be on the current line.
func (l *lexer) at(off int) Pos { return Pos{l.line, int32(off-l.bol) + 1} }

// newline notes that the line ends just before off.
func (l *lexer) newline(off int) {
	l.line++
	l.bol = off
}

// byteAt is the byte at i, or 0 past the end.
func (l *lexer) byteAt(i int) byte {
	if i < len(l.src) {
		return l.src[i]
	}
	return 0
}

// next reads the next token into l.tok.
func (l *lexer) next() {
	signed := signFollows[l.tok.kind]
	l.docs = l.docs[:0]
	l.skipBlank()
	l.tok.pos, l.tok.off = l.at(l.off), l.off
	if l.off >= len(l.src) {
		l.tok.kind = tEOF
		return
	}
	switch c := l.src[l.off]; {
	case isLetter(c) || c == '_':
		l.word()
	case isDigit(c):
		l.number(false)
	case c == '-' && signed && isDigit(l.byteAt(l.off+1)):
		l.off++
		l.number(true)
	case c == '"':
		l.quoted()
	case c == '\'':
		l.char()
	case c == '`':
		l.backtick()
	case c == '#' && (l.byteAt(l.off+1) == '"' || l.byteAt(l.off+1) == '#'):
		l.raw()
	default:
		l.symbol(c)
	}
}

func (l *lexer) fail(lex string, pos Pos, msg string) { l.failWith(badInput(lex, pos, msg)) }

func (l *lexer) failWith(err *Error) {
	l.tok.kind, l.tok.pos, l.tok.err = tError, err.Pos, err
}

// skipBlank skips white space and comments.
func (l *lexer) skipBlank() {
	for l.off < len(l.src) {
		switch l.src[l.off] {
		case '\n':
			l.off++
			l.newline(l.off)
		case ' ', '\t', '\r', '\f':
			l.off++
		case '/':
			switch l.byteAt(l.off + 1) {
			case '/':
				l.lineComment()
			case '*':
				l.blockComment()
			default:
				return
			}
		default:
			return
		}
	}
}

// lineComment skips a comment and the end of its line, which here, and only
// here, may be a lone carriage return.
func (l *lexer) lineComment() {
	rest := l.src[l.off:]
	end := strings.IndexAny(rest, "\r\n")
	text := rest
	if end >= 0 {
		text = rest[:end]
	}
	l.keepDoc(text, "///", "////")
	if strings.HasPrefix(text, "//!") {
		l.fileDoc = append(l.fileDoc, text)
	}
	if end < 0 {
		l.bol += continuationBytes(text)
		l.off = len(l.src)
		return
	}
	end++
	if rest[end-1] == '\r' && end < len(rest) && rest[end] == '\n' {
		end++
	}
	l.off += end
	l.newline(l.off)
}

// blockComment skips a comment, with the comments inside it. One that is not
// closed runs to the end of the script.
func (l *lexer) blockComment() {
	start, depth := l.off, 0
	for i := l.off; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == '/' && l.byteAt(i+1) == '*':
			depth++
			i++
		case c == '*' && l.byteAt(i+1) == '/':
			depth--
			i++
			if depth == 0 {
				l.off = i + 1
				if text := l.src[start:l.off]; text != "/**/" {
					l.keepDoc(text, "/**", "/***")
				}
				return
			}
		case c == '\n':
			l.newline(i + 1)
		case c&0xC0 == 0x80:
			l.bol++
		}
	}
	l.off = len(l.src)
}

// keepDoc remembers a comment that starts with mark but not with ruler, the
// form of a line of slashes or stars drawn as decoration.
func (l *lexer) keepDoc(text, mark, ruler string) {
	if strings.HasPrefix(text, mark) && !strings.HasPrefix(text, ruler) {
		l.docs = append(l.docs, text)
	}
}

// continuationBytes counts the bytes of s that are not the first of a character.
func continuationBytes(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i]&0xC0 == 0x80 {
			n++
		}
	}
	return n
}

func (l *lexer) word() {
	start := l.off
	l.off = wordEnd(l.src, start)
	s := l.src[start:l.off]
	l.tok.kind, l.tok.text = wordKind(s), s
	if s[0] == '_' && len(s) > 1 && !IsIdentifier(s) {
		l.fail(LexMalformedIdentifier, l.tok.pos,
			quote(s)+" is not a valid name: after leading underscores, a name needs a letter")
	}
}

// symbols lists the symbols that start with a byte, longest first.
var symbols = [128][]symbol{
	'{': {{"{", tLBrace}},
	'}': {{"}", tRBrace}},
	'(': {{"()", tUnit}, {"(*", tError}, {"(", tLParen}},
	')': {{")", tRParen}},
	'[': {{"[", tLBracket}},
	']': {{"]", tRBracket}},
	';': {{";", tSemicolon}},
	',': {{",", tComma}},
	'+': {{"+=", tPlusAssign}, {"++", tReservedSym}, {"+", tPlus}},
	'-': {{"-=", tMinusAssign}, {"->", tError}, {"--", tReservedSym}, {"-", tMinus}},
	'*': {{"**=", tPowerAssign}, {"**", tPower}, {"*=", tStarAssign}, {"*)", tError}, {"*", tStar}},
	'/': {{"/=", tSlashAssign}, {"/", tSlash}},
	'%': {{"%=", tPercentAssign}, {"%", tPercent}},
	'^': {{"^=", tCaretAssign}, {"^", tCaret}},
	'&': {{"&&", tAndAnd}, {"&=", tAmpAssign}, {"&", tAmp}},
	'|': {{"||", tOrOr}, {"|=", tPipeAssign}, {"|>", tReservedSym}, {"|", tPipe}},
	'=': {{"===", tError}, {"==", tEq}, {"=>", tArrow}, {"=", tAssign}},
	'!': {{"!==", tError}, {"!=", tNe}, {"!.", tReservedSym}, {"!in", tNotIn}, {"!", tBang}},
	'<': {{"<<=", tShlAssign}, {"<<", tShl}, {"<=", tLe}, {"<-", tError}, {"<|", tReservedSym}, {"<", tLt}},
	'>': {{">>=", tShrAssign}, {">>", tShr}, {">=", tGe}, {">", tGt}},
	':': {{"::<", tError}, {"::", tColon2}, {":=", tError}, {":;", tError}, {":", tColon}},
	'.': {{"...", tReservedSym}, {"..=", tRangeIncl}, {"..", tRange}, {".", tDot}},
	'?': {{"?.", tElvis}, {"??", tCoalesce}, {"?[", tElvisBracket}, {"?", tReservedSym}},
	'#': {{"#{", tMapStart}, {"#!", tReservedSym}, {"# {", tError}, {"#", tReservedSym}},
	'~': {{"~", tReservedSym}},
	'@': {{"@", tReservedSym}},
	'$': {{"$", tReservedSym}},
}

type symbol struct {
	text string
	kind kind
}

// foreign says what to write instead of a symbol of another language.
var foreign = map[string]string{
	"===": "to compare, write `==`",
	"!==": "to compare, write `!=`",
	"->":  "functions do not declare what they return, and `.` reaches a property",
	"<-":  "to compare with a negative number, leave a space after `<`",
	":=":  "to declare a variable, write `let name = …`; to assign, `=`",
	":;":  "a path is written with `::`",
	"::<": "there are no type parameters",
	"(*":  "comments are written `/* … */`",
	"*)":  "comments are written `/* … */`",
	"# {": "a map is written `#{ … }`, without a space after `#`",
}

func (l *lexer) symbol(c byte) {
	if c < utf8.RuneSelf {
		for _, s := range symbols[c] {
			if !strings.HasPrefix(l.src[l.off:], s.text) {
				continue
			}
			if s.kind == tNotIn && isWordByte(l.byteAt(l.off+len(s.text))) {
				continue // `!inside`
			}
			l.off += len(s.text)
			l.tok.kind, l.tok.text = s.kind, s.text
			if s.kind == tError {
				l.fail(LexImproperSymbol, l.tok.pos, "`"+s.text+"` is not a symbol of Rhai: "+foreign[s.text])
			}
			return
		}
	}
	r, size := utf8.DecodeRuneInString(l.src[l.off:])
	l.off += size
	l.bol += size - 1
	l.fail(LexUnexpectedInput, l.tok.pos, "unexpected character "+quote(string(r)))
}
