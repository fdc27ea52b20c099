package lint

import (
	"strings"

	"github.com/picloud/picloud/rhai/internal/syntax"
)

// variable is a name that a script declares.
type variable struct {
	name     string
	at       syntax.Pos
	kind     kind
	constant bool
	read     bool
	written  bool
	closures int // around the declaration
	hides    *variable
}

type kind uint8

const (
	local kind = iota
	parameter
	item    // of a for loop
	counter // of a for loop
	caught
)

// scope is the variables visible at a place, innermost last.
type scope struct {
	vars []*variable
	top  map[string]*variable // the innermost of each name
}

func (s *scope) declare(v *variable) {
	if s.top == nil {
		s.top = map[string]*variable{}
	}
	v.hides = s.top[v.name]
	s.top[v.name] = v
	s.vars = append(s.vars, v)
}

// names lists the visible names, for suggestions.
func (s *scope) names() []string {
	var out []string
	for _, v := range s.vars {
		out = append(out, v.name)
	}
	return out
}

// leave forgets the variables after the first n and reports those that nobody
// read.
func (c *checker) leave(n int) {
	for i := len(c.scope.vars) - 1; i >= n; i-- {
		v := c.scope.vars[i]
		if v.hides == nil {
			delete(c.scope.top, v.name)
		} else {
			c.scope.top[v.name] = v.hides
		}
		c.unused(v)
	}
	c.scope.vars = c.scope.vars[:n]
}

// scoped walks body and leaves what it declared.
func (c *checker) scoped(body func()) {
	n := len(c.scope.vars)
	body()
	c.leave(n)
}

func (c *checker) unused(v *variable) {
	if v.read || c.dynamic || v.name == "" || strings.HasPrefix(v.name, "_") || c.facts.defVar[v.name] || c.facts.anyDefVar {
		return
	}
	name := "`" + v.name + "`"
	silence := "; name it `_" + v.name + "` if that is meant"
	switch {
	case v.kind == item:
		// It may only be there to repeat something.
	case v.kind == parameter:
		c.report(v.at, v.name, UnusedParameter, "the parameter "+name+" is never used"+silence)
	case v.kind == counter:
		c.report(v.at, v.name, UnusedVariable, "the counter "+name+" is never used; `for` works without one")
	case v.kind == caught:
		c.report(v.at, v.name, UnusedVariable, "the error "+name+" is never used; `catch` works without a variable")
	case v.constant:
		c.report(v.at, v.name, UnusedVariable, "the constant "+name+" is never used"+silence)
	case v.written:
		c.report(v.at, v.name, UnusedVariable, "the variable "+name+" is assigned to but never read"+silence)
	default:
		c.report(v.at, v.name, UnusedVariable, "the variable "+name+" is never used"+silence)
	}
}
