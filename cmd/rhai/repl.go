package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/picloud/picloud/rhai"
)

const replHelp = `Enter statements; the value of the last one is shown. What is not complete goes
on in the next line. An input that fails leaves nothing behind. A function can be
defined again, as if it had been so from the start.

  :help        this text
  :load FILE   enter what is in a file
  :reset       forget everything
  :quit        leave, as does the end of the input (Ctrl-D)

On a terminal, Ctrl-C drops what was typed or stops what runs, and the arrow
keys bring back earlier lines, of earlier sessions too.
`

// Prompts.
const (
	promptFirst = "rhai> "
	promptMore  = "  ... "
)

// errInterrupted is what a lineReader returns when the user gave up on a line.
var errInterrupted = errors.New("interrupted")

// lineReader gives the lines of a session, without their ends; io.EOF when
// there are no more.
type lineReader interface {
	readLine(prompt string) (string, error)
}

// repl reads statements and runs them.
func repl(in io.Reader, out io.Writer) error {
	if t, ok := newTerminal(in, out); ok {
		fmt.Fprintln(out, "Rhai. Enter :help for help, :quit to leave.")
		return newSession(out).talk(t)
	}
	return newSession(out).talk(newPlainLines(in, out))
}

// talk enters what lines gives until it ends.
func (s *session) talk(lines lineReader) error {
	pending := ""
	for {
		prompt := promptFirst
		if pending != "" {
			prompt = promptMore
		}
		line, err := lines.readLine(prompt)
		switch {
		case errors.Is(err, errInterrupted):
			pending = ""
			continue
		case err != nil:
			if strings.TrimSpace(pending) != "" {
				s.enter(pending, true)
			}
			if err == io.EOF {
				err = nil
			}
			return err
		}
		if text := strings.TrimSpace(line); pending == "" && (text == "" || s.command(text)) {
			if s.done {
				return nil
			}
			continue
		}
		if pending += line + "\n"; s.enter(pending, false) {
			pending = ""
		}
		if s.done {
			return nil
		}
	}
}

// command carries out a line that is not for the language, and reports whether
// it was one.
func (s *session) command(line string) bool {
	name, arg, _ := strings.Cut(line, " ")
	switch arg = strings.TrimSpace(arg); {
	case line == ":quit" || line == ":q" || line == "exit" || line == "quit":
		s.done = true
	case line == ":help":
		fmt.Fprint(s.out, replHelp)
	case line == ":reset":
		s.reset()
	case name == ":load" && arg != "":
		source, err := os.ReadFile(arg)
		if err != nil {
			fmt.Fprintln(s.out, err)
			break
		}
		s.enter(string(source)+"\n", true)
	case name == ":load":
		fmt.Fprintln(s.out, ":load takes the name of a file")
	case strings.HasPrefix(line, ":"):
		fmt.Fprintf(s.out, "no command %s; :help lists them\n", name)
	default:
		return false
	}
	return true
}

// incomplete reports whether more input could mend the error, which is in
// source.
func incomplete(err error, source string) bool {
	var e *rhai.Error
	switch {
	case !errors.As(err, &e):
		return false
	case e.Detail == "UnterminatedString":
		// Strings in back-ticks go over several lines, others do not.
		lines := strings.Split(source, "\n")
		line := []rune(lines[min(e.Line, len(lines))-1])
		return e.Column >= 1 && e.Column <= len(line) && line[e.Column-1] == '`'
	case e.Kind == "UnexpectedEOF":
		return true
	}
	// Where something was missing at the end.
	end := strings.TrimRight(source, " \t\r\n")
	last := strings.Count(end, "\n") + 1
	return e.Phase == "parse" && (e.Line > last || e.Line == last && e.Column > len([]rune(end[strings.LastIndexByte(end, '\n')+1:])))
}
