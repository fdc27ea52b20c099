package syntax

import (
	"fmt"
	"strconv"
)

// Error is the first thing that is wrong with a source text. Kind and Pos are
// those of native Rhai, which programs and tests rely on; Msg is our own and
// written for people.
type Error struct {
	Kind string // one of the Kind constants
	Lex  string // one of the Lex constants when Kind is KindBadInput, else ""
	Pos  Pos    // unknown for an error that concerns the whole text
	Msg  string // without kind and position, no full stop at the end
}

func (e *Error) Error() string {
	if !e.Pos.Known() {
		return e.Msg
	}
	return fmt.Sprintf("%s (line %d, position %d)", e.Msg, e.Pos.Line, e.Pos.Col)
}

// Kinds of parse errors.
const (
	KindUnexpectedEOF            = "UnexpectedEOF"
	KindBadInput                 = "BadInput"
	KindUnknownOperator          = "UnknownOperator"
	KindMissingToken             = "MissingToken"
	KindMalformedIndexExpr       = "MalformedIndexExpr"
	KindMalformedCapture         = "MalformedCapture"
	KindDuplicatedProperty       = "DuplicatedProperty"
	KindDuplicatedVariable       = "DuplicatedVariable"
	KindWrongSwitchIntegerCase   = "WrongSwitchIntegerCase"
	KindWrongSwitchDefaultCase   = "WrongSwitchDefaultCase"
	KindWrongSwitchCaseCondition = "WrongSwitchCaseCondition"
	KindPropertyExpected         = "PropertyExpected"
	KindVariableExpected         = "VariableExpected"
	KindReserved                 = "Reserved"
	KindMismatchedType           = "MismatchedType"
	KindExprExpected             = "ExprExpected"
	KindWrongFnDefinition        = "WrongFnDefinition"
	KindFnDuplicatedDefinition   = "FnDuplicatedDefinition"
	KindFnMissingName            = "FnMissingName"
	KindFnMissingParams          = "FnMissingParams"
	KindFnDuplicatedParam        = "FnDuplicatedParam"
	KindFnMissingBody            = "FnMissingBody"
	KindWrongExport              = "WrongExport"
	KindAssignmentToConstant     = "AssignmentToConstant"
	KindAssignmentToInvalidLHS   = "AssignmentToInvalidLHS"
	KindExprTooDeep              = "ExprTooDeep"
	KindTooManyFunctions         = "TooManyFunctions"
	KindLiteralTooLarge          = "LiteralTooLarge"
	KindLoopBreak                = "LoopBreak"
)

// Kinds of bad input.
const (
	LexUnexpectedInput         = "UnexpectedInput"
	LexUnterminatedString      = "UnterminatedString"
	LexMalformedEscapeSequence = "MalformedEscapeSequence"
	LexMalformedNumber         = "MalformedNumber"
	LexMalformedChar           = "MalformedChar"
	LexMalformedIdentifier     = "MalformedIdentifier"
	LexImproperSymbol          = "ImproperSymbol"
)

func badInput(lex string, pos Pos, msg string) *Error {
	return &Error{Kind: KindBadInput, Lex: lex, Pos: pos, Msg: msg}
}

// quote shows a piece of the source in a message, shortened so that a message
// stays one readable line whatever the script holds.
func quote(s string) string {
	const most = 40
	n := 0
	for i := range s {
		if n++; n > most {
			s = s[:i] + "…"
			break
		}
	}
	return "`" + escapeControls(s) + "`"
}

func escapeControls(s string) string {
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			q := strconv.Quote(s)
			return q[1 : len(q)-1]
		}
	}
	return s
}
