package lint

import "github.com/picloud/picloud/rhai/internal/syntax"

type signature struct {
	name   string
	params int
}

// facts are what must be known of a whole file before its parts can be judged.
type facts struct {
	funcs map[signature]bool // that can be called without a receiver
	typed map[signature]bool // methods for a type
	arity map[string][]int   // of the functions of a name
	names []string           // of functions
	// top are the names declared at the top level, true for constants.
	top map[string]bool
	// globals are the names read as global::name.
	globals map[string]bool

	imports map[string]bool // names of imported modules
	eval    bool
	evalIn  map[any]bool // functions (or the file) with eval in them
	bangIn  map[any]bool // functions (or the file) with calls that run in their scope
	bang    map[signature]bool
	// callBang: some function pointer is called in its caller's scope.
	callBang bool

	defFn, defVar map[string]bool // names asked for
	anyDefVar     bool            // is_def_var of a name that is computed
	// words are map keys, properties and whole strings: what may name a
	// function in a map.
	words map[string]bool
}

func factsOf(file *syntax.File) *facts {
	f := &facts{
		funcs: map[signature]bool{}, typed: map[signature]bool{}, arity: map[string][]int{}, top: map[string]bool{},
		globals: map[string]bool{},
		imports: map[string]bool{}, evalIn: map[any]bool{}, bangIn: map[any]bool{}, bang: map[signature]bool{},
		defFn: map[string]bool{}, defVar: map[string]bool{}, words: map[string]bool{},
	}
	for _, d := range file.Funcs {
		s := signature{d.Name, len(d.Params)}
		if d.Typed {
			f.typed[s] = true
		} else {
			f.funcs[s] = true
		}
		if f.arity[d.Name] == nil {
			f.names = append(f.names, d.Name)
		}
		f.arity[d.Name] = append(f.arity[d.Name], len(d.Params))
	}
	for _, s := range file.Stmts {
		if let, ok := s.(*syntax.Let); ok {
			f.top[let.Name] = f.top[let.Name] || let.Const
		}
		inspect(s, func(n syntax.Node) { f.node(file, n) })
	}
	for _, d := range file.Funcs {
		inspect(d.Body, func(n syntax.Node) { f.node(d, n) })
	}
	return f
}

// node looks at a node of function in.
func (f *facts) node(in any, n syntax.Node) {
	switch n := n.(type) {
	case *syntax.Call:
		f.call(in, n)
	case *syntax.StringLit:
		f.words[n.Value] = true
		if n.Value == "eval" {
			// Fn("eval") is a way to call it.
			f.eval, f.evalIn[in] = true, true
		}
	case *syntax.MapLit:
		for _, e := range n.Entries {
			f.words[e.Key] = true
		}
	case *syntax.Chain:
		for _, s := range n.Steps {
			if s.Kind == syntax.StepProp {
				f.words[s.Name] = true
			}
		}
	case *syntax.Qualified:
		if n.Path[0] == "global" {
			f.globals[n.Name] = true
		}
	case *syntax.Import:
		f.imports[n.Alias.Name] = true
	}
}

func (f *facts) call(in any, n *syntax.Call) {
	if len(n.Path) > 0 {
		return
	}
	if n.Bang {
		f.bangIn[in] = true
		f.bang[signature{n.Name, len(n.Args)}] = true
		f.callBang = f.callBang || n.Name == "call"
	}
	switch n.Name {
	case "eval":
		f.eval, f.evalIn[in] = true, true
	case "is_def_fn":
		for _, a := range n.Args {
			if s, ok := a.(*syntax.StringLit); ok {
				f.defFn[s.Value] = true
			}
		}
	case "is_def_var":
		for _, a := range n.Args {
			if s, ok := a.(*syntax.StringLit); ok {
				f.defVar[s.Value] = true
			} else {
				f.anyDefVar = true
			}
		}
	}
}
