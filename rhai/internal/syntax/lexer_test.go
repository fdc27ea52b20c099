package syntax

import (
	"fmt"
	"strings"
	"testing"
)

// lexAll shows the tokens of a text: kind or value, and position.
func lexAll(src string, maxString int) string {
	var l lexer
	l.init(src)
	l.maxString = maxString
	var out []string
	for {
		l.next()
		t := &l.tok
		var s string
		switch t.kind {
		case tEOF:
			s = "EOF"
		case tError:
			s = t.err.Kind
			if t.err.Lex != "" {
				s = t.err.Lex
			}
		case tInt:
			s = fmt.Sprintf("int(%d)", t.int)
		case tFloat:
			s = fmt.Sprintf("float(%v)", t.float)
		case tChar:
			s = fmt.Sprintf("char(%q)", rune(t.int))
		case tString:
			s = fmt.Sprintf("%q", t.text)
		case tInterp:
			s = fmt.Sprintf("interp(%q)", t.text)
		case tIdent:
			s = t.text
		case tReservedWord, tReservedSym:
			s = "reserved(" + t.text + ")"
		default:
			s = kindText[t.kind]
		}
		out = append(out, fmt.Sprintf("%s@%d:%d", s, t.pos.Line, t.pos.Col))
		if t.kind == tEOF || t.kind == tError {
			return strings.Join(out, " ")
		}
	}
}

func TestLexer(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "EOF@1:1"},
		{"a\n b\r\nc", "a@1:1 b@2:2 c@3:1 EOF@3:2"},
		{"éé", "UnexpectedInput@1:1"},
		{"\"éé\" x 'é' y", `"éé"@1:1 x@1:6 char('é')@1:8 y@1:12 EOF@1:13`},
		{"/* é\n /* */ é */ a // é\nb", "a@2:13 b@3:1 EOF@3:2"},
		{"a // x\rb", "a@1:1 b@2:1 EOF@2:2"},
		{"a /* b /* c */", "a@1:1 EOF@1:15"},
		{"/**/ a", "a@1:6 EOF@1:7"},

		{"1_0 0xff 0o17 0b101 0XF_F", "int(10)@1:1 int(255)@1:5 int(15)@1:10 int(5)@1:15 int(255)@1:21 EOF@1:26"},
		{"0b102", "int(2)@1:1 int(2)@1:5 EOF@1:6"},
		{"0x 1", "MalformedNumber@1:1"},
		{"0xffffffffffffffff", "int(-1)@1:1 EOF@1:19"},
		{"0x1ffffffffffffffff", "MalformedNumber@1:1"},
		{"-0x1", "MalformedNumber@1:1"},
		{"9223372036854775807 9223372036854775808", "int(9223372036854775807)@1:1 float(9.223372036854776e+18)@1:21 EOF@1:40"},
		{"-9223372036854775808", "int(-9223372036854775808)@1:1 EOF@1:21"},
		{"1.5 1. 1.a 1..2 1._ 1.5e3", "float(1.5)@1:1 float(1)@1:5 int(1)@1:8 .@1:9 a@1:10 int(1)@1:12 ..@1:13 int(2)@1:15 int(1)@1:17 .@1:18 _@1:19 float(1500)@1:21 EOF@1:26"},
		{"1e5 1e-2 1e", "float(100000)@1:1 float(0.01)@1:5 int(1)@1:10 e@1:11 EOF@1:12"},
		{"1e+", "MalformedNumber@1:1"},
		{"1e999 123.", "float(+Inf)@1:1 int(123)@1:7 .@1:10 EOF@1:11"},
		{"a -1 (-1) => -1", "a@1:1 -@1:3 int(1)@1:4 (@1:6 int(-1)@1:7 )@1:9 =>@1:11 -@1:14 int(1)@1:15 EOF@1:16"},

		{`"a\t\n\r\\\"\x41\u00e9\U0001F600"`, `"a\t\n\r\\\"Aé😀"@1:1 EOF@1:34`},
		{`"a\0"`, "MalformedEscapeSequence@1:4"},
		{`"\x4g"`, "MalformedEscapeSequence@1:5"},
		{`"\ud800"`, "MalformedEscapeSequence@1:7"},
		{`"\U00110000"`, "MalformedEscapeSequence@1:11"},
		{`"a""b" 'c' '''`, `"a\"b"@1:1 char('c')@1:8 MalformedChar@1:12`},
		{`'\'' 'ab'`, `char('\'')@1:1 MalformedChar@1:6`},
		{"'\\\n'", "UnterminatedString@1:1"},
		{"\"a\nb\"", "UnterminatedString@1:1"},
		{"\"a\\\n   b\\\r\n c\" d", `"a  bc"@1:1 d@3:5 EOF@3:6`},
		{"\"abc", "UnterminatedString@1:1"},
		{"\"abc\\", "UnterminatedString@1:1"},

		{"`\na\n\\n``b` c", "\"a\\n\\\\n`b\"@1:1 c@3:8 EOF@3:9"},
		{"`a\\${b` c", "\"a${b\"@1:1 c@1:9 EOF@1:10"},
		{"`a\r\nb\rc`", `"a\nb\rc"@1:1 EOF@2:5`},
		{"`a$", "UnterminatedString@1:1"},
		{"`a$$b${", "interp(\"a$$b\")@1:1 {@1:7 EOF@1:8"},

		{"#\"a\"b\n\"# x ##\"\"#\"## ", "\"a\\\"b\\n\"@1:1 x@2:4 \"\\\"#\"@2:6 EOF@2:15"},
		{"#\"a", "UnterminatedString@1:1"},
		{"## a", "UnexpectedInput@1:1"},

		{"() ( ) (*", "()@1:1 (@1:4 )@1:6 ImproperSymbol@1:8"},
		{"!in !inx !=", "!in@1:1 !@1:5 inx@1:6 !=@1:10 EOF@1:12"},
		{"?. ?[ ?? ? ...", "?.@1:1 ?[@1:4 ??@1:7 reserved(?)@1:10 reserved(...)@1:12 EOF@1:15"},
		{"#{ # {", "#{@1:1 ImproperSymbol@1:4"},
		{"===", "ImproperSymbol@1:1"},
		{"_a __b1 _", "_a@1:1 __b1@1:4 _@1:9 EOF@1:10"},
		{"__", "MalformedIdentifier@1:1"},
		{"_1", "MalformedIdentifier@1:1"},
		{"var exit this", "reserved(var)@1:1 exit@1:5 reserved(this)@1:10 EOF@1:14"},
	}
	for _, tt := range tests {
		if got := lexAll(tt.in, 0); got != tt.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// TestStringLimit checks every form of string at the limit and past it.
func TestStringLimit(t *testing.T) {
	for _, s := range []string{"\"abc\"", "\"a\\tc\"", "\"a\"\"c\"", "`abc`", "`a``c`", "#\"abc\"#", "`abc${"} {
		if got := lexAll(s, 3); strings.Contains(got, KindLiteralTooLarge) {
			t.Errorf("%s has 3 bytes and is refused: %s", s, got)
		}
		if got := lexAll(s, 2); got != "LiteralTooLarge@1:1" {
			t.Errorf("%s has 3 bytes and passes a limit of 2: %s", s, got)
		}
	}
}
