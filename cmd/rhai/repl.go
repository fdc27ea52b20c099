package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// repl reads statements and runs them. A statement that is not complete is
// continued on the next line. What earlier statements declared stays visible:
// each input is run after the ones before it, whose output is dropped.
func repl(in io.Reader, out io.Writer) error {
	engine := rhai.New(rhai.Config{})
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	session := &session{engine: engine, vm: engine.NewVM(), out: out}
	fmt.Fprint(out, "rhai> ")
	pending := ""
	for lines.Scan() {
		pending += lines.Text() + "\n"
		if text := strings.TrimSpace(pending); text == "exit" || text == "quit" {
			return nil
		} else if text != "" && !session.enter(pending) {
			fmt.Fprint(out, "  ... ")
			continue
		}
		pending = ""
		fmt.Fprint(out, "rhai> ")
	}
	fmt.Fprintln(out)
	return lines.Err()
}

// session is what a repl has run so far.
type session struct {
	engine *rhai.Engine
	vm     *rhai.VM
	out    io.Writer
	before string // the inputs that succeeded
	seen   int    // lines they print
}

// enter runs one input; it returns false when the input is not complete.
func (s *session) enter(input string) bool {
	source := s.before + input
	prog, err := s.engine.Compile("", source)
	if err != nil {
		if incomplete(err) {
			return false
		}
		s.fail(source, err)
		return true
	}
	printed := 0
	_, err = s.vm.Run(context.Background(), rhai.Run{Program: prog, Print: func(line string) error {
		if printed++; printed > s.seen {
			fmt.Fprintln(s.out, line)
		}
		return nil
	}}, func(v rhai.Value) error {
		if v.IsUnit() {
			return nil
		}
		text, err := s.vm.Inspect(v)
		fmt.Fprintln(s.out, text)
		return err
	})
	if err != nil {
		s.fail(source, err)
		return true
	}
	s.before, s.seen = strings.TrimRight(source, "\n\t ;")+";\n", printed
	return true
}

func (s *session) fail(source string, err error) { fmt.Fprint(s.out, rhai.FormatError(source, err)) }

// incomplete reports whether more input could mend the error.
func incomplete(err error) bool {
	var e *rhai.Error
	return errors.As(err, &e) && (e.Kind == "UnexpectedEOF" || e.Kind == "MissingToken" && strings.Contains(e.Message, "end of input"))
}
