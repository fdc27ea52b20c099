package rhai

import (
	"fmt"
	"iter"
	"math"
	"sort"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Value is a value of a script: 16 bytes, valid during the run that made it.
// The zero Value is (). Values are copied on write: holding one does not see
// later changes of the variable it came from.
type Value struct{ v value.Value }

// Kind is the type of a Value.
type Kind uint8

// The kinds of values.
const (
	UnitKind Kind = iota
	BoolKind
	IntKind
	FloatKind
	CharKind
	ByteKind // u8: what iterating a blob yields
	StringKind
	ArrayKind
	BlobKind
	MapKind
	RangeKind
	FnKind
	TimeKind
	IterKind
	ObjectKind
)

var kinds = map[value.Kind]Kind{
	value.KUnit: UnitKind, value.KBool: BoolKind, value.KInt: IntKind, value.KFloat: FloatKind, value.KChar: CharKind,
	value.KByte: ByteKind, value.KString: StringKind, value.KArray: ArrayKind, value.KBlob: BlobKind, value.KMap: MapKind,
	value.KRange: RangeKind, value.KFn: FnKind, value.KTime: TimeKind, value.KIter: IterKind, value.KObject: ObjectKind,
}

// Kind is v's kind.
func (v Value) Kind() Kind { return kinds[v.v.Plain().Kind()] }

// TypeName is what type_of gives for v: "i64", "string", "map", …
func (v Value) TypeName() string { return v.v.TypeName() }

// Unit is ().
func Unit() Value { return Value{} }

// Bool makes a bool.
func Bool(b bool) Value { return Value{value.Bool(b)} }

// Int makes an integer.
func Int(i int64) Value { return Value{value.Int(i)} }

// Float makes a floating-point number.
func Float(f float64) Value { return Value{value.Float(f)} }

// Char makes a character.
func Char(r rune) Value { return Value{value.Char(r)} }

// IsUnit reports whether v is ().
func (v Value) IsUnit() bool { return v.v.Plain().IsUnit() }

// AsBool gives v as a bool; ok is false when it is none.
func (v Value) AsBool() (b, ok bool) { x := v.v.Plain(); return x.IsTrue(), x.IsBool() }

// AsInt gives v as an integer; ok is false when it is none.
func (v Value) AsInt() (i int64, ok bool) {
	x := v.v.Plain()
	if x.Is(value.KByte) {
		return int64(x.Byte()), true
	}
	return x.Int(), x.IsInt()
}

// AsFloat gives v as a float; integers are converted.
func (v Value) AsFloat() (f float64, ok bool) {
	x := v.v.Plain()
	if x.IsInt() {
		return float64(x.Int()), true
	}
	return x.Float(), x.IsFloat()
}

// AsChar gives v as a character.
func (v Value) AsChar() (r rune, ok bool) { x := v.v.Plain(); return x.Char(), x.Is(value.KChar) }

// AsString gives the text of a string. It stays valid after the run.
func (v Value) AsString() (s string, ok bool) {
	x := v.v.Plain()
	if !x.Is(value.KString) {
		return "", false
	}
	return x.Str(), true
}

// AsBytes gives a blob's bytes: a view, to be copied by who keeps or changes
// it.
func (v Value) AsBytes() (b []byte, ok bool) {
	x := v.v.Plain()
	if !x.Is(value.KBlob) {
		return nil, false
	}
	return x.Blob().B, true
}

// Object gives what the embedder stored in a value of a host type, or nil.
func (v Value) Object() any {
	x := v.v.Plain()
	if !x.Is(value.KObject) {
		return nil
	}
	return x.Object().Data
}

// Len is the number of elements of an array, entries of a map, bytes of a
// blob or characters of a string; 0 for everything else.
func (v Value) Len() int {
	switch x := v.v.Plain(); x.Kind() {
	case value.KArray:
		return len(x.Array().E)
	case value.KMap:
		return x.Map().Len()
	case value.KBlob:
		return len(x.Blob().B)
	case value.KString:
		return x.Text().Len()
	}
	return 0
}

// Elem is element i of an array; () outside.
func (v Value) Elem(i int) Value {
	if x := v.v.Plain(); x.Is(value.KArray) && i >= 0 && i < len(x.Array().E) {
		return Value{x.Array().E[i].Plain().Share()}
	}
	return Value{}
}

// Elems yields the elements of an array.
func (v Value) Elems() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for i := range v.Len() {
			if !yield(v.Elem(i)) {
				return
			}
		}
	}
}

// Get is the entry of a map.
func (v Value) Get(key string) (Value, bool) {
	x := v.v.Plain()
	if !x.Is(value.KMap) {
		return Value{}, false
	}
	e, ok := x.Map().Get(key)
	return Value{e.Plain().Share()}, ok
}

// Entries yields the entries of a map, sorted by key.
func (v Value) Entries() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		x := v.v.Plain()
		if !x.Is(value.KMap) {
			return
		}
		for k, e := range x.Map().All() {
			if !yield(k, Value{e.Plain().Share()}) {
				return
			}
		}
	}
}

// heap makes and converts values; what it makes is charged to the run. A VM
// and a Call each are one.
type heap struct {
	h   *value.Heap
	env native.Env
}

// String makes a string.
func (h heap) String(s string) (Value, error) {
	if err := h.h.Reserve(len(s)); err != nil {
		return Value{}, err
	}
	return Value{h.h.NewString(s)}, nil
}

// Bytes makes a blob of a copy of b.
func (h heap) Bytes(b []byte) (Value, error) {
	if err := h.h.Reserve(len(b)); err != nil {
		return Value{}, err
	}
	return Value{h.h.NewBlob(append([]byte(nil), b...))}, nil
}

// Array makes an array of the values, which must not be arrays or maps that
// the caller goes on using.
func (h heap) Array(vs []Value) (Value, error) {
	e, err := h.h.MakeElems(len(vs))
	if err != nil {
		return Value{}, err
	}
	for _, v := range vs {
		e = append(e, v.v.Share())
	}
	return Value{h.h.NewArray(e)}, nil
}

// MapBuilder makes a map entry by entry.
type MapBuilder struct {
	h heap
	v value.Value
}

// NewMap starts an empty map.
func (h heap) NewMap() *MapBuilder { return &MapBuilder{h, h.h.NewMap()} }

// Set adds an entry or replaces it.
func (m *MapBuilder) Set(key string, v Value) error { return m.v.Map().Set(m.h.h, key, v.v.Share()) }

// Value is the map. The builder must not be used after it.
func (m *MapBuilder) Value() Value { return Value{m.v} }

// maxNesting bounds the depth of Go data in and out.
const maxNesting = 64

// ToValue converts Go data: nil, bool, integers, floats, string, []byte,
// []any, []string, map[string]any, map[string]string and Value.
func (h heap) ToValue(x any) (Value, error) { return h.toValue(x, 0) }

// Values converts several pieces of Go data, as ToValue does.
func (h heap) Values(xs ...any) ([]Value, error) {
	out := make([]Value, len(xs))
	for i, x := range xs {
		v, err := h.ToValue(x)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (h heap) toValue(x any, nesting int) (Value, error) {
	if nesting > maxNesting {
		return Value{}, fmt.Errorf("data is nested more than %d levels deep", maxNesting)
	}
	switch x := x.(type) {
	case nil:
		return Value{}, nil
	case Value:
		return x, nil
	case bool:
		return Bool(x), nil
	case string:
		return h.String(x)
	case []byte:
		return h.Bytes(x)
	case float64:
		return Float(x), nil
	case float32:
		return Float(float64(x)), nil
	case rune:
		return Int(int64(x)), nil
	case []any:
		return h.list(len(x), func(i int) any { return x[i] }, nesting)
	case []string:
		return h.list(len(x), func(i int) any { return x[i] }, nesting)
	case map[string]any:
		return toMap(h, x, nesting)
	case map[string]string:
		return toMap(h, x, nesting)
	}
	if i, ok := toInt(x); ok {
		return Int(i), nil
	}
	return Value{}, fmt.Errorf("a Go value of type %T has no counterpart in scripts", x)
}

func toInt(x any) (int64, bool) {
	switch x := x.(type) {
	case int:
		return int64(x), true
	case int8:
		return int64(x), true
	case int16:
		return int64(x), true
	case int64:
		return x, true
	case uint8:
		return int64(x), true
	case uint16:
		return int64(x), true
	case uint32:
		return int64(x), true
	case uint:
		return int64(x), x <= math.MaxInt64
	case uint64:
		return int64(x), x <= math.MaxInt64
	}
	return 0, false
}

func (h heap) list(n int, at func(int) any, nesting int) (Value, error) {
	e, err := h.h.MakeElems(n)
	if err != nil {
		return Value{}, err
	}
	for i := range n {
		v, err := h.toValue(at(i), nesting+1)
		if err != nil {
			return Value{}, err
		}
		e = append(e, v.v)
	}
	return Value{h.h.NewArray(e)}, nil
}

func toMap[T any](h heap, m map[string]T, nesting int) (Value, error) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	b := h.NewMap()
	for _, k := range keys {
		v, err := h.toValue(m[k], nesting+1)
		if err != nil {
			return Value{}, err
		}
		if err := b.Set(k, v); err != nil {
			return Value{}, err
		}
	}
	return b.Value(), nil
}

// Go converts a value to plain Go data: nil, bool, int64, float64, string,
// []byte, []any, map[string]any; a character becomes a string, everything else
// the text that print shows. The work is billed.
func (h heap) Go(v Value) (any, error) { return h.toGo(v.v.Plain(), 0) }

func (h heap) toGo(v value.Value, nesting int) (any, error) {
	if nesting > maxNesting {
		return nil, fmt.Errorf("the value is nested more than %d levels deep", maxNesting)
	}
	if err := h.env.Charge(1); err != nil {
		return nil, err
	}
	v = v.Plain()
	switch v.Kind() {
	case value.KUnit:
		return nil, nil
	case value.KBool:
		return v.Bool(), nil
	case value.KInt:
		return v.Int(), nil
	case value.KByte:
		return int64(v.Byte()), nil
	case value.KFloat:
		return v.Float(), nil
	case value.KChar:
		return string(v.Char()), nil
	case value.KString:
		return v.Str(), nil
	case value.KBlob:
		return append([]byte(nil), v.Blob().B...), nil
	case value.KArray:
		out := make([]any, len(v.Array().E))
		for i, x := range v.Array().E {
			var err error
			if out[i], err = h.toGo(x, nesting+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case value.KMap:
		out := make(map[string]any, v.Map().Len())
		for k, x := range v.Map().All() {
			g, err := h.toGo(x, nesting+1)
			if err != nil {
				return nil, err
			}
			out[k] = g
		}
		return out, nil
	}
	text, err := h.h.TextOf(h.env, v)
	if err != nil {
		return nil, err
	}
	return text.Str(), nil
}

// Text is what print shows of v.
func (h heap) Text(v Value) (string, error) { return h.show(v, h.h.TextOf) }

// show makes a text for the embedder, which the limit on the size of a
// script's own strings does not concern.
func (h heap) show(v Value, text func(value.Meter, value.Value) (value.Value, error)) (string, error) {
	sizes := h.h.Sizes
	h.h.Sizes = value.Sizes{}
	s, err := text(h.env, v.v.Plain())
	h.h.Sizes = sizes
	if err != nil {
		return "", err
	}
	return s.Str(), nil
}

// Inspect is what debug shows of v: strings in quotes, for example.
func (h heap) Inspect(v Value) (string, error) { return h.show(v, h.h.DebugOf) }

// JSON encodes v as JSON (RFC 8259). A function or a host value is an error.
func (h heap) JSON(v Value) ([]byte, error) { return value.AppendStrictJSON(nil, h.env, v.v.Plain()) }

// FromJSON decodes JSON (RFC 8259): integers that fit become integers, other
// numbers floats, objects maps.
func (h heap) FromJSON(data []byte) (Value, error) {
	v, err := value.ParseJSON(h.h, h.env, data, maxNesting)
	return Value{v}, err
}
