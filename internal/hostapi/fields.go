package hostapi

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// fields is named texts of which a name may have several: a header, a query, a
// form. Scripts read f.name or f["name"] for the first value, () when there
// is none, and f.values("name") for all.
type fields struct {
	values map[string][]string
	// While lazy, values is yet to be made of this query: a script that reads
	// a name or two never needs it.
	query string
	lazy  bool
	asked int // how many names were looked up meanwhile
	// key is the form in which names are kept, when they are not kept as
	// they are: headers compare without case.
	key func(string) string
	// show is how names are listed, when that is not as they are kept.
	show func(string) string
}

// all is the values by name.
func (f *fields) all() map[string][]string {
	if f.lazy {
		f.lazy = false
		f.values, _ = url.ParseQuery(f.query)
	}
	return f.values
}

// maxScans is how many names are searched for in a query before it is taken
// apart once and for all.
const maxScans = 4

// one is the first value of a name.
func (f *fields) one(name string) (value string, ok bool) {
	if f.lazy && f.asked < maxScans {
		f.asked++
		return scanQuery(f.query, name)
	}
	if v := f.get(name); len(v) > 0 {
		return v[0], true
	}
	return "", false
}

// scanQuery finds the first value of a name in a query, as url.ParseQuery
// reads it.
func scanQuery(query, name string) (value string, ok bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" || strings.IndexByte(pair, ';') >= 0 {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name {
			continue
		}
		if value, err := url.QueryUnescape(value); err == nil {
			return value, true
		}
	}
	return "", false
}

func (f *fields) get(name string) []string {
	if f.key != nil {
		name = f.key(name)
	}
	return f.all()[name]
}

// first is the first value of a name, "" when there is none.
func (f *fields) first(name string) string {
	if v := f.get(name); len(v) > 0 {
		return valid(v[0])
	}
	return ""
}

// names lists the names in order, as scripts see them.
func (f *fields) names() []string {
	names := slices.Sorted(maps.Keys(f.all()))
	for i, n := range names {
		if f.show != nil {
			n = f.show(n)
		}
		names[i] = valid(n)
	}
	return names
}

// valid is s as scripts may have it: UTF-8. Headers and decoded queries can be
// any bytes.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// addFields registers what scripts do with fields, as on values of the type on.
func addFields(m *rhai.Module, on rhai.Type) {
	m.IndexGet(on, rhai.StringType, firstValue)
	m.Func("get", params(on, rhai.StringType), firstValue, "the first value of a name, or ()")
	m.Func("values", params(on, rhai.StringType), allValues, "all values of a name, in the order in which they came")
	m.Func("contains", params(on, rhai.StringType), func(c *rhai.Call) error {
		return c.Return(rhai.Bool(len(fieldsOf(c.Arg(0)).get(text(c, 1))) > 0))
	}, "whether there is a value of that name")
	m.Func("keys", params(on), func(c *rhai.Call) error {
		f := fieldsOf(c.Arg(0))
		if err := c.Charge(len(f.all())); err != nil {
			return err
		}
		return returnAny(c, f.names())
	}, "the names, sorted")
	// Not a property: f.len is the value named "len".
	m.Func("len", params(on), func(c *rhai.Call) error {
		return c.Return(rhai.Int(int64(len(fieldsOf(c.Arg(0)).all()))))
	}, "how many names there are")
	m.Func("to_map", params(on), fieldsMap, "the first value of each name as a map")
	m.Func("to_string", params(on), showFields, "as JSON")
	m.Func("to_debug", params(on), showFields, "as JSON")
}

func firstValue(c *rhai.Call) error {
	v, ok := fieldsOf(c.Arg(0)).one(text(c, 1))
	if !ok {
		return nil
	}
	if err := work(c, 0, len(v)); err != nil {
		return err
	}
	return returnText(c, valid(v))
}

func allValues(c *rhai.Call) error {
	all := fieldsOf(c.Arg(0)).get(text(c, 1))
	list := make([]string, len(all))
	for i, s := range all {
		if err := work(c, 0, len(s)); err != nil {
			return err
		}
		list[i] = valid(s)
	}
	return returnAny(c, list)
}

func fieldsMap(c *rhai.Call) error {
	f := fieldsOf(c.Arg(0))
	b := c.NewMap()
	for _, name := range f.names() {
		if err := work(c, 0, len(name)+len(f.first(name))); err != nil {
			return err
		}
		v, err := c.String(f.first(name))
		if err != nil {
			return err
		}
		if err := b.Set(name, v); err != nil {
			return err
		}
	}
	return c.Return(b.Value())
}

func showFields(c *rhai.Call) error {
	out, err := encode(c, c.Arg(0))
	if err != nil {
		return err
	}
	return returnText(c, string(out))
}

// fieldsOf is the fields that a host value is or has, or nil.
func fieldsOf(v rhai.Value) *fields {
	switch x := v.Object().(type) {
	case *fields:
		return x
	case *form:
		return x.fields
	}
	return nil
}

// receiver is the first argument's data.
func receiver[T any](c *rhai.Call) T { return c.Arg(0).Object().(T) }
