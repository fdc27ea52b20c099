package api

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/picloud"
)

// Problem is every error of the API: application/problem+json, RFC 9457. It is
// an error itself.
type Problem struct {
	Type        string       `json:"type" doc:"Always about:blank: the code tells errors apart"`
	Title       string       `json:"title" doc:"The HTTP status in words"`
	Status      int          `json:"status"`
	Code        picloud.Code `json:"code" doc:"Stable, for programs"`
	Detail      string       `json:"detail" doc:"What is wrong, for people"`
	RequestID   string       `json:"request_id,omitempty" doc:"What to look for in the server's log"`
	Errors      []FieldError `json:"errors,omitempty" doc:"The fields at fault"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty" doc:"What is wrong in a script"`
}

// FieldError is what is wrong with one field of a request. It never holds the
// value that was sent: that may be a secret.
type FieldError struct {
	In      string `json:"in" enum:"body,path,query,header,cookie"`
	Pointer string `json:"pointer" doc:"A JSON pointer to the field in the body, such as #/scripts/0/name, or the name of the parameter"`
	Detail  string `json:"detail"`
}

// Error is the detail with its code.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s (%s)", p.Detail, p.Code)
}

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of a problem.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// Diagnostic is one finding in a script.
type Diagnostic struct {
	Script     string `json:"script,omitempty" doc:"The script, when there were several"`
	Message    string `json:"message"`
	Line       int    `json:"line,omitempty" doc:"From 1"`
	Column     int    `json:"column,omitempty" doc:"From 1, in characters"`
	SourceLine string `json:"source_line,omitempty" doc:"The text of the line, or of a long line what is near the column"`
	Caret      string `json:"caret,omitempty" doc:"Goes under source_line and points at the column"`
	Warning    bool   `json:"warning,omitempty" doc:"The script can be deployed all the same"`
}

// excerptChars is about how much of a line a diagnostic shows: a script may be
// a megabyte on one line.
const excerptChars = 120

// NewDiagnostic is d with its caret, ready to be shown.
func NewDiagnostic(script string, d picloud.Diagnostic) Diagnostic {
	line, column := excerpt(strings.TrimRight(d.SourceLine, "\r\n"), d.Column)
	return Diagnostic{
		Script: script, Message: d.Message, Line: d.Line, Column: d.Column,
		SourceLine: line, Caret: caret(line, column), Warning: d.Warning,
	}
}

// excerpt cuts a long line down to the part around the column, which moves
// along.
func excerpt(line string, column int) (string, int) {
	if utf8.RuneCountInString(line) <= excerptChars {
		return line, column
	}
	chars := []rune(line)
	from := max(0, min(column-1, len(chars))-excerptChars/2)
	to := min(len(chars), from+excerptChars)
	cut := string(chars[from:to])
	if to < len(chars) {
		cut += "…"
	}
	if from > 0 {
		return "…" + cut, column - from + 1
	}
	return cut, column
}

// caret is blank up to the column, with the tabs of the line kept so that it
// stays aligned however wide they are shown.
func caret(line string, column int) string {
	if line == "" || column < 1 {
		return ""
	}
	var b strings.Builder
	n := 1
	for _, c := range line {
		if n >= column {
			break
		}
		if c != '\t' {
			c = ' '
		}
		b.WriteRune(c)
		n++
	}
	for ; n < column; n++ {
		b.WriteByte(' ')
	}
	b.WriteByte('^')
	return b.String()
}

// Text is the finding as several lines for a terminal:
//
//	unknown variable 'x'
//	  --> hello.rhai:3:5
//	    |
//	  3 | let y = x;
//	    |         ^
func (d Diagnostic) Text(name string) string {
	if d.Line == 0 {
		return fmt.Sprintf("%s\n  --> %s", d.Message, name)
	}
	head := fmt.Sprintf("%s\n  --> %s:%d:%d", d.Message, name, d.Line, d.Column)
	if d.SourceLine == "" {
		return head
	}
	number := fmt.Sprint(d.Line)
	margin := strings.Repeat(" ", len(number))
	return fmt.Sprintf("%s\n  %s |\n  %s | %s\n  %s | %s", head, margin, number, d.SourceLine, margin, d.Caret)
}
