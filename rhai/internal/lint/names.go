package lint

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// keywords are the functions that the machine itself carries out, with the
// least and the largest number of arguments.
var keywords = map[string][2]int{
	"type_of": {1, 1}, "Fn": {1, 1}, "print": {0, 1}, "debug": {0, 1}, "eval": {1, 1}, "exit": {0, 1},
	"call": {1, many}, "curry": {1, many}, "is_def_var": {1, 1}, "is_def_fn": {2, 3}, "is_shared": {1, 1},
	"get_fn_metadata_list": {0, 2},
}

// methods are those that can be called on any value; the receiver counts.
var methods = map[string][2]int{
	"call": {1, many}, "curry": {1, many}, "is_shared": {1, 1}, "take": {1, 1}, "type_of": {1, 1},
}

const many = 1 << 20

func within(table map[string][2]int, name string, n int) bool {
	r, ok := table[name]
	return ok && r[0] <= n && n <= r[1]
}

// use marks a variable as read; it is nil when there is none.
func (c *checker) use(name string) *variable {
	v := c.scope.top[name]
	if v != nil {
		v.read = true
	}
	return v
}

func (c *checker) unknownVariable(at syntax.Pos, name string) {
	if c.dynamic || c.inherits || c.facts.defVar[name] || c.facts.anyDefVar || c.full() {
		return
	}
	hint := c.suggest(name, c.scope.names)
	if c.doubt > 0 && hint == "" {
		return
	}
	msg := "no variable `" + name + "` here" + meant(hint)
	if constant, ok := c.facts.top[name]; ok && hint == "" {
		if !c.inFn {
			msg += "; it is declared further down"
		} else if constant {
			msg += "; in a function, the script's constant is `global::" + name + "`"
		} else {
			msg += "; functions do not see the script's variables: pass it as an argument"
		}
	}
	c.report(at, name, UnknownVariable, msg)
}

// qualified is a use of a variable of a module, or of global.
func (c *checker) qualified(e *syntax.Qualified) {
	path := strings.Join(e.Path, "::")
	switch {
	case c.facts.eval || c.facts.imports[e.Path[0]] || c.doubt > 0:
	case path == "global":
		if !c.facts.top[e.Name] {
			c.report(e.Pos(), e.Name, UnknownVariable, "no constant `global::"+e.Name+"`")
		}
	case c.lib.HasConstant(path, e.Name):
	case c.lib.HasModule(path):
		c.report(e.Pos(), e.Name, UnknownVariable, "module `"+path+"` has no constant `"+e.Name+"`")
	default:
		c.unknownModule(e.PathAt[0], path)
	}
}

func (c *checker) unknownModule(at syntax.Pos, path string) {
	c.report(at, path, UnknownModule, "no module `"+path+"`"+meant(c.suggest(path, list(c.lib.Modules))))
}

// call looks for what answers `name(args)`.
func (c *checker) call(e *syntax.Call) {
	n := len(e.Args)
	if len(e.Path) > 0 {
		c.moduleCall(e, n)
		return
	}
	if within(keywords, e.Name, n) || c.facts.funcs[signature{e.Name, n}] || len(c.lib.Registry.Find(e.Name, n)) > 0 ||
		c.facts.defFn[e.Name] || c.full() {
		return
	}
	v := c.use(e.Name)
	msg, sure := c.unknown("function", e.Name, n, 0)
	if v != nil {
		msg, sure = fmt.Sprintf("`%s` is a variable; the function in it is called by `%s.call(…)`", e.Name, e.Name), true
	}
	if c.doubt == 0 || sure {
		c.report(e.Pos(), e.Name, UnknownFunction, msg)
	}
}

// moduleCall looks for what answers `a::name(args)`.
func (c *checker) moduleCall(e *syntax.Call, n int) {
	path := strings.Join(e.Path, "::")
	name := path + "::" + e.Name
	switch r := c.lib.Registry; {
	case c.facts.eval || c.facts.imports[e.Path[0]] || len(r.Find(name, n)) > 0 || c.full():
	case !c.lib.HasModule(path):
		if c.doubt == 0 {
			c.unknownModule(e.PathAt[0], path)
		}
	case c.doubt > 0 && r.Has(name):
	case r.Has(name):
		c.report(e.Pos(), e.Name, UnknownFunction, takes(name, n, c.arities(name, 0)))
	default:
		hint := ""
		if near := c.suggest(e.Name, func() []string { return c.members(path) }); near != "" {
			hint = path + "::" + near
		}
		if c.doubt == 0 || hint != "" {
			c.report(e.Pos(), e.Name, UnknownFunction, "module `"+path+"` has no function `"+e.Name+"`"+meant(hint))
		}
	}
}

// members lists the functions of a module of the embedder.
func (c *checker) members(path string) []string {
	var out []string
	for f := range c.lib.Registry.All {
		if name, ok := strings.CutPrefix(f.Name, path+"::"); ok && !strings.Contains(name, "::") {
			out = append(out, name)
		}
	}
	return out
}

// method looks for what answers `x.name(args)`. optional is set when the call
// is not made if x is ().
func (c *checker) method(s *syntax.Step, optional bool) {
	n := len(s.Args)
	f := c.facts
	if within(methods, s.Name, n+1) || f.funcs[signature{s.Name, n}] || f.typed[signature{s.Name, n}] ||
		len(c.lib.Registry.Find(s.Name, n+1)) > 0 || f.words[s.Name] || f.defFn[s.Name] || f.eval || len(f.imports) > 0 || c.full() {
		return
	}
	if msg, sure := c.unknown("method", s.Name, n, 1); sure || c.doubt == 0 && !optional {
		c.report(s.At, s.Name, UnknownFunction, msg)
	}
}

// unknown words what is wrong with a call; sure is set when it looks like a
// slip of the pen. what is a function, or a method, whose receiver
// does not count as an argument.
func (c *checker) unknown(what, name string, n, receiver int) (msg string, sure bool) {
	if have := c.arities(name, receiver); len(have) > 0 {
		return takes(name, n, have), false
	}
	near := c.suggest(name, list(c.facts.names))
	if near == "" {
		near = c.suggest(name, c.libraryNames)
	}
	if near == "" {
		near = c.suggestKeyword(name)
	}
	return fmt.Sprintf("no %s `%s` with %s%s", what, name, arguments(n), meant(near)), near != ""
}

func (c *checker) suggestKeyword(name string) string {
	for _, k := range []string{"print", "debug", "type_of", "eval", "is_def_var", "is_def_fn"} {
		if c.suggest(name, list([]string{k})) != "" {
			return k
		}
	}
	return ""
}

// arities lists the numbers of arguments, without the receiver, that functions
// of a name take.
func (c *checker) arities(name string, receiver int) []int {
	var out []int
	for n := range 17 {
		found := c.facts.funcs[signature{name, n}] || within(keywords, name, n+receiver) && n < 4
		found = found || receiver == 1 && c.facts.typed[signature{name, n}]
		if found || len(c.lib.Registry.Find(name, n+receiver)) > 0 {
			out = append(out, n)
		}
	}
	return out
}

func takes(name string, n int, have []int) string {
	list := ""
	for i, h := range have {
		switch {
		case i == 0:
			list = fmt.Sprint(h)
		case i == len(have)-1:
			list += fmt.Sprintf(" or %d", h)
		default:
			list += fmt.Sprintf(", %d", h)
		}
	}
	if len(have) == 1 {
		list = arguments(have[0])
	} else {
		list += " arguments"
	}
	return fmt.Sprintf("`%s` takes %s, not %d", name, list, n)
}

func arguments(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func (c *checker) libraryNames() []string {
	if c.library == nil {
		c.library = c.lib.Registry.Names()
	}
	return c.library
}

// suggest finds the name that a name is most likely a slip of the pen for, or
// "". Short names are like too many others. It gives up when it has been asked
// very often, since a script may be nothing but slips.
func (c *checker) suggest(name string, known func() []string) string {
	if c.hints++; len(name) < 3 || c.hints > maxHints {
		return ""
	}
	s := compile.Suggest(name, known())
	if s == name {
		return ""
	}
	return s
}

func list(names []string) func() []string { return func() []string { return names } }

// maxHints bounds the suggestions made for one file.
const maxHints = 4 * maxFindings

func meant(name string) string {
	if name == "" {
		return ""
	}
	return "; did you mean `" + name + "`?"
}

// constReceiver reports a method that would change the constant it is called
// on.
func (c *checker) constReceiver(root syntax.Expr, s *syntax.Step) {
	id, ok := root.(*syntax.Ident)
	if !ok || c.dynamic || c.doubt > 0 {
		return
	}
	v := c.scope.top[id.Name]
	n := len(s.Args)
	// A closure has its own copy of a constant.
	if v == nil || !v.constant || v.closures != c.closures || c.facts.funcs[signature{s.Name, n}] || c.facts.typed[signature{s.Name, n}] || c.facts.words[s.Name] {
		return
	}
	fs := c.lib.Registry.Find(s.Name, n+1)
	for _, f := range fs {
		if !f.Mutates {
			return
		}
	}
	if len(fs) > 0 {
		c.report(s.At, s.Name, ConstantChanged, fmt.Sprintf("`%s` would change the constant `%s`; declare it with `let`", s.Name, id.Name))
	}
}
