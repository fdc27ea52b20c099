package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/picloud/picloud/rhai"
)

// corpusCase is one line of a corpus: a script and what native Rhai made of it.
type corpusCase struct {
	ID     string           `json:"id"`
	Topic  string           `json:"topic"`
	Script string           `json:"script"`
	Limits map[string]int64 `json:"limits"`
	Expect *expectation     `json:"expect"`
	Also   []expectation    `json:"also"`
	Approx bool             `json:"approx"`
	Quirk  bool             `json:"quirk"`
}

// outcome is what a script did.
type outcome struct {
	ID        string   `json:"id,omitempty"`
	OK        bool     `json:"ok"`
	Type      string   `json:"type,omitempty"`
	Debug     *string  `json:"debug,omitempty"`
	ErrorKind string   `json:"error_kind,omitempty"`
	RootKind  string   `json:"root_kind,omitempty"`
	Line      int      `json:"line,omitempty"`
	Col       int      `json:"col,omitempty"`
	Phase     string   `json:"phase,omitempty"`
	Printed   []string `json:"printed,omitempty"`

	catchable bool
	message   string
	kept      int // bytes of Printed
}

// Bounds of one case.
const (
	caseTime   = 10 * time.Second
	caseMemory = 64 << 20
	// casePrinted is how much of what a case prints is kept, in bytes.
	casePrinted = 8 << 20
)

// evalCases runs the cases on in and writes one outcome a line.
func evalCases(in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	w := bufio.NewWriter(out)
	defer w.Flush()
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var c corpusCase
			if err := json.Unmarshal(line, &c); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			if err := enc.Encode(runCase(c)); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// runCase runs one script in a fresh engine.
func runCase(c corpusCase) outcome {
	out := outcome{ID: c.ID}
	engine := rhai.New(rhai.Config{Limits: caseLimits(c.Limits)})
	prog, err := engine.Compile("", c.Script)
	if err != nil {
		out.fail(err)
		return out
	}
	ctx, cancel := context.WithTimeout(context.Background(), caseTime)
	defer cancel()
	vm := engine.NewVM()
	_, err = vm.Run(ctx, rhai.Run{
		Program: prog,
		Print: func(line string) error {
			out.print(line)
			return nil
		},
		Debug: func(line string, at rhai.Position) error {
			out.print(fmt.Sprintf("%d:%d | %s", at.Line, at.Column, line))
			return nil
		},
	}, func(v rhai.Value) error {
		text, err := vm.Inspect(v)
		text = bareClosures(text)
		out.OK, out.Type, out.Debug = true, v.TypeName(), &text
		return err
	})
	if err != nil {
		out.OK, out.Type, out.Debug = false, "", nil
		out.fail(err)
	}
	return out
}

// print keeps a line as long as there is room for it; what comes after that is
// dropped, and the script goes on.
func (o *outcome) print(line string) {
	const header = 16
	if o.kept += header + len(line); o.kept <= casePrinted {
		o.Printed = append(o.Printed, bareClosures(line))
	}
}

func (o *outcome) fail(err error) {
	var e *rhai.Error
	if !errors.As(err, &e) {
		o.ErrorKind, o.message = "internal", err.Error()
		return
	}
	o.ErrorKind, o.RootKind, o.Phase = e.Kind, e.RootKind(), e.Phase
	o.catchable, o.message = e.Catchable, e.Message
	if e.HasOuter {
		o.Line, o.Col = e.OuterLine, e.OuterColumn
	}
}

// closureNames matches the names of anonymous functions, which differ from
// program to program; corpora show their common part.
var closureNames = regexp.MustCompile(`anon\$[0-9a-f]{16}`)

func bareClosures(s string) string { return closureNames.ReplaceAllString(s, "anon$$") }

func caseLimits(given map[string]int64) rhai.Limits {
	l := rhai.Limits{Memory: caseMemory, Operations: 2_000_000_000}
	set := func(name string, dst *int, zero int) {
		if n, ok := given[name]; ok {
			if *dst = int(n); n == 0 {
				*dst = zero
			}
		}
	}
	if n, ok := given["max_operations"]; ok {
		l.Operations = n
	}
	set("max_call_levels", &l.CallLevels, -1)
	set("max_expr_depth", &l.ExprDepth, -1)
	set("max_fn_expr_depth", &l.FnExprDepth, -1)
	set("max_string_size", &l.StringSize, 0)
	set("max_array_size", &l.ArraySize, 0)
	set("max_map_size", &l.MapSize, 0)
	set("max_variables", &l.Variables, -1)
	set("max_functions", &l.Functions, -1)
	set("max_modules", &l.Modules, -1)
	return l
}
