package rhai

import "fmt"

// Arg lists the Go types that a parameter of a typed function may have. A rune
// is a character, []byte a blob (a view, not to be kept or changed), Value
// anything.
type Arg interface {
	bool | int64 | float64 | string | rune | []byte | Value
}

// Result lists the Go types that a typed function may return besides an error.
// struct{} is ().
type Result interface {
	bool | int64 | int | float64 | string | rune | []byte | []string | []any | map[string]any | struct{} | Value
}

// Func0 adds a Go function without parameters to m. The types are looked at
// once, here; a call uses no reflection. The error of a typed function is
// thrown in the script, where it can be caught as a text.
func Func0[R Result](m *Module, name string, f func() (R, error), doc ...string) *Module {
	return m.Func(name, nil, func(c *Call) error { return result(c)(f()) }, doc...)
}

// Func1 adds a Go function of one parameter to m; see Func0. In the Global
// module it is a method of its parameter, too.
func Func1[A Arg, R Result](m *Module, name string, f func(A) (R, error), doc ...string) *Module {
	return m.Func(name, []Type{typeOf[A]()}, func(c *Call) error { return result(c)(f(arg[A](c, 0))) }, doc...)
}

// Func2 adds a Go function of two parameters to m; see Func0.
func Func2[A, B Arg, R Result](m *Module, name string, f func(A, B) (R, error), doc ...string) *Module {
	return m.Func(name, []Type{typeOf[A](), typeOf[B]()}, func(c *Call) error {
		return result(c)(f(arg[A](c, 0), arg[B](c, 1)))
	}, doc...)
}

// Func3 adds a Go function of three parameters to m; see Func0.
func Func3[A, B, C Arg, R Result](m *Module, name string, f func(A, B, C) (R, error), doc ...string) *Module {
	return m.Func(name, []Type{typeOf[A](), typeOf[B](), typeOf[C]()}, func(c *Call) error {
		return result(c)(f(arg[A](c, 0), arg[B](c, 1), arg[C](c, 2)))
	}, doc...)
}

// result gives a function that makes a call's result of what a Go function
// returned.
func result(c *Call) func(any, error) error {
	return func(x any, err error) error {
		if err != nil {
			return err
		}
		if _, unit := x.(struct{}); unit {
			return nil
		}
		if r, ok := x.(rune); ok {
			return c.Return(Char(r))
		}
		v, err := c.ToValue(x)
		if err != nil {
			return err
		}
		return c.Return(v)
	}
}

func typeOf[A Arg]() Type {
	var a A
	switch any(a).(type) {
	case bool:
		return BoolType
	case int64:
		return IntType
	case float64:
		return FloatType
	case string:
		return StringType
	case rune:
		return CharType
	case []byte:
		return BlobType
	case Value:
		return AnyType
	}
	panic(fmt.Sprintf("rhai: %T is not an Arg", a))
}

// arg converts an argument, whose type the overload's signature has made sure
// of.
func arg[A Arg](c *Call, i int) A {
	v := c.Arg(i)
	var a A
	switch p := any(&a).(type) {
	case *bool:
		*p, _ = v.AsBool()
	case *int64:
		*p, _ = v.AsInt()
	case *float64:
		*p, _ = v.AsFloat()
	case *string:
		*p, _ = v.AsString()
	case *rune:
		*p, _ = v.AsChar()
	case *[]byte:
		*p, _ = v.AsBytes()
	case *Value:
		*p = v
	}
	return a
}
