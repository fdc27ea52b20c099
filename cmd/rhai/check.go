package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"

	"github.com/picloud/picloud/rhai"
)

// finding is a diagnostic in the form that `check -o json` prints.
type finding struct {
	File      string        `json:"file"`
	Line      int           `json:"line,omitempty"`
	Column    int           `json:"column,omitempty"`
	EndColumn int           `json:"end_column,omitempty"`
	Severity  rhai.Severity `json:"severity"`
	Code      string        `json:"code"`
	Message   string        `json:"message"`
}

// check reports what is wrong in scripts without running them.
func check(args []string, in io.Reader, out, errs io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	strict := flags.Bool("strict", false, "")
	form := flags.String("o", "text", "")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 || *form != "text" && *form != "json" {
		return usageError("check takes at least one file, and --strict and -o text|json before it")
	}
	engine := rhai.New(rhai.Config{})
	all, failed := []finding{}, false
	for _, name := range flags.Args() {
		source, err := readSource(name, in)
		if err != nil {
			return err
		}
		found := engine.Check(name, source)
		for _, d := range found {
			failed = failed || *strict || d.Severity == rhai.SeverityError
			all = append(all, finding{name, d.Line, d.Column, d.EndColumn, d.Severity, d.Code, d.Message})
			if *form == "text" {
				fmt.Fprint(errs, rhai.FormatDiagnostic(source, d))
			}
		}
		if *form == "text" && len(found) == 0 {
			fmt.Fprintf(out, "%s: ok\n", name)
		}
	}
	if *form == "json" {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(all); err != nil {
			return err
		}
	}
	if failed {
		return errFailed
	}
	return nil
}
