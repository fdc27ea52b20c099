package rhai

import (
	"context"
	"fmt"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Type is what a parameter of a native function accepts.
type Type struct {
	kinds value.Kinds
	obj   *value.ObjectType
}

// The types of parameters.
var (
	AnyType    = Type{kinds: value.Any}
	UnitType   = Type{kinds: value.Set(value.KUnit)}
	BoolType   = Type{kinds: value.Set(value.KBool)}
	IntType    = Type{kinds: value.Set(value.KInt)}
	FloatType  = Type{kinds: value.Set(value.KFloat)}
	NumberType = Type{kinds: value.Set(value.KInt, value.KFloat)}
	CharType   = Type{kinds: value.Set(value.KChar)}
	StringType = Type{kinds: value.Set(value.KString)}
	ArrayType  = Type{kinds: value.Set(value.KArray)}
	BlobType   = Type{kinds: value.Set(value.KBlob)}
	MapType    = Type{kinds: value.Set(value.KMap)}
	FnType     = Type{kinds: value.Set(value.KFn)}
)

// Or accepts what either type does. Host types cannot be joined.
func (t Type) Or(u Type) Type { return Type{kinds: t.kinds | u.kinds} }

// NewObjectType makes a type for values of the embedder; scripts can only pass
// them around and call what is registered for the type. name is what type_of
// gives.
func NewObjectType(name string) Type {
	return Type{kinds: value.Set(value.KObject), obj: &value.ObjectType{Name: name}}
}

// Shown is the type with a text for its values, in place of its name: what print
// and interpolation show. Call it before the type is used.
func (t Type) Shown(show func(data any) string) Type {
	t.obj.Show = show
	return t
}

// Module is a group of Go functions and constants for scripts. Build it before
// it is given to an engine, and leave it alone afterwards.
type Module struct {
	name   string
	funcs  []*native.Func
	consts map[string]value.Value
}

// NewModule makes an empty module; scripts call its functions as
// name::function. The name may have several parts: "a::b".
func NewModule(name string) *Module {
	return &Module{name: name, consts: map[string]value.Value{}}
}

// Name is the module's name.
func (m *Module) Name() string { return m.name }

// Func adds a function. Overloads differ by number and types of parameters; a
// call that no overload accepts is an error in the script. In the Global
// module a function can also be called as a method of its first argument. doc
// is a line for people.
func (m *Module) Func(name string, params []Type, f func(c *Call) error, doc ...string) *Module {
	n := &native.Func{Name: name, Call: func(c *native.Call) error { return f(wrap(c)) }}
	for i, p := range params {
		n.Params = append(n.Params, p.kinds)
		if p.obj != nil {
			if n.Objects == nil {
				n.Objects = make([]*value.ObjectType, len(params))
			}
			n.Objects[i] = p.obj
		}
	}
	if len(doc) > 0 {
		n.Doc = doc[0]
	}
	m.funcs = append(m.funcs, n)
	return m
}

// Getter adds a property that scripts read as x.name.
func (m *Module) Getter(on Type, name string, f func(c *Call) error) *Module {
	return m.Func("get$"+name, []Type{on}, f)
}

// Setter adds a property that scripts assign as x.name = v; v is argument 1.
func (m *Module) Setter(on Type, name string, val Type, f func(c *Call) error) *Module {
	return m.Func("set$"+name, []Type{on, val}, f)
}

// IndexGet adds x[i]; i is argument 1.
func (m *Module) IndexGet(on, index Type, f func(c *Call) error) *Module {
	return m.Func("index$get", []Type{on, index}, f)
}

// IndexSet adds x[i] = v; i and v are arguments 1 and 2.
func (m *Module) IndexSet(on, index, val Type, f func(c *Call) error) *Module {
	return m.Func("index$set", []Type{on, index, val}, f)
}

// Const adds a constant, read as module::name: a bool, integer, float, rune or
// string. It panics on anything else.
func (m *Module) Const(name string, v any) *Module {
	switch v := v.(type) {
	case bool:
		m.consts[name] = value.Bool(v)
	case float64:
		m.consts[name] = value.Float(v)
	case rune:
		m.consts[name] = value.Char(v)
	case string:
		m.consts[name] = value.Static(v)
	default:
		i, ok := toInt(v)
		if !ok {
			panic(fmt.Sprintf("rhai: a constant cannot be a %T", v))
		}
		m.consts[name] = value.Int(i)
	}
	return m
}

// Call is one call of a native function. It is valid until the function
// returns.
type Call struct {
	heap
	c *native.Call
}

func wrap(c *native.Call) *Call { return &Call{heap{c.Heap, c.Env}, c} }

// N is the number of arguments, the receiver of a method included.
func (c *Call) N() int { return c.c.N() }

// Arg is argument i; the receiver of a method is argument 0.
func (c *Call) Arg(i int) Value { return Value{c.c.Arg(i).Plain().Share()} }

// Return sets the result; a function that never calls it returns ().
func (c *Call) Return(v Value) error {
	c.c.Result = v.v
	return nil
}

// Object makes a value of a host type made by NewObjectType; size is what its
// data is charged, in bytes.
func (c *Call) Object(t Type, data any, size int) (Value, error) { return c.object(t, data, size) }

// Object makes a value of a host type made by NewObjectType; size is what its
// data is charged, in bytes.
func (v *VM) Object(t Type, data any, size int) (Value, error) { return v.heap.object(t, data, size) }

func (h heap) object(t Type, data any, size int) (Value, error) {
	if err := h.h.Reserve(size); err != nil {
		return Value{}, err
	}
	return Value{h.h.NewObject(t.obj, data, 0)}, nil
}

// Charge bills operations for work in proportion to n, before it is done.
// Return its error.
func (c *Call) Charge(n int) error { return c.env.Charge(n) }

// Context is the run's.
func (c *Call) Context() context.Context { return c.env.Context() }

// Host is what the embedder put into Run.Host.
func (c *Call) Host() any { return c.env.Host() }

// Throw makes an error to return: the script's catch receives v.
func (c *Call) Throw(v Value) error {
	text, err := c.Text(v)
	if err != nil {
		return err
	}
	return &value.Error{Kind: value.ErrRuntime, Msg: text, Value: v.v}
}

// Fail makes an error to return: the script's catch receives the text.
func (c *Call) Fail(format string, args ...any) error {
	msg := fmt.Sprintf(format, args...)
	return &value.Error{Kind: value.ErrRuntime, Msg: msg, Value: c.h.NewString(msg)}
}

// The machine's allocators, for Run.Args and Run.GlobalsFunc.

// String makes a string.
func (v *VM) String(s string) (Value, error) { return v.heap.String(s) }

// Bytes makes a blob of a copy of b.
func (v *VM) Bytes(b []byte) (Value, error) { return v.heap.Bytes(b) }

// Array makes an array of the values.
func (v *VM) Array(vs []Value) (Value, error) { return v.heap.Array(vs) }

// NewMap starts an empty map.
func (v *VM) NewMap() *MapBuilder { return v.heap.NewMap() }

// ToValue converts Go data: nil, bool, integers, floats, string, []byte,
// []any, []string, map[string]any, map[string]string and Value.
func (v *VM) ToValue(x any) (Value, error) { return v.heap.ToValue(x) }

// Values converts several pieces of Go data, as ToValue does.
func (v *VM) Values(xs ...any) ([]Value, error) { return v.heap.Values(xs...) }

// Go converts a value to plain Go data; see Call.Go.
func (v *VM) Go(x Value) (any, error) { return v.heap.Go(x) }

// Text is what print shows of x.
func (v *VM) Text(x Value) (string, error) { return v.heap.Text(x) }

// Inspect is what debug shows of x: strings in quotes, for example.
func (v *VM) Inspect(x Value) (string, error) { return v.heap.Inspect(x) }

// JSON encodes x as JSON (RFC 8259). A function or a host value is an error.
func (v *VM) JSON(x Value) ([]byte, error) { return v.heap.JSON(x) }

// FromJSON decodes JSON (RFC 8259).
func (v *VM) FromJSON(data []byte) (Value, error) { return v.heap.FromJSON(data) }
