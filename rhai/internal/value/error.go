package value

import (
	"fmt"

	"github.com/picloud/picloud/rhai/internal/syntax"
)

// ErrKind names a run-time error as native Rhai does.
type ErrKind string

// The kinds of run-time errors.
const (
	ErrParsing          ErrKind = "ErrorParsing"
	ErrVariableExists   ErrKind = "ErrorVariableExists"
	ErrForbidden        ErrKind = "ErrorForbiddenVariable"
	ErrVariableNotFound ErrKind = "ErrorVariableNotFound"
	ErrPropertyNotFound ErrKind = "ErrorPropertyNotFound"
	ErrIndexNotFound    ErrKind = "ErrorIndexNotFound"
	ErrFunctionNotFound ErrKind = "ErrorFunctionNotFound"
	ErrModuleNotFound   ErrKind = "ErrorModuleNotFound"
	ErrInFunctionCall   ErrKind = "ErrorInFunctionCall"
	ErrInModule         ErrKind = "ErrorInModule"
	ErrUnboundThis      ErrKind = "ErrorUnboundThis"
	ErrMismatchDataType ErrKind = "ErrorMismatchDataType"
	ErrMismatchOutput   ErrKind = "ErrorMismatchOutputType"
	ErrIndexingType     ErrKind = "ErrorIndexingType"
	ErrArrayBounds      ErrKind = "ErrorArrayBounds"
	ErrStringBounds     ErrKind = "ErrorStringBounds"
	ErrBitFieldBounds   ErrKind = "ErrorBitFieldBounds"
	ErrFor              ErrKind = "ErrorFor"
	ErrDataRace         ErrKind = "ErrorDataRace"
	ErrAssignConstant   ErrKind = "ErrorAssignmentToConstant"
	ErrDotExpr          ErrKind = "ErrorDotExpr"
	ErrArithmetic       ErrKind = "ErrorArithmetic"
	ErrTooManyOps       ErrKind = "ErrorTooManyOperations"
	ErrTooManyModules   ErrKind = "ErrorTooManyModules"
	ErrTooManyVariables ErrKind = "ErrorTooManyVariables"
	ErrStackOverflow    ErrKind = "ErrorStackOverflow"
	ErrDataTooLarge     ErrKind = "ErrorDataTooLarge"
	ErrTerminated       ErrKind = "ErrorTerminated"
	ErrNonPureOnConst   ErrKind = "ErrorNonPureMethodCallOnConstant"
	ErrCustomSyntax     ErrKind = "ErrorCustomSyntax"
	ErrRuntime          ErrKind = "ErrorRuntime"
	// ErrMemory is ours: the bytes alive passed the limit.
	ErrMemory ErrKind = "ErrorTooMuchMemory"
)

// Error is a run-time error. Natives return it without a position; the machine
// fills in the place of the call. Errors are not changed once they were
// caught.
type Error struct {
	Kind ErrKind
	Msg  string // our own words, without the position
	Pos  syntax.Pos
	// Origin is where a limit was reached: Pos is then the call at the top
	// level, where native reports it.
	Origin syntax.Pos
	// NoPos keeps Pos unknown: native gives none for errors of plain operators.
	NoPos bool
	// OfValue is set when an assignment failed because of the value, not of the
	// place: the error belongs to the right-hand side.
	OfValue bool
	// Value is what was thrown, for ErrRuntime.
	Value Value
	// Inner is the error that a function call, module or eval wraps.
	Inner *Error
	// Name is the function, variable, property or type the error is about.
	Name string
	// Index, Length and the types appear in the map that catch receives.
	Index, Length     int64
	Requested, Actual string
	HasIndex          bool
	// Source names the program the error arose in; "" is the main one.
	Source string
	// Parse is the parser's error (*syntax.Error) behind ErrParsing.
	Parse error
	// Cause is a Go error a native failed with; it is never shown to scripts.
	Cause error
}

func (e *Error) Error() string {
	msg := e.Msg
	if e.Kind == ErrInFunctionCall && e.Inner != nil {
		msg = fmt.Sprintf("in call to %s: %s", e.Name, e.Inner.Error())
	}
	if e.Pos.Known() {
		return fmt.Sprintf("%d:%d: %s", e.Pos.Line, e.Pos.Col, msg)
	}
	return msg
}

// Unwrap gives the wrapped error, or the Go error behind this one.
func (e *Error) Unwrap() error {
	if e.Inner != nil {
		return e.Inner
	}
	return e.Cause
}

// Root is the innermost error.
func (e *Error) Root() *Error {
	for e.Inner != nil {
		e = e.Inner
	}
	return e
}

// Catchable reports whether a script's catch may stop the error. Limits may
// not be caught, nor may programs that do not parse.
func (e *Error) Catchable() bool {
	if e.Kind == ErrInFunctionCall || e.Kind == ErrInModule {
		// eval and import wrap every error, and make a parse error catchable.
		root := e.Root()
		return root.Kind == ErrParsing || root.Catchable()
	}
	switch e.Kind {
	case ErrTooManyOps, ErrTooManyModules, ErrTooManyVariables, ErrStackOverflow, ErrDataTooLarge,
		ErrTerminated, ErrMemory, ErrParsing, ErrCustomSyntax:
		return false
	}
	return true
}

// Errorf makes an error of kind k.
func Errorf(k ErrKind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// MemoryLimit is the error of a heap whose limit is reached.
func MemoryLimit(limit int64) *Error {
	return Errorf(ErrMemory, "out of memory: the script's values need more than %d bytes", limit)
}

// TooLarge is the error of a value above its size limit; what is "string",
// "array" or "map".
func TooLarge(what string, limit int) *Error {
	return Errorf(ErrDataTooLarge, "%s too large: the limit is %d", what, limit)
}

// NotFound is the error of a call that no function accepts.
func NotFound(signature string) *Error {
	e := Errorf(ErrFunctionNotFound, "no such function: %s", signature)
	e.Name = signature
	return e
}

// Mismatch is the error of a value of the wrong type.
func Mismatch(want, got string) *Error {
	e := Errorf(ErrMismatchDataType, "expected %s, found %s", want, got)
	e.Requested, e.Actual = want, got
	return e
}

// ArrayBounds is the error of an index outside an array or blob.
func ArrayBounds(index, length int64) *Error {
	return bounds(ErrArrayBounds, "array", "elements", index, length)
}

// StringBounds is the error of an index outside a string.
func StringBounds(index, length int64) *Error {
	return bounds(ErrStringBounds, "string", "characters", index, length)
}

// BitBounds is the error of a bit index outside an integer.
func BitBounds(index int64) *Error {
	return bounds(ErrBitFieldBounds, "bit field", "bits", index, 64)
}

func bounds(k ErrKind, what, unit string, index, length int64) *Error {
	e := Errorf(k, "index %d is outside the %s, which has %d %s", index, what, length, unit)
	e.Index, e.Length, e.HasIndex = index, length, true
	return e
}
