package rhai

import (
	"errors"
	"fmt"
	"strings"

	"github.com/picloud/picloud/rhai/internal/lint"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// Severity says how bad a [Diagnostic] is.
type Severity string

const (
	// SeverityError: the script does not compile.
	SeverityError Severity = "error"
	// SeverityWarning: the script compiles, but something in it is a mistake
	// or does nothing.
	SeverityWarning Severity = "warning"
)

// Codes of the warnings. The code of an error is its Kind; see [Error].
const (
	// WarnUnknownFunction: a call that no function of the script, of the
	// library or of the embedder answers, by its name and number of arguments.
	WarnUnknownFunction = lint.UnknownFunction
	// WarnUnknownModule: a module that is neither imported nor the embedder's.
	WarnUnknownModule = lint.UnknownModule
	// WarnUnknownVariable: a name that stands for nothing where it is used.
	WarnUnknownVariable = lint.UnknownVariable
	// WarnConstantChanged: a method that would change the constant it is called
	// on.
	WarnConstantChanged = lint.ConstantChanged
	// WarnUnusedVariable: a variable that nothing reads.
	WarnUnusedVariable = lint.UnusedVariable
	// WarnUnusedParameter: a parameter that the function does not use.
	WarnUnusedParameter = lint.UnusedParameter
	// WarnUnreachable: a statement after one that always leaves the block.
	WarnUnreachable = lint.Unreachable
)

// Diagnostic is something that [Engine.Check] found in a source text.
type Diagnostic struct {
	// Source is the name that was given to Check.
	Source string
	// Line and Column are where the finding begins, from 1; 0 when it concerns
	// the whole text. Columns count characters.
	Line, Column int
	// EndColumn is the column after the last character of the finding, on the
	// same line. It is Column+1 for an error, 0 when Line is.
	EndColumn int
	Severity  Severity
	// Code names the kind of finding for programs: one of the Warn constants,
	// or the Kind of an [Error].
	Code string
	// Message is one line for people, without the position.
	Message string
}

// String is the finding in one line, as compilers write it:
// "name:line:column: severity: message [code]".
func (d Diagnostic) String() string {
	where := ""
	if d.Source != "" {
		where = d.Source + ":"
	}
	if d.Line > 0 {
		where += fmt.Sprintf("%d:%d:", d.Line, d.Column)
	}
	if where != "" {
		where += " "
	}
	return fmt.Sprintf("%s%s: %s [%s]", where, d.Severity, d.Message, d.Code)
}

// Check finds mistakes in a source text without running it. When the text does
// not compile, the result is that one error. Otherwise it is warnings, in the
// order of the text, at most 200.
//
// A warning about a name that is unknown means that the script is certain to
// fail when it gets there, as far as anything is certain: where names are made
// up at run time, by eval for example, Check is silent. It does not look into
// imported modules. Inside try, where an error may be meant, it only reports
// what looks like a slip of the pen. A name that begins with an underscore may be unused.
//
// name and globals are as for [Engine.Compile]. Check does not bill operations;
// its time grows with the text.
func (e *Engine) Check(name, source string, globals ...Global) []Diagnostic {
	prog, err := e.Compile(name, source, globals...)
	if err != nil {
		return []Diagnostic{errorDiagnostic(name, err)}
	}
	return prog.Warnings()
}

// Warnings are what [Engine.Check] finds in the program's source. The source is
// read again each time.
func (p *Program) Warnings() []Diagnostic {
	e := p.engine
	file, err := syntax.Parse(p.Source(), e.parseOptions())
	if err != nil {
		return nil // it did parse when it was compiled
	}
	lib := lint.Library{
		Registry:  e.registry,
		HasModule: (*hostModules)(e).HasModule,
		HasConstant: func(module, name string) bool {
			_, ok := (*hostModules)(e).Constant(module, name)
			return ok
		},
	}
	for _, g := range p.globals {
		lib.Globals = append(lib.Globals, g.Name)
	}
	for _, m := range e.cfg.Modules {
		lib.Modules = append(lib.Modules, m.name)
	}
	var out []Diagnostic
	for _, f := range lint.Check(file, lib) {
		out = append(out, Diagnostic{
			Source: p.Name(), Line: int(f.Pos.Line), Column: int(f.Pos.Col), EndColumn: int(f.EndCol),
			Severity: SeverityWarning, Code: f.Code, Message: f.Msg,
		})
	}
	return out
}

func errorDiagnostic(name string, err error) Diagnostic {
	d := Diagnostic{Source: name, Severity: SeverityError, Message: err.Error()}
	var e *Error
	if errors.As(err, &e) {
		d.Message, d.Code, d.Line, d.Column = e.Message, e.Kind, e.Line, e.Column
	}
	if d.Line > 0 {
		d.EndColumn = d.Column + 1
	}
	return d
}

// FormatDiagnostic shows a finding with the source line it points at, in the
// manner of [FormatError].
func FormatDiagnostic(source string, d Diagnostic) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s [%s]\n", d.Severity, d.Message, d.Code)
	excerpt(&b, d.Source, source, d.Line, d.Column, d.EndColumn-d.Column)
	return b.String()
}
