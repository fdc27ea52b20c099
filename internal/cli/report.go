package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// failure is an error with what to do about it.
type failure struct {
	err  error
	hint string
}

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }

// hinted is an error with a hint.
func hinted(hint, format string, args ...any) error {
	return &failure{err: fmt.Errorf(format, args...), hint: hint}
}

// silent is a failure of which everything has been said already.
var errSilent = errors.New("failed")

// sourceError is a script that does not compile, with the name under which its
// reader knows it.
type sourceError struct {
	name        string
	diagnostics []api.Diagnostic
}

func (e *sourceError) Error() string { return e.name + " does not compile" }

// report tells a person what went wrong, in a line and perhaps a hint, and is
// the exit code.
func (c *command) report(err error) int {
	if errors.Is(err, errSilent) {
		return exitFailed
	}
	var source *sourceError
	if errors.As(err, &source) {
		c.reportSource(source)
		return exitFailed
	}
	fmt.Fprintf(c.Stderr, "error: %s\n", visible(err.Error()))
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(c.Stderr, "hint: %s\n", hint)
	}
	return exitCode(err)
}

func (c *command) reportSource(e *sourceError) {
	for _, d := range e.diagnostics {
		name := e.name
		if d.Script != "" && name == "" {
			name = d.Script
		}
		writeDiagnostic(c.Stderr, name, d)
	}
}

// writeDiagnostic shows a finding with its source line and caret.
func writeDiagnostic(w io.Writer, name string, d api.Diagnostic) {
	kind := "error"
	if d.Warning {
		kind = "warning"
	}
	fmt.Fprintf(w, "%s: %s\n", kind, visible(d.Text(name)))
}

func exitCode(err error) int {
	var usage *usageError
	var problem *api.Problem
	switch {
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	case errors.As(err, &problem) && (problem.Status == 401 || problem.Status == 403), errors.Is(err, errNotSignedIn):
		return exitRefused
	}
	return exitFailed
}

// hintFor is what a person can do about an error, or "".
func hintFor(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.hint
	}
	var problem *api.Problem
	if errors.As(err, &problem) {
		return hintForCode(problem.Code)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "is the server running? Start one with: picloud serve"
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "is the address right? See it with: picloud whoami"
	}
	return ""
}

func hintForCode(code picloud.Code) string {
	switch code {
	case picloud.CodeUnauthenticated:
		return "sign in with: picloud login URL --username USER"
	case picloud.CodeSetupRequired:
		return "the server prints the setup link when it starts"
	case picloud.CodeInternal:
		return "the server's log says more, under the request id"
	}
	return ""
}

// plain takes from a network error what a person does not need: the method and
// the address are in the message that wraps it.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
