package executor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// Check compiles a source under the default limits and says what is wrong with
// it. It can be deployed when that is nothing, or nothing but warnings.
func (e *Executor) Check(source string) []picloud.Diagnostic {
	return e.CheckSettings(source, picloud.Settings{})
}

// CheckSettings is Check for a script that asks for limits of its own, or for
// messages, or has schedules.
func (e *Executor) CheckSettings(source string, settings picloud.Settings) []picloud.Diagnostic {
	if err := picloud.ValidateSource(source); err != nil {
		return []picloud.Diagnostic{{Message: messageOf(err)}}
	}
	p, err := e.engines.of(settings.Limits.Or(picloud.DefaultLimits())).compile("script", source)
	var script *rhai.Error
	switch {
	case errors.As(err, &script):
		return []picloud.Diagnostic{{
			Message: shorten(script.Message), Line: script.Line, Column: script.Column, SourceLine: sourceLine(source, script.Line),
		}}
	case err != nil:
		return []picloud.Diagnostic{{Message: err.Error()}}
	}
	found := checkHandlers(p, source)
	if name := eventHandlers[picloud.TriggerMessage]; len(settings.Subscriptions) > 0 && !p.prog.HasFunc(name, 1) {
		found = append(found, picloud.Diagnostic{Message: "the script subscribes to topics, but has no fn " + name + "(message)"})
	}
	if name := eventHandlers[picloud.TriggerSchedule]; len(settings.Schedules) > 0 && !p.prog.HasFunc(name, 1) {
		found = append(found, picloud.Diagnostic{Message: "the script has schedules, but no fn " + name + "(event)"})
	}
	return append(found, warnings(p, source)...)
}

// warnings are what is likely a mistake in a script that compiles. A handler
// has one parameter whether it needs it or not.
func warnings(p *program, source string) []picloud.Diagnostic {
	handlerLines := map[int]bool{}
	for _, f := range p.prog.Funcs() {
		if slices.Contains(handlers[:], f.Name) {
			handlerLines[f.Line] = true
		}
	}
	var found []picloud.Diagnostic
	for _, d := range p.prog.Warnings() {
		if d.Code == rhai.WarnUnusedParameter && handlerLines[d.Line] {
			continue
		}
		found = append(found, picloud.Diagnostic{
			Message: d.Message, Line: d.Line, Column: d.Column, SourceLine: sourceLine(source, d.Line), Warning: true,
		})
	}
	return found
}

// checkHandlers finds handlers that PiCloud would not call because they do not
// have one parameter.
func checkHandlers(p *program, source string) []picloud.Diagnostic {
	var found []picloud.Diagnostic
	for _, f := range p.prog.Funcs() {
		if !slices.Contains(handlers[:], f.Name) || len(f.Params) == 1 || p.prog.HasFunc(f.Name, 1) {
			continue
		}
		found = append(found, picloud.Diagnostic{
			Message: fmt.Sprintf("fn %s is called with one argument, but has %d parameters", f.Name, len(f.Params)),
			Line:    f.Line, Column: 1, SourceLine: sourceLine(source, f.Line),
		})
	}
	return found
}

func messageOf(err error) string {
	var e *picloud.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// sourceLine is line n of a source, from 1, without its end; "" when there is
// none.
func sourceLine(source string, n int) string {
	for ; n > 1; n-- {
		i := strings.IndexByte(source, '\n')
		if i < 0 {
			return ""
		}
		source = source[i+1:]
	}
	if n < 1 {
		return ""
	}
	line, _, _ := strings.Cut(source, "\n")
	return strings.TrimSuffix(line, "\r")
}
