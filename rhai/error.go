package rhai

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Error is an error of a script: one that does not parse, or one that failed
// while it ran.
type Error struct {
	// Kind is native Rhai's name of the error: "ErrorArithmetic",
	// "ErrorInFunctionCall", "MissingToken", …; ErrorTooMuchMemory is ours.
	Kind string
	// Detail is the reason inside a parse error of kind BadInput, or "".
	Detail string
	// Phase is "parse" or "eval".
	Phase string
	// Message is our own words for the innermost error, without a position.
	Message string
	// Line and Column are where the innermost error arose; 0 when unknown.
	Line, Column int
	// OuterLine and OuterColumn are the position of the error as native
	// reports it: of the outermost call it passed through. HasOuter is false
	// where native reports none.
	OuterLine, OuterColumn int
	HasOuter               bool
	// Source is the name of the program it arose in.
	Source string
	// Trace lists the calls that the error passed through, innermost first.
	Trace []Frame
	// Thrown is what the script threw, as Go data, when Root().Kind is
	// "ErrorRuntime".
	Thrown any
	// Catchable reports whether the script could have caught it.
	Catchable bool

	root  string
	inner []string
	cause error
}

// Frame is a call that an error passed through.
type Frame struct {
	Function     string
	Line, Column int // of the call; 0 when unknown
}

// Error is the message with its position.
func (e *Error) Error() string {
	where := ""
	if e.Source != "" {
		where = e.Source + ":"
	}
	if e.Line > 0 {
		where += fmt.Sprintf("%d:%d:", e.Line, e.Column)
	}
	if where == "" {
		return e.Message
	}
	return where + " " + e.Message
}

// Unwrap is the Go error behind this one: the context's, a native function's,
// or nil.
func (e *Error) Unwrap() error { return e.cause }

// RootKind is the kind of the innermost error.
func (e *Error) RootKind() string { return e.root }

// InnerKinds are the kinds of the errors that this one wraps, outermost first.
func (e *Error) InnerKinds() []string { return e.inner }

// Limit names the limit that ended the run: "operations", "memory", "depth",
// "size", "variables", "modules" or "cancelled"; "" when none did.
func (e *Error) Limit() string {
	switch value.ErrKind(e.root) {
	case value.ErrTooManyOps:
		return "operations"
	case value.ErrMemory:
		return "memory"
	case value.ErrStackOverflow:
		return "depth"
	case value.ErrDataTooLarge:
		return "size"
	case value.ErrTooManyVariables:
		return "variables"
	case value.ErrTooManyModules:
		return "modules"
	case value.ErrTerminated:
		return "cancelled"
	}
	return ""
}

func parseError(name, source string, err error) error {
	var p *syntax.Error
	if !errors.As(err, &p) {
		return err
	}
	return &Error{
		Kind: p.Kind, Detail: p.Lex, Phase: "parse", Message: p.Msg, Line: int(p.Pos.Line), Column: int(p.Pos.Col),
		OuterLine: int(p.Pos.Line), OuterColumn: int(p.Pos.Col), HasOuter: p.Pos.Known(),
		Source: name, root: p.Kind,
	}
}

// scriptError turns an error of the machine into the public one.
func (v *VM) scriptError(p *Program, err error) error {
	e, ok := err.(*value.Error)
	if !ok {
		return err
	}
	out := &Error{
		Kind: string(e.Kind), Phase: "eval", Source: p.Name(), Catchable: e.Catchable(),
		OuterLine: int(e.Pos.Line), OuterColumn: int(e.Pos.Col), HasOuter: e.Pos.Known() && !e.NoPos,
	}
	for x := e; ; x = x.Inner {
		if x.Pos.Known() {
			out.Line, out.Column = int(x.Pos.Line), int(x.Pos.Col)
		}
		if x.Origin.Known() {
			out.Line, out.Column = int(x.Origin.Line), int(x.Origin.Col)
		}
		if x.Source != "" {
			out.Source = x.Source
		}
		if x.Inner == nil {
			out.Message, out.root, out.cause = x.Msg, string(x.Kind), x.Cause
			if x.Kind == value.ErrRuntime {
				out.Thrown = v.thrown(x)
			}
			break
		}
		out.Trace = append([]Frame{{x.Name, int(x.Pos.Line), int(x.Pos.Col)}}, out.Trace...)
		out.inner = append(out.inner, string(x.Inner.Kind))
	}
	return out
}

// thrown converts what was thrown. A value too large to convert within the
// run's limits is given as its shortened text.
func (v *VM) thrown(e *value.Error) any {
	x, err := v.heap.Go(Value{e.Value})
	if err != nil {
		return e.Msg
	}
	return x
}

// FormatError shows an error with the source line it points at and a caret
// under the column. source is the text of the program that was run; errors
// that are not of a script are shown as they are.
func FormatError(source string, err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString("error: " + e.Message + "\n")
	margin := excerpt(&b, e.Source, source, e.Line, e.Column, 1)
	if e.Line == 0 {
		return b.String()
	}
	for _, f := range e.Trace {
		if f.Line > 0 {
			fmt.Fprintf(&b, "%s = in a call to %s at %d:%d\n", margin, f.Function, f.Line, f.Column)
		} else {
			fmt.Fprintf(&b, "%s = in a call to %s\n", margin, f.Function)
		}
	}
	return b.String()
}

// excerpt writes the place and its line of the source with carets under width
// columns, and returns the blanks that stand before what follows. line is 0
// when the place is unknown.
func excerpt(b *strings.Builder, name, source string, line, column, width int) (margin string) {
	if name == "" {
		name = "script"
	}
	if line == 0 {
		fmt.Fprintf(b, "  --> %s\n", name)
		return ""
	}
	number := fmt.Sprint(line)
	margin = strings.Repeat(" ", len(number))
	fmt.Fprintf(b, "%s--> %s:%d:%d\n", margin, name, line, column)
	if text, ok := sourceLine(source, line); ok {
		shown, blanks := clip(text, column)
		most := utf8.RuneCountInString(shown) - utf8.RuneCountInString(blanks)
		carets := strings.Repeat("^", max(1, min(width, most)))
		fmt.Fprintf(b, "%s |\n%s | %s\n%s | %s%s\n", margin, number, shown, margin, blanks, carets)
	}
	return margin
}

// sourceLine is line n of a text, counted from 1.
func sourceLine(source string, n int) (string, bool) {
	for ; n > 1; n-- {
		i := strings.IndexByte(source, '\n')
		if i < 0 {
			return "", false
		}
		source = source[i+1:]
	}
	line, _, _ := strings.Cut(source, "\n")
	return strings.TrimSuffix(line, "\r"), true
}

// clip cuts a long line around the column, and gives the blanks that stand
// before the caret. Tabs stay tabs, so that the caret lines up.
func clip(line string, column int) (shown, blanks string) {
	const width = 120
	runes := []rune(line)
	if !utf8.ValidString(line) {
		runes = []rune(strings.ToValidUTF8(line, "�"))
	}
	from := 0
	if column > width*3/4 && len(runes) > width {
		from = min(column-width/2, len(runes))
	}
	to := min(len(runes), from+width)
	var pad strings.Builder
	for _, r := range runes[from:min(to, max(from, column-1))] {
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteByte(' ')
		}
	}
	return string(runes[from:to]), pad.String()
}
