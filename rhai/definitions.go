package rhai

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// DefinitionFile is a file from which editors that know Rhai learn what a
// script can call.
type DefinitionFile struct {
	// Name is the file's name: that of the module it describes, with the
	// ending .d.rhai.
	Name string
	Text string
}

// builtin describes the functions that the machine itself carries out.
//
//go:embed builtin.d.rhai
var builtin string

// Definitions describe everything that scripts of the engine can call: the
// functions of the language in __builtin__.d.rhai, those of the standard
// library and of Config.Global in __static__.d.rhai, and a file for each of
// Config.Modules. Editors look for such files in a folder .rhai/definitions.
//
// What a function returns is not recorded; it is given as ?, any type.
func (e *Engine) Definitions() []DefinitionFile {
	files := []DefinitionFile{{"__builtin__.d.rhai", builtin}}
	modules := map[string]*definitions{"": {name: "static"}}
	for f := range e.registry.All {
		path, name := cutPath(f.Name)
		moduleAt(modules, path).add(name, f)
	}
	for key, v := range e.consts {
		path, name := cutPath(key)
		m := moduleAt(modules, path)
		m.items = append(m.items, item{name: name, text: "const " + name + ": " + typeName(value.Set(v.Kind()), nil) + ";"})
	}
	names := make([]string, 0, len(modules))
	for name := range modules {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		var b strings.Builder
		m := modules[name]
		b.WriteString("module " + m.name + ";\n")
		m.write(&b, "")
		file := name
		if name == "" {
			file = "__static__"
		}
		files = append(files, DefinitionFile{file + ".d.rhai", b.String()})
	}
	return files
}

// definitions are what one module holds.
type definitions struct {
	name  string
	items []item
	subs  []*definitions
}

// item is one definition with what it is sorted by.
type item struct {
	name   string
	params int
	doc    string
	text   string
}

// moduleAt finds or makes a module by its path. Only the first part of a path
// has a file; the others are inside it.
func moduleAt(files map[string]*definitions, path string) *definitions {
	first, rest, deeper := strings.Cut(path, "::")
	m := files[first]
	if m == nil {
		m = &definitions{name: first}
		files[first] = m
	}
	for deeper {
		first, rest, deeper = strings.Cut(rest, "::")
		i := slices.IndexFunc(m.subs, func(s *definitions) bool { return s.name == first })
		if i < 0 {
			i = len(m.subs)
			m.subs = append(m.subs, &definitions{name: first})
		}
		m = m.subs[i]
	}
	return m
}

// cutPath splits a::b::name into the path and the name.
func cutPath(full string) (path, name string) {
	if i := strings.LastIndex(full, "::"); i >= 0 {
		return full[:i], full[i+2:]
	}
	return "", full
}

func (m *definitions) add(name string, f *native.Func) {
	head := "fn " + name
	switch prefix, prop, ok := strings.Cut(name, "$"); {
	case ok && prefix != "get" && prefix != "set":
		return // indexers have no notation
	case ok:
		head = "fn " + prefix + " " + prop
	case !syntax.IsIdentifier(name):
		return // operators
	}
	var params []string
	names := paramNames(f)
	for i, kinds := range f.Params {
		params = append(params, names[i]+": "+typeName(kinds, objectType(f, i)))
	}
	m.items = append(m.items, item{name, len(params), f.Doc, head + "(" + strings.Join(params, ", ") + ") -> ?;"})
}

func (m *definitions) write(b *strings.Builder, indent string) {
	slices.SortFunc(m.items, func(x, y item) int {
		if c := strings.Compare(x.name, y.name); c != 0 {
			return c
		}
		if x.params != y.params {
			return x.params - y.params
		}
		return strings.Compare(x.text, y.text)
	})
	for i, it := range m.items {
		if i > 0 && it.text == m.items[i-1].text {
			continue
		}
		b.WriteString("\n")
		for line := range strings.Lines(it.doc) {
			fmt.Fprintf(b, "%s/// %s\n", indent, strings.TrimRight(line, "\n"))
		}
		fmt.Fprintf(b, "%s%s\n", indent, it.text)
	}
	slices.SortFunc(m.subs, func(x, y *definitions) int { return strings.Compare(x.name, y.name) })
	for _, s := range m.subs {
		fmt.Fprintf(b, "\n%smodule %s {\n", indent, s.name)
		s.write(b, indent+"\t")
		fmt.Fprintf(b, "%s}\n", indent)
	}
}

func objectType(f *native.Func, i int) *value.ObjectType {
	if f.Objects == nil {
		return nil
	}
	return f.Objects[i]
}

// definitionTypes are the names of types in definition files.
var definitionTypes = []struct {
	kind  value.Kind
	name  string
	param string // a name for a parameter that has none
}{
	{value.KUnit, "()", "unit"}, {value.KBool, "bool", "flag"}, {value.KInt, "int", "n"}, {value.KFloat, "float", "x"},
	{value.KChar, "char", "character"}, {value.KString, "String", "text"}, {value.KArray, "Array", "array"},
	{value.KBlob, "Blob", "blob"}, {value.KMap, "Map", "map"}, {value.KFn, "FnPtr", "function"},
	{value.KRange, "Range", "range"}, {value.KTime, "Timestamp", "time"},
}

// typeName describes a parameter's type. A choice of more than three is any.
func typeName(kinds value.Kinds, object *value.ObjectType) string {
	if object != nil {
		return object.Name
	}
	var names []string
	for _, t := range definitionTypes {
		if kinds.Has(t.kind) {
			names = append(names, t.name)
		}
	}
	if len(names) == 0 || len(names) > 3 {
		return "?"
	}
	return strings.Join(names, " | ")
}

// paramNames are the names of a function's parameters; those that have none
// are named for their types.
func paramNames(f *native.Func) []string {
	if len(f.ParamNames) == len(f.Params) {
		return f.ParamNames
	}
	names := make([]string, len(f.Params))
	for i, kinds := range f.Params {
		name := "value"
		if o := objectType(f, i); o != nil {
			name = o.Name
		}
		for _, t := range definitionTypes {
			if kinds == value.Set(t.kind) {
				name = t.param
			}
		}
		names[i] = name
		for n := 2; slices.Contains(names[:i], names[i]); n++ {
			names[i] = fmt.Sprint(name, n)
		}
	}
	return names
}
