package hostapi

import (
	"html"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// What templates are bounded by.
const (
	maxTemplate      = 1 << 20 // bytes of one text
	maxTemplateTags  = 20_000  // in one text
	maxTemplateDepth = 64      // sections and partials in each other
)

// templateModule is templates in the manner of Mustache: what a value looks like
// in them is decided by the data, and no code is in them. They are rendered on
// the values themselves, piece by piece, so that the bill is exact.
func templateModule() *rhai.Module {
	return rhai.NewModule("template").
		Func("render", params(rhai.StringType, rhai.AnyType), func(c *rhai.Call) error { return render(c, rhai.Unit()) },
			"a template with data: {{name}} escaped for HTML, {{{name}}} as it is, {{#list}}…{{/list}} for each, {{^list}}…{{/list}} if there is none").
		Func("render", params(rhai.StringType, rhai.AnyType, rhai.MapType), func(c *rhai.Call) error { return render(c, c.Arg(2)) },
			"the same, with #{partials: #{name: text}} for {{> name}}, and #{escape: false} for what is no HTML")
}

// piece is a part of a template: text, or a tag with what is in it.
type piece struct {
	kind byte // 0 for text, 'v' a value, 'r' one that is not escaped, '#' '^' '>'
	text string
	name []string // the parts of a dotted name; nil for the dot itself
	in   []piece
}

// renderer renders one template.
type renderer struct {
	c        *rhai.Call
	raw      bool // nothing is escaped
	partials rhai.Value
	parsed   map[string][]piece
	out      []byte
	context  []rhai.Value
}

func render(c *rhai.Call, options rhai.Value) error {
	r := &renderer{c: c, parsed: map[string][]piece{}, context: []rhai.Value{c.Arg(1)}}
	if !options.IsUnit() {
		if err := onlyOptions(c, options, "partials", "escape"); err != nil {
			return err
		}
		if v, ok := options.Get("partials"); ok && !v.IsUnit() {
			if v.Kind() != rhai.MapKind {
				return c.Fail("partials is a map of templates by name")
			}
			r.partials = v
		}
		if v, ok := options.Get("escape"); ok && !v.IsUnit() {
			escape, isBool := v.AsBool()
			if !isBool {
				return c.Fail("escape is true or false")
			}
			r.raw = !escape
		}
	}
	pieces, err := parseTemplate(c, text(c, 0))
	if err != nil {
		return err
	}
	if err := r.render(pieces, 0); err != nil {
		return err
	}
	return returnText(c, string(r.out))
}

// render renders pieces, at a depth of sections and partials.
func (r *renderer) render(pieces []piece, depth int) error {
	if depth > maxTemplateDepth {
		return r.c.Fail("the template nests more than %d deep", maxTemplateDepth)
	}
	for i := range pieces {
		p := &pieces[i]
		if err := r.c.Charge(1); err != nil {
			return err
		}
		var err error
		switch p.kind {
		case 0:
			err = r.write(p.text)
		case 'v', 'r':
			err = r.value(p)
		case '#':
			err = r.section(p, depth)
		case '^':
			var v rhai.Value
			if v, err = r.find(p.name); err == nil && !truthy(v) {
				err = r.render(p.in, depth+1)
			}
		case '>':
			err = r.partial(p, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write appends to the output, which is billed before it is.
func (r *renderer) write(s string) error {
	if err := work(r.c, 0, len(s)); err != nil {
		return err
	}
	if err := r.c.Room(2 * (len(r.out) + len(s))); err != nil {
		return err
	}
	r.out = append(r.out, s...)
	return nil
}

func (r *renderer) value(p *piece) error {
	v, err := r.find(p.name)
	if err != nil || v.IsUnit() {
		return err
	}
	s, err := r.c.Text(v)
	if err != nil {
		return err
	}
	if p.kind == 'r' || r.raw {
		return r.write(s)
	}
	if err := work(r.c, len(s), 5*len(s)); err != nil { // a quote becomes five bytes
		return err
	}
	return r.write(html.EscapeString(s))
}

// section renders what is in it for each element of an array, or once with
// anything else that is there.
func (r *renderer) section(p *piece, depth int) error {
	v, err := r.find(p.name)
	if err != nil || !truthy(v) {
		return err
	}
	list := func(yield func(rhai.Value) bool) { yield(v) }
	if v.Kind() == rhai.ArrayKind {
		list = v.Elems()
	}
	for item := range list {
		r.context = append(r.context, item)
		err := r.render(p.in, depth+1)
		r.context = r.context[:len(r.context)-1]
		if err != nil {
			return err
		}
	}
	return nil
}

// partial renders another template on the same data.
func (r *renderer) partial(p *piece, depth int) error {
	name := strings.Join(p.name, ".")
	pieces, ok := r.parsed[name]
	if !ok {
		v, _ := r.partials.Get(name)
		source, isText := v.AsString()
		if !isText {
			return r.c.Fail("there is no partial %q", clip(name))
		}
		var err error
		if pieces, err = parseTemplate(r.c, source); err != nil {
			return err
		}
		r.parsed[name] = pieces
	}
	return r.render(pieces, depth+1)
}

// find looks a name up: its first part in the innermost map that has it, the
// others in what was found. What is not there is ().
func (r *renderer) find(name []string) (rhai.Value, error) {
	if name == nil {
		return r.context[len(r.context)-1], nil
	}
	if err := r.c.Charge(len(name) + len(r.context)/4); err != nil {
		return rhai.Value{}, err
	}
	v := rhai.Unit()
	for i := len(r.context) - 1; i >= 0; i-- {
		if got, ok := r.context[i].Get(name[0]); ok {
			v = got
			break
		}
	}
	for _, part := range name[1:] {
		v, _ = v.Get(part)
	}
	return v, nil
}

// truthy reports whether a section shows a value: not (), false, "" or [].
func truthy(v rhai.Value) bool {
	switch v.Kind() {
	case rhai.UnitKind:
		return false
	case rhai.BoolKind:
		b, _ := v.AsBool()
		return b
	case rhai.StringKind, rhai.ArrayKind:
		return v.Len() > 0
	}
	return true
}
