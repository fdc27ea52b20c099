package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/rhai"
)

// session is a conversation. A machine's values end with its run, so each
// input is run after all those before it. Nothing of that shows: what they
// print is dropped, what they slept is not slept again, and the clock tells
// them what it told them the first time, so that they do the same again.
type session struct {
	engine *rhai.Engine
	vm     *rhai.VM
	out    io.Writer
	done   bool
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error

	inputs []string // those that succeeded, each ready to be followed by more
	past   effects  // what they did
}

// effects are what a run did that can be seen from outside, or saw of the
// outside.
type effects struct {
	lines, sleeps int
	times         []time.Time
}

func newSession(out io.Writer) *session {
	engine := rhai.New(rhai.Config{})
	return &session{engine: engine, vm: engine.NewVM(), out: out, now: time.Now, sleep: sleep}
}

// sleep waits, but not beyond the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) reset() {
	s.inputs, s.past = nil, effects{}
}

// enter runs one input. It returns false when the input is not complete,
// unless it is all there is.
func (s *session) enter(input string, all bool) bool {
	before := strings.Join(s.inputs, "")
	prog, err := s.engine.Compile("", before+input)
	if s.redefines(input, err) {
		return true
	}
	if !all && (incomplete(err, before+input) || s.openComment(before+input)) {
		return false
	}
	if err != nil {
		s.fail(before, input, err)
		return true
	}
	now, err := s.run(prog, s.past, s.show)
	switch {
	case err != nil:
		s.fail(before, input, err)
	case s.ends(before+closed(input), now):
		fmt.Fprintln(s.out, "(this ends the script; the session goes on without it)")
	default:
		s.inputs, s.past = append(s.inputs, closed(input)), now
	}
	return true
}

// openComment reports whether a source ends in a comment that is not closed:
// what follows it has no effect.
func (s *session) openComment(source string) bool {
	if !strings.Contains(source, "/*") {
		return false
	}
	_, err := s.engine.Compile("", source+"\n)")
	return err == nil
}

// ends reports whether a source leaves the script by return or exit, so that
// nothing after it would run.
func (s *session) ends(source string, past effects) bool {
	if !strings.Contains(source, "return") && !strings.Contains(source, "exit") {
		return false
	}
	const mark = "the end of the session's script"
	prog, err := s.engine.Compile("", source+`"`+mark+`"`)
	if err != nil {
		return false
	}
	reached := false
	_, err = s.run(prog, past, func(v rhai.Value) error {
		text, _ := v.AsString()
		reached = text == mark
		return nil
	})
	return err == nil && !reached
}

// show prints the value of an input.
func (s *session) show(v rhai.Value) error {
	if v.IsUnit() {
		return nil
	}
	text, err := s.vm.Inspect(v)
	if err == nil {
		fmt.Fprintln(s.out, text)
	}
	return err
}

// run runs everything so far and shows what goes beyond the past.
func (s *session) run(prog *rhai.Program, past effects, use func(rhai.Value) error) (effects, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var now effects
	line := func(text string) error {
		if now.lines++; now.lines > past.lines {
			fmt.Fprintln(s.out, text)
		}
		return nil
	}
	_, err := s.vm.Run(ctx, rhai.Run{
		Program: prog,
		Print:   line,
		Debug: func(text string, at rhai.Position) error {
			return line(fmt.Sprintf("%d:%d | %s", at.Line, at.Column, text))
		},
		Now: func() time.Time {
			t := s.now()
			if n := len(now.times); n < len(past.times) {
				t = past.times[n]
			}
			now.times = append(now.times, t)
			return t
		},
		Sleep: func(ctx context.Context, d time.Duration) error {
			if now.sleeps++; now.sleeps <= past.sleeps {
				return nil
			}
			return s.sleep(ctx, d)
		},
	}, use)
	return now, err
}

// closed is an input that others can follow: a comment at its end is ended by
// the line, an expression by the semicolon, and its value is not that of an
// input that has none.
func closed(input string) string { return strings.TrimRight(input, "; \t\r\n") + inputEnd }

const inputEnd = "\n;();\n"

// redefines replaces a function that was entered before, on its own, by the
// input when that is a function of the same name and number of parameters. It
// is as if it had been entered so in the first place: what depends on it is
// computed anew, silently. It returns false when the input is nothing of the
// kind.
func (s *session) redefines(input string, err error) bool {
	var e *rhai.Error
	if !errors.As(err, &e) || e.Kind != "FnDuplicatedDefinition" {
		return false
	}
	fn, ok := s.onlyFunction(input)
	if !ok {
		return false
	}
	for i, earlier := range s.inputs {
		old, ok := s.onlyFunction(strings.TrimSuffix(earlier, inputEnd))
		if ok && old.Name == fn.Name && len(old.Params) == len(fn.Params) {
			s.replace(i, input)
			return true
		}
	}
	return false
}

// replace puts another input in the place of input i, if all that follows runs
// with it.
func (s *session) replace(i int, input string) {
	inputs := slices.Clone(s.inputs)
	inputs[i] = closed(input)
	source := strings.Join(inputs, "")
	prog, err := s.engine.Compile("", source)
	now := effects{}
	if err == nil {
		silent := effects{lines: math.MaxInt, sleeps: math.MaxInt, times: s.past.times}
		now, err = s.run(prog, silent, func(rhai.Value) error { return nil })
	}
	if err != nil {
		fmt.Fprintln(s.out, "(with the new function, what was entered before fails; the old one is kept)")
		s.fail("", source, err)
		return
	}
	s.inputs, s.past = inputs, now
}

// onlyFunction is the function that an input consists of.
func (s *session) onlyFunction(input string) (rhai.FuncInfo, bool) {
	text := strings.TrimSpace(input)
	if !strings.HasPrefix(text, "fn ") && !strings.HasPrefix(text, "private fn ") {
		return rhai.FuncInfo{}, false
	}
	// The brace that closes the first one must be the end.
	depth := 0
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 && i != len(text)-1 {
				return rhai.FuncInfo{}, false
			}
		}
	}
	prog, err := s.engine.Compile("", input)
	if err != nil || len(prog.Funcs()) != 1 {
		return rhai.FuncInfo{}, false
	}
	return prog.Funcs()[0], true
}

// fail shows an error with its place in the input, or in all of the session
// when it is in what was entered before.
func (s *session) fail(before, input string, err error) {
	var e *rhai.Error
	skip := strings.Count(before, "\n")
	if !errors.As(err, &e) {
		fmt.Fprintln(s.out, err)
		return
	}
	if e.Line <= skip {
		fmt.Fprint(s.out, rhai.FormatError(before+input, e))
		return
	}
	here := *e
	here.Line -= skip
	here.Trace = nil
	for _, f := range e.Trace {
		if f.Line > skip {
			f.Line -= skip
		} else {
			f.Line = 0
		}
		here.Trace = append(here.Trace, f)
	}
	fmt.Fprint(s.out, rhai.FormatError(input, &here))
}
