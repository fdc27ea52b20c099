package syntax

// kind is the kind of a token.
type kind uint8

const (
	tEOF   kind = iota
	tError      // the lexer's error is in token.err

	tInt
	tFloat
	tChar
	tString
	tInterp // the text of a back-tick string up to a `${`
	tIdent
	tReservedWord // a word that scripts may not use as a name
	tReservedSym  // a symbol that means nothing yet, such as `++`

	tLBrace
	tRBrace
	tLParen
	tRParen
	tLBracket
	tRBracket
	tUnit     // `()`
	tMapStart // `#{`
	tSemicolon
	tComma
	tColon
	tColon2
	tDot
	tElvis        // `?.`
	tElvisBracket // `?[`
	tArrow        // `=>`
	tAssign
	tUnderscore
	tBang

	// Infix operators, in the order of infixTable.
	tPlus
	tMinus
	tStar
	tSlash
	tPercent
	tPower
	tShl
	tShr
	tAmp
	tPipe
	tCaret
	tEq
	tNe
	tLt
	tLe
	tGt
	tGe
	tAndAnd
	tOrOr
	tCoalesce
	tIn
	tNotIn
	tRange
	tRangeIncl

	// Assignments with an operator.
	tPlusAssign
	tMinusAssign
	tStarAssign
	tSlashAssign
	tPercentAssign
	tPowerAssign
	tShlAssign
	tShrAssign
	tAmpAssign
	tPipeAssign
	tCaretAssign

	// Keywords.
	tTrue
	tFalse
	tLet
	tConst
	tIf
	tElse
	tSwitch
	tDo
	tWhile
	tUntil
	tLoop
	tFor
	tContinue
	tBreak
	tFn
	tPrivate
	tReturn
	tThrow
	tTry
	tCatch
	tImport
	tExport
	tAs

	kindCount
)

// token is one token of the source. Text is the name of an identifier or
// reserved word, the value of a string, or the symbol as written.
type token struct {
	kind  kind
	pos   Pos
	off   int // of the first byte
	text  string
	int   int64 // also the rune of a tChar
	float float64
	err   *Error
}

var kindText = [kindCount]string{
	tEOF: "end of input", tLBrace: "{", tRBrace: "}", tLParen: "(", tRParen: ")", tLBracket: "[", tRBracket: "]",
	tUnit: "()", tMapStart: "#{", tSemicolon: ";", tComma: ",", tColon: ":", tColon2: "::", tDot: ".", tElvis: "?.",
	tElvisBracket: "?[", tArrow: "=>", tAssign: "=", tUnderscore: "_", tBang: "!",
	tPlus: "+", tMinus: "-", tStar: "*", tSlash: "/", tPercent: "%", tPower: "**", tShl: "<<", tShr: ">>", tAmp: "&",
	tPipe: "|", tCaret: "^", tEq: "==", tNe: "!=", tLt: "<", tLe: "<=", tGt: ">", tGe: ">=", tAndAnd: "&&", tOrOr: "||",
	tCoalesce: "??", tIn: "in", tNotIn: "!in", tRange: "..", tRangeIncl: "..=",
	tPlusAssign: "+=", tMinusAssign: "-=", tStarAssign: "*=", tSlashAssign: "/=", tPercentAssign: "%=",
	tPowerAssign: "**=", tShlAssign: "<<=", tShrAssign: ">>=", tAmpAssign: "&=", tPipeAssign: "|=", tCaretAssign: "^=",
	tTrue: "true", tFalse: "false", tLet: "let", tConst: "const", tIf: "if", tElse: "else", tSwitch: "switch", tDo: "do",
	tWhile: "while", tUntil: "until", tLoop: "loop", tFor: "for", tContinue: "continue", tBreak: "break", tFn: "fn",
	tPrivate: "private", tReturn: "return", tThrow: "throw", tTry: "try", tCatch: "catch", tImport: "import",
	tExport: "export", tAs: "as",
}

// infix describes an infix operator: a greater precedence binds tighter.
type infix struct {
	prec  int8
	right bool // right-associative
	op    Op
}

// infixTable has a zero precedence for every token that is no infix operator.
var infixTable = [kindCount]infix{
	tOrOr:      {30, false, OpOr},
	tPipe:      {30, false, OpBitOr},
	tCaret:     {30, false, OpBitXor},
	tAndAnd:    {60, false, OpAnd},
	tAmp:       {60, false, OpBitAnd},
	tEq:        {75, false, OpEq},
	tNe:        {75, false, OpNe},
	tIn:        {80, false, OpIn},
	tNotIn:     {80, false, OpNotIn},
	tLt:        {85, false, OpLt},
	tLe:        {85, false, OpLe},
	tGt:        {85, false, OpGt},
	tGe:        {85, false, OpGe},
	tCoalesce:  {90, false, OpCoalesce},
	tRange:     {95, false, OpRange},
	tRangeIncl: {95, false, OpRangeIncl},
	tPlus:      {100, false, OpAdd},
	tMinus:     {100, false, OpSub},
	tStar:      {105, false, OpMul},
	tSlash:     {105, false, OpDiv},
	tPercent:   {105, false, OpMod},
	tPower:     {110, true, OpPow},
	tShl:       {115, false, OpShl},
	tShr:       {115, false, OpShr},
}

// assignOp is the operator of a compound assignment.
var assignOp = [kindCount]Op{
	tPlusAssign: OpAdd, tMinusAssign: OpSub, tStarAssign: OpMul, tSlashAssign: OpDiv, tPercentAssign: OpMod,
	tPowerAssign: OpPow, tShlAssign: OpShl, tShrAssign: OpShr, tAmpAssign: OpBitAnd, tPipeAssign: OpBitOr,
	tCaretAssign: OpBitXor,
}

// signFollows tells after which tokens a `-` glued to a digit belongs to the
// number. Everywhere else it is an operator, even where no operand can stand
// before it (`=> -1`): the value is the same then, but not the tree of
// `=> -1.abs()`.
var signFollows = [kindCount]bool{
	tError: true, tSemicolon: true, tColon: true, tComma: true, tCoalesce: true, tRange: true, tRangeIncl: true,
	tLBrace: true, tLParen: true, tLBracket: true, tElvisBracket: true, tPlus: true, tMinus: true, tStar: true,
	tSlash: true, tPercent: true, tPower: true, tShl: true, tShr: true, tPlusAssign: true, tMinusAssign: true,
	tStarAssign: true, tSlashAssign: true, tPercentAssign: true, tPowerAssign: true, tShlAssign: true,
	tShrAssign: true, tAmpAssign: true, tPipeAssign: true, tCaretAssign: true, tAssign: true, tEq: true, tNe: true,
	tLt: true, tLe: true, tGt: true, tGe: true, tBang: true, tPipe: true, tAmp: true, tCaret: true, tAndAnd: true,
	tOrOr: true, tIn: true, tNotIn: true, tIf: true, tWhile: true, tUntil: true, tReturn: true, tThrow: true,
}

// wordKind classifies a word: keyword, reserved or a plain identifier.
func wordKind(s string) kind {
	switch s {
	case "_":
		return tUnderscore
	case "as":
		return tAs
	case "break":
		return tBreak
	case "catch":
		return tCatch
	case "const":
		return tConst
	case "continue":
		return tContinue
	case "do":
		return tDo
	case "else":
		return tElse
	case "export":
		return tExport
	case "false":
		return tFalse
	case "fn":
		return tFn
	case "for":
		return tFor
	case "if":
		return tIf
	case "import":
		return tImport
	case "in":
		return tIn
	case "let":
		return tLet
	case "loop":
		return tLoop
	case "private":
		return tPrivate
	case "return":
		return tReturn
	case "switch":
		return tSwitch
	case "throw":
		return tThrow
	case "true":
		return tTrue
	case "try":
		return tTry
	case "until":
		return tUntil
	case "while":
		return tWhile
	case "async", "await", "call", "case", "curry", "debug", "default", "eval", "Fn", "go", "goto", "is",
		"is_def_fn", "is_def_var", "is_shared", "match", "module", "new", "nil", "null", "package", "print",
		"protected", "public", "shared", "spawn", "static", "super", "sync", "this", "thread", "type_of", "use",
		"var", "void", "with", "yield":
		return tReservedWord
	}
	return tIdent
}

// callable reports whether a reserved word is a built-in function, and whether
// it may also be called in the manner of a method.
func callable(word string) (function, method bool) {
	switch word {
	case "call", "curry", "is_shared", "type_of":
		return true, true
	case "debug", "eval", "Fn", "is_def_fn", "is_def_var", "print":
		return true, false
	}
	return false, false
}

// IsReserved reports whether s is a keyword, a reserved word or a symbol, with
// a meaning or without.
func IsReserved(s string) bool {
	if s != "" && s[0] < 0x80 {
		for _, sym := range symbols[s[0]] {
			if s == sym.text {
				return true
			}
		}
	}
	return wordKind(s) != tIdent
}

// IsIdentifier reports whether s has the form of a name: ASCII letters, digits
// and underscores, where the first character after any leading underscores is
// a letter. Reserved words have that form too.
func IsIdentifier(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '_' {
			return isLetter(c) && wordEnd(s, i) == len(s)
		}
	}
	return false
}

func isLetter(c byte) bool   { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool    { return c-'0' <= 9 }
func isWordByte(c byte) bool { return wordBytes[c] }

var wordBytes = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = b == '_' || isLetter(b) || isDigit(b)
	}
	return t
}()

// wordEnd is the offset after the word bytes that start at i.
func wordEnd(s string, i int) int {
	for i < len(s) && wordBytes[s[i]] {
		i++
	}
	return i
}

// describe names the token in a message.
func (t *token) describe() string {
	switch t.kind {
	case tEOF:
		return "the end of the script"
	case tIdent:
		return "the name " + quote(t.text)
	case tReservedWord:
		return "the reserved word " + quote(t.text)
	case tReservedSym:
		return quote(t.text)
	case tString:
		return "a string"
	case tInterp:
		return "an interpolated string"
	case tInt, tFloat:
		return "a number"
	case tChar:
		return "a character"
	case tError:
		return "a malformed token"
	}
	return "`" + kindText[t.kind] + "`"
}
