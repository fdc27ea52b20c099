package stdlib

import (
	"testing"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// callback is a script function as the tests write one.
type callback struct {
	params int
	call   func(this *value.Value, args []value.Value) (value.Value, error)
}

// fn makes a pointer to a function of params parameters that has no use for
// `this`.
func fn(params int, call func(args []value.Value) value.Value) value.Value {
	return onThis(params, func(_ *value.Value, args []value.Value) (value.Value, error) { return call(args), nil })
}

func onThis(params int, call func(this *value.Value, args []value.Value) (value.Value, error)) value.Value {
	return made.NewFn("f", nil, callback{params, call})
}

var errThrown = value.Errorf(value.ErrRuntime, "thrown")

// throwing fails when its first argument is x.
func throwing(params int, x value.Value, otherwise value.Value) value.Value {
	return onThis(params, func(_ *value.Value, args []value.Value) (value.Value, error) {
		if args[0] == x {
			return value.Unit, errThrown
		}
		return otherwise, nil
	})
}

// shapes tells, for a shape and a number of parameters, which arguments are
// passed and which one is `this`; -1 is none.
var shapes = map[native.Shape]map[int]struct {
	args []int
	this int
}{
	native.ShapeExact: {2: {[]int{0, 1}, -1}},
	native.ShapeItem:  {0: {nil, 0}, 1: {[]int{0}, -1}, 2: {[]int{0, 1}, -1}},
	native.ShapeEach:  {0: {nil, 0}, 1: {[]int{1}, 0}},
	native.ShapeFold:  {1: {[]int{0}, 1}, 2: {[]int{0, 1}, -1}, 3: {[]int{0, 1, 2}, -1}},
	native.ShapeEntry: {1: {[]int{0}, 1}, 2: {[]int{0, 1}, -1}},
	native.ShapePair:  {2: {[]int{0, 1}, -1}, 3: {[]int{0, 1, 2}, -1}},
}

// drive runs a function that calls back, as the machine does.
func (e *env) drive(f *native.Func, c *native.Call) (value.Value, error) {
	task, err := f.Task(c)
	if err != nil || task == nil {
		return c.Result, err
	}
	turn := native.Turn{Heap: c.Heap, Env: c.Env}
	for err == nil && !turn.Finished {
		if err = task.Resume(&turn); err == nil && !turn.Finished {
			e.answer(&turn)
		}
		task.Visit(func(value.Value) {})
	}
	if r, ok := task.(native.Receiver); ok {
		if v, changed := r.Receiver(); changed {
			*c.Recv = v
		}
	}
	return turn.Return, err
}

func (e *env) answer(t *native.Turn) {
	t.Started, t.Err, t.HasThis = true, nil, false
	f, ok := t.Fn.Fn().Code.(callback)
	if !ok {
		if len(e.r.Find(t.Fn.Fn().Name, 1)) == 0 {
			t.Err = &value.Error{Kind: value.ErrInFunctionCall, Inner: value.NotFound(t.Fn.Fn().Name + " (i64)")}
			return
		}
		if t.Result, t.Err = e.call(t.Fn.Fn().Name, append([]value.Value(nil), t.Args[0])); t.Err == errNotFound {
			t.Err = value.NotFound(t.Fn.Fn().Name + " (i64)")
		}
		return
	}
	s, ok := shapes[t.Shape][f.params]
	if !ok {
		t.Err = value.NotFound("f")
		return
	}
	var args []value.Value
	for _, i := range s.args {
		args = append(args, t.Args[i])
	}
	if t.HasThis = s.this >= 0; t.HasThis {
		t.This = t.Args[s.this]
	}
	t.Result, t.Err = f.call(&t.This, args)
}

func list1(vs ...value.Value) value.Value {
	return made.NewArray(append([]value.Value(nil), vs...))
}

func ints(ns ...int64) value.Value {
	vs := make([]value.Value, len(ns))
	for i, n := range ns {
		vs[i] = value.Int(n)
	}
	return made.NewArray(vs)
}

func dict(kv ...any) value.Value {
	m := made.NewMap()
	for i := 0; i < len(kv); i += 2 {
		if err := m.Map().Set(&made, kv[i].(string), kv[i+1].(value.Value)); err != nil {
			panic(err)
		}
	}
	return m
}

// Common callbacks.
var (
	is2    = fn(1, func(a []value.Value) value.Value { return value.Bool(a[0] == value.Int(2)) })
	double = fn(1, func(a []value.Value) value.Value { return value.Int(2 * a[0].Int()) })
	pair   = fn(2, func(a []value.Value) value.Value { return list1(a...) })
	triple = fn(3, func(a []value.Value) value.Value { return list1(a...) })
	zero   = fn(1, func(a []value.Value) value.Value { return value.Int(0) })
	// tenfold changes `this` and says true when it is above 10 then.
	tenfold = onThis(0, func(this *value.Value, _ []value.Value) (value.Value, error) {
		*this = value.Int(10 * this.Int())
		return value.Bool(this.Int() > 10), nil
	})
)

func TestArrayCallbacks(t *testing.T) {
	i, a := value.Int, ints
	check(t, []row{
		{"map", args(a(1, 2), double), "[2, 4]"},
		{"map", args(a(5, 6), pair), "[[5, 0], [6, 1]]"},
		{"map", args(a(1, 2), tenfold), "[false, true] [10, 20]"},
		{"map", args(a(), double), "[]"},
		{"map", args(a(-1, 2), str("abs")), "[1, 2]"},
		{"map", args(a(), str("a b")), "ErrorFunctionNotFound"},
		{"map", args(a(), str("+")), "ErrorParsing"},
		{"map", args(a(1), triple), "ErrorFunctionNotFound"},
		{"map", args(a(1), i(1)), "not found"},
		{"map", args(a(1, 2), throwing(1, i(2), i(0))), "ErrorRuntime"},
		{"filter", args(a(1, 2, 3, 2), is2), "[2, 2]"},
		{"filter", args(a(1, 2), zero), "[]"},
		{"filter", args(a(1, 2), tenfold), "[20] [10, 20]"},
		{"filter", args(a(1, 2), str("is_odd")), "[1]"},
		{"for_each", args(a(1, 2), tenfold), "() [10, 20]"},
		{"for_each", args(a(), tenfold), "()"},
		{"for_each", args(a(1), pair), "ErrorFunctionNotFound"},
		{"for_each", args(a(1), str("abs")), "not found"},

		{"reduce", args(a(1, 2), pair), "[[(), 1], 2]"},
		{"reduce", args(a(1, 2), pair, i(0)), "[[0, 1], 2]"},
		{"reduce", args(a(7), triple, i(0)), "[0, 7, 0]"},
		{"reduce", args(a(), pair, i(3)), "3"},
		{"reduce", args(a(), pair), "()"},
		{"reduce_rev", args(a(1, 2), triple, i(0)), "[[0, 2, 1], 1, 0]"},
		{"reduce_rev", args(a(1, 2), onThis(1, func(this *value.Value, a []value.Value) (value.Value, error) {
			sum := value.Int(a[0].Int() + this.Int())
			*this = value.Int(0)
			return sum, nil
		}), i(4)), "7 [0, 0]"},

		{"some", args(a(1, 2), is2), "true"},
		{"some", args(a(1, 2), zero), "false"},
		{"some", args(a(), is2), "false"},
		{"some", args(a(1), str("is_odd")), "true"},
		{"all", args(a(2, 2), is2), "true"},
		{"all", args(a(2, 1), is2), "false"},
		{"all", args(a(), is2), "true"},
		{"find", args(a(1, 2, 3), is2), "2"},
		{"find", args(a(1, 3), is2), "()"},
		{"find", args(a(2, 1), is2, i(1)), "()"},
		{"find", args(a(2, 1), is2, i(-9)), "2"},
		{"find", args(a(1, 2, 3), tenfold), "20 [10, 20, 3]"},
		{"find", args(a(1), str("is_odd")), "not found"},
		{"find_map", args(a(1, 2), is2), "false"},
		{"find_map", args(a(1, 2), fn(1, func([]value.Value) value.Value { return value.Unit })), "()"},
		{"find_map", args(a(1, 2), double, i(1)), "4"},
		{"find_map", args(a(1, 2), double, i(2)), "()"},
		{"index_of", args(a(1, 2), is2), "1"},
		{"index_of", args(a(2, 1, 2), is2, i(1)), "2"},
		{"index_of", args(a(1), is2), "-1"},
		{"index_of", args(a(2, 1), str("is_odd")), "1"},
		{"index_of", args(list1(i(1), str("nope")), str("nope")), "1"},
		{"index_of", args(list1(str("+"), str("+")), str("+"), i(1)), "1"},
		{"index_of", args(list1(str("len")), str("len")), "-1"},
		{"index_of", args(list1(str("len"), i(1)), str("len")), "0"},

		{"zip", args(a(1, 2), a(3, 4, 5), pair), "[[1, 3], [2, 4]]"},
		{"zip", args(a(1, 2), a(3), triple), "[[1, 3, 0]]"},
		{"zip", args(a(), a(3), triple), "[]"},
		{"zip", args(a(1), a(3), double), "ErrorFunctionNotFound"},

		{"drain", args(a(1, 2, 3, 2), is2), "[2, 2] [1, 3]"},
		{"drain", args(a(1, 2), tenfold), "[20] [10]"},
		{"drain", args(a(1, 2), str("is_odd")), "[1] [2]"},
		{"drain", args(a(), is2), "[]"},
		{"retain", args(a(1, 2, 3, 2), is2), "[1, 3] [2, 2]"},
		{"retain", args(a(1, 3), zero), "[1, 3] []"},
		{"dedup", args(a(1, 3, 2, 4, 5), fn(2, func(a []value.Value) value.Value {
			return value.Bool((a[0].Int()^a[1].Int())&1 == 0)
		})), "() [1, 2, 5]"},
		{"dedup", args(a(1, 1), is2), "()"},
	})
}

// What a function on a mutable receiver has done before an error stays.
func TestArrayCallbackErrors(t *testing.T) {
	e := newCase()
	for _, c := range []struct {
		name string
		f    value.Value
		want string
	}{
		{"drain", throwing(1, value.Int(3), value.Bool(true)), "[3, 4]"},
		{"retain", throwing(1, value.Int(3), value.Bool(true)), "[1, 2, 3, 4]"},
		{"for_each", onThis(1, func(this *value.Value, a []value.Value) (value.Value, error) {
			*this = value.Int(0)
			if a[0].Int() == 1 {
				return value.Unit, errThrown
			}
			return value.Unit, nil
		}), "[0, 0, 3, 4]"},
		{"sort", throwing(2, value.Int(3), value.Int(1)), ""},
	} {
		in := args(ints(1, 2, 3, 4), c.f)
		_, err := e.call(c.name, in)
		if (err == nil) != (c.want == "") {
			t.Errorf("%s: error %v", c.name, err)
		}
		if got, _ := value.Debug(nil, in[0]); c.want != "" && got != c.want {
			t.Errorf("%s leaves %s, want %s", c.name, got, c.want)
		}
	}
}

func TestMapCallbacks(t *testing.T) {
	i := value.Int
	m := dict("a", i(1), "b", i(2))
	valueIs2 := fn(2, func(a []value.Value) value.Value { return value.Bool(a[1] == value.Int(2)) })
	grow := onThis(1, func(this *value.Value, a []value.Value) (value.Value, error) {
		*this = i(this.Int() + 1)
		return value.Bool(a[0].Str() == "a"), nil
	})
	check(t, []row{
		{"map", args(m, pair), `#{"a": ["a", 1], "b": ["b", 2]}`},
		{"map", args(m, grow), `#{"a": true, "b": false} #{"a": 2, "b": 3}`},
		{"map", args(dict(), pair), "#{}"},
		{"map", args(m, tenfold), "ErrorFunctionNotFound"},
		{"map", args(m, str("len")), "not found"},
		{"filter", args(m, valueIs2), `#{"b": 2}`},
		{"filter", args(m, grow), `#{"a": 2} #{"a": 2, "b": 3}`},
		{"filter", args(m, pair), "#{}"},
		{"drain", args(m, valueIs2), `#{"b": 2} #{"a": 1}`},
		{"drain", args(m, grow), `#{"a": 2} #{"b": 3}`},
		{"retain", args(m, valueIs2), `#{"a": 1} #{"b": 2}`},
		{"retain", args(dict(), pair), "#{}"},
	})
}

func TestMapCallbackErrors(t *testing.T) {
	e := newCase()
	in := args(dict("a", value.Int(1), "b", value.Int(2), "c", value.Int(3), "d", value.Int(4)),
		onThis(2, func(_ *value.Value, a []value.Value) (value.Value, error) {
			switch a[0].Str() {
			case "b":
				return value.Bool(true), nil
			case "c":
				return value.Unit, errThrown
			}
			return value.Bool(false), nil
		}))
	in[0].Ref.Tag = 7
	if _, err := e.call("drain", in); err != errThrown {
		t.Errorf("error %v", err)
	}
	if got, _ := value.Debug(nil, in[0]); got != `#{"a": 1, "d": 4}` || in[0].Tag() != 7 {
		t.Errorf("it leaves %s with tag %d", got, in[0].Tag())
	}
}
