package stdlib

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// env is a machine for natives that need none.
type env struct {
	heap  value.Heap
	r     *native.Registry
	ops   int
	now   int64
	slept int64
}

func newCase() *env {
	e := &env{r: native.NewRegistry()}
	Register(e.r)
	return e
}

func (e *env) Charge(n int) error                  { e.ops += n; return nil }
func (e *env) Position() syntax.Pos                { return syntax.Pos{} }
func (e *env) Print(string) error                  { return nil }
func (e *env) Debug(string, syntax.Pos) error      { return nil }
func (e *env) Now() int64                          { return e.now }
func (e *env) Sleep(nanos int64) error             { e.slept += nanos; return nil }
func (e *env) ScriptFunc(string, string, int) bool { return false }
func (e *env) ParseJSON(text string) (value.Value, error) {
	return value.ParseJSON(&e.heap, e, []byte(text), 64)
}
func (e *env) Context() context.Context { return context.Background() }
func (e *env) Host() any                { return nil }

// call calls the overload that accepts the arguments. The first argument is
// changed in place.
func (e *env) call(name string, in []value.Value) (value.Value, error) {
	c := native.Call{Heap: &e.heap, Env: e}
	if len(in) > 0 {
		c.Recv, c.Rest = &in[0], in[1:]
	}
	for _, f := range e.r.Find(name, len(in)) {
		if f.Accepts(c.Recv, c.Rest) {
			if f.Task != nil {
				return e.drive(f, &c)
			}
			err := f.Call(&c)
			return c.Result, err
		}
	}
	return value.Unit, errNotFound
}

var errNotFound = fmt.Errorf("not found")

// made is where the values of the tables come from.
var made value.Heap

func str(s string) value.Value { return made.NewString(s) }

func rng(a, b int64, inclusive bool) value.Value { return made.NewRange(a, b, inclusive) }

func args(vs ...value.Value) []value.Value { return vs }

// row is a call and its outcome: the result's debug text, behind it that of the
// receiver when it changed; the kind of an error; or "not found".
type row struct {
	name string
	args []value.Value
	want string
}

func check(t *testing.T, rows []row) {
	t.Helper()
	e := newCase()
	for _, r := range rows {
		name := r.name
		before := ""
		if len(r.args) > 0 {
			r.args[0].Share()
			before, _ = value.Debug(nil, r.args[0])
			name = before + "." + name
		}
		for _, a := range r.args[min(1, len(r.args)):] {
			text, _ := value.Debug(nil, a)
			name += " " + text
		}
		in := append([]value.Value(nil), r.args...)
		v, err := e.call(r.name, in)
		got, _ := value.Debug(nil, v)
		if err != nil {
			got = err.Error()
			if ve, ok := err.(*value.Error); ok {
				got = string(ve.Kind)
			}
		} else if len(in) > 0 {
			if after, _ := value.Debug(nil, in[0]); after != before {
				got += " " + after
			}
		}
		if got != r.want {
			t.Errorf("%s: %s, want %s", name, got, r.want)
		}
		if len(r.args) > 0 {
			if now, _ := value.Debug(nil, r.args[0]); now != before {
				t.Errorf("%s changed a shared value to %s", name, now)
			}
		}
	}
}

func TestEveryFunctionIsDescribed(t *testing.T) {
	e := newCase()
	n := 0
	e.r.All(func(f *native.Func) bool {
		n++
		if f.Doc == "" || len(f.ParamNames) != len(f.Params) {
			t.Errorf("%s/%d has no description", f.Name, len(f.Params))
		}
		if (f.Call == nil) == (f.Task == nil) {
			t.Errorf("%s/%d needs either Call or Task", f.Name, len(f.Params))
		}
		return true
	})
	if n < 200 {
		t.Errorf("only %d functions", n)
	}
}

func TestNumbers(t *testing.T) {
	i, f, s := value.Int, value.Float, str
	nan, inf := f(math.NaN()), f(math.Inf(1))
	check(t, []row{
		{"abs", args(i(-5)), "5"},
		{"abs", args(i(math.MinInt64)), "ErrorArithmetic"},
		{"abs", args(f(-0.5)), "0.5"},
		{"abs", args(value.Byte(1)), "not found"},
		{"sign", args(i(-5)), "-1"}, {"sign", args(i(0)), "0"}, {"sign", args(i(math.MinInt64)), "-1"}, {"sign", args(i(7)), "1"},
		{"sign", args(f(math.Copysign(0, -1))), "0"}, {"sign", args(nan), "ErrorArithmetic"}, {"sign", args(inf), "1"},
		{"get$is_odd", args(i(-3)), "true"}, {"is_even", args(value.Byte(4)), "true"}, {"is_odd", args(f(1)), "not found"},
		{"get$is_zero", args(f(math.Copysign(0, -1))), "true"},
		{"max", args(i(1), f(2)), "2.0"}, {"max", args(nan, f(1)), "1.0"}, {"max", args(f(1), nan), "NaN"}, {"min", args(i(3), i(2)), "2"},
		{"max", args(value.Char('a'), value.Char('b')), "b"}, {"max", args(s("a"), value.Char('b')), "not found"},
		{"max", args(value.Byte(1), value.Byte(2)), "2"}, {"max", args(value.Bool(true), value.Bool(false)), "not found"},
		{"round", args(f(2.5)), "3.0"}, {"round", args(f(-2.5)), "-3.0"}, {"get$int", args(f(-2.7)), "-2.0"}, {"ceiling", args(f(-0.5)), "-0.0"},
		{"fraction", args(f(1.25)), "0.25"}, {"floor", args(i(1)), "not found"}, {"is_nan", args(nan), "true"}, {"is_finite", args(inf), "false"},
		{"sqrt", args(f(-1)), "NaN"}, {"log", args(f(1000)), "3.0"}, {"log", args(f(1000), f(10)), "2.9999999999999996"}, {"ln", args(f(0)), "-inf"},
		{"atan", args(f(1), f(-1)), "2.356194490192345"}, {"hypot", args(f(3), f(4)), "5.0"}, {"PI", nil, "3.141592653589793"},
		{"to_degrees", args(f(1e13)), "572957795130823.3"},
		{"to_int", args(f(-2.9)), "-2"}, {"to_int", args(nan), "0"}, {"to_int", args(f(1 << 63)), "9223372036854775807"}, {"to_int", args(inf), "ErrorArithmetic"},
		{"to_int", args(value.Char('a')), "97"}, {"to_int", args(s("5")), "not found"}, {"to_float", args(i(2)), "2.0"}, {"to_float", args(value.Char('a')), "not found"},
		{"parse_int", args(s(" -12 ")), "-12"}, {"parse_int", args(s("+5")), "5"}, {"parse_int", args(s("1_0")), "ErrorArithmetic"},
		{"parse_int", args(s("zz"), i(36)), "1295"}, {"parse_int", args(s("1"), i(37)), "ErrorArithmetic"}, {"parse_int", args(s("")), "ErrorArithmetic"},
		{"parse_float", args(s(".5")), "0.5"}, {"parse_float", args(s("5.")), "5.0"}, {"parse_float", args(s("-Infinity")), "-inf"}, {"parse_float", args(s("+nan")), "NaN"},
		{"parse_float", args(s("1e999")), "inf"}, {"parse_float", args(s("0x1p4")), "ErrorArithmetic"}, {"parse_float", args(s("1_0.0")), "ErrorArithmetic"}, {"parse_float", args(s(".")), "ErrorArithmetic"},
		{"to_hex", args(i(-1)), `"ffffffffffffffff"`}, {"to_binary", args(value.Byte(5)), `"101"`}, {"to_octal", args(i(8)), `"10"`},
	})
}

func TestBits(t *testing.T) {
	i := value.Int
	check(t, []row{
		{"get_bit", args(i(4), i(2)), "true"}, {"get_bit", args(i(-1), i(-1)), "true"}, {"get_bit", args(i(0), i(64)), "ErrorBitFieldBounds"}, {"get_bit", args(i(0), i(-65)), "ErrorBitFieldBounds"},
		{"set_bit", args(i(0), i(-1), value.Bool(true)), "() -9223372036854775808"}, {"set_bit", args(i(7), i(1), value.Bool(false)), "() 5"}, {"set_bit", args(i(7), i(1), i(0)), "not found"},
		{"get_bits", args(i(-1), i(60), i(9)), "15"}, {"get_bits", args(i(5), i(99), i(0)), "0"}, {"get_bits", args(i(5), i(64), i(1)), "ErrorBitFieldBounds"},
		{"get_bits", args(i(-1), rng(0, 64, true)), "ErrorBitFieldBounds"}, {"get_bits", args(i(-1), rng(60, 100, false)), "15"}, {"get_bits", args(i(-1), i(0), i(64)), "-1"},
		{"get_bits", args(i(-1), rng(3, 1, true)), "0"}, {"set_bits", args(i(0), i(4), i(4), i(255)), "() 240"}, {"set_bits", args(i(0), rng(0, 3, true), i(-1)), "() 15"},
		{"set_bits", args(i(0), rng(64, 70, false), i(-1)), "ErrorBitFieldBounds"},
	})
}

func TestRangesAndTags(t *testing.T) {
	i := value.Int
	check(t, []row{
		{"start", args(rng(1, 5, false)), "1"}, {"get$end", args(rng(1, 5, true)), "5"}, {"is_empty", args(rng(5, 5, false)), "true"}, {"is_empty", args(rng(5, 5, true)), "false"},
		{"contains", args(rng(1, 5, false), i(5)), "false"}, {"contains", args(rng(1, 5, true), i(5)), "true"}, {"contains", args(rng(1, 5, true), value.Float(5)), "not found"},
		{"range", args(i(1), i(5)), "1..5"}, {"range", args(rng(1, 5, true), i(1)), "ErrorFunctionNotFound"},
		{"range", args(i(1), i(5), i(0)), "ErrorInFunctionCall"}, {"range", args(value.Float(1e20), value.Float(2e20), value.Float(1)), "ErrorInFunctionCall"},
		{"range", args(i(1), value.Float(5)), "not found"}, {"range", args(i(1), i(5), value.Float(1)), "not found"},
		{"tag", args(str("x")), "0"}, {"set_tag", args(str("x"), i(1<<31)), "ErrorArithmetic"}, {"set_tag", args(str("x"), i(-5)), "()"},
	})
	e := newCase()
	v := args(e.heap.NewString("x"), i(-5))
	if _, err := e.call("set_tag", v); err != nil || v[0].Tag() != -5 {
		t.Errorf("tag %d, %v", v[0].Tag(), err)
	}
	v[1] = i(3)
	if _, err := e.call("set$tag", v); err != nil || v[0].Tag() != 3 {
		t.Errorf("tag %d, %v", v[0].Tag(), err)
	}
}

func TestIterators(t *testing.T) {
	i, f, b := value.Int, value.Float, value.Byte
	for _, c := range []struct {
		name string
		args []value.Value
		want string
	}{
		{"range", args(i(0), i(10), i(4)), "[0, 4, 8]"},
		{"range", args(i(5), i(0), i(-2)), "[5, 3, 1]"},
		{"range", args(i(5), i(0), i(2)), "[]"},
		{"range", args(rng(0, 5, false), i(2)), "[0, 2, 4]"},
		{"range", args(i(math.MaxInt64-7), i(math.MaxInt64), i(4)), "[9223372036854775800]"},
		{"range", args(f(0), f(1), f(0.4)), "[0.0, 0.4, 0.8]"},
		{"range", args(f(1), f(0), f(-0.4)), "[1.0, 0.6, 0.19999999999999996]"},
		{"range", args(f(math.NaN()), f(1), f(1)), "[]"},
		{"range", args(b(250), b(255), b(3)), "[250]"},
		{"range", args(b(3), b(6)), "[3, 4, 5]"},
		{"range", args(b(6), b(3)), "[]"},
		{"chars", args(str("héllo")), "[h, é, l, l, o]"},
		{"get$chars", args(str("hé")), "[h, é]"},
		{"chars", args(str("héllo"), i(-2)), "[l, o]"},
		{"chars", args(str("héllo"), i(1), i(2)), "[é, l]"},
		{"chars", args(str("héllo"), i(9), i(2)), "[]"},
		{"chars", args(str("héllo"), rng(3, 1, true)), "[]"},
		{"chars", args(str("héllo"), rng(-3, 1, true)), "[h, é]"},
		{"bits", args(i(5), i(0), i(4)), "[true, false, true, false]"},
		{"bits", args(i(-1), i(-2)), "[true, true]"},
		{"bits", args(i(5), rng(1, 3, false)), "[false, true]"},
		{"bits", args(i(5), rng(1, 0, true)), "[]"},
		{"bits", args(i(5), i(3), i(-1)), "[]"},
	} {
		e := newCase()
		v, err := e.call(c.name, c.args)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var items []value.Value
		at := i(0)
		for len(items) < 100 {
			x, ok := v.Iter().At(&at)
			if !ok {
				break
			}
			items = append(items, x)
		}
		if got, _ := value.Debug(nil, made.NewArray(items)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	check(t, []row{{"bits", args(i(5), i(64), i(0)), "ErrorBitFieldBounds"}})
}

func TestTime(t *testing.T) {
	e := newCase()
	e.now = 5_500_000_000
	v, err := e.call("timestamp", nil)
	if err != nil || v.Time().Nanos != e.now {
		t.Fatalf("%v, %v", v, err)
	}
	e.now = 7_000_000_000
	if d, err := e.call("get$elapsed", args(v)); err != nil || d.Float() != 1.5 {
		t.Errorf("%v, %v", d, err)
	}
	e.now = 0
	if _, err := e.call("elapsed", args(v)); err == nil {
		t.Error("a moment in the future has elapsed")
	}
	for _, s := range []value.Value{value.Int(2), value.Float(0.5), value.Int(-1), value.Float(math.NaN()), value.Float(math.Inf(1)), value.Float(5e-324)} {
		if _, err := e.call("sleep", args(s)); err != nil {
			t.Error(err)
		}
	}
	if e.slept != 2_500_000_000 {
		t.Errorf("slept %d ns", e.slept)
	}
}

func TestCore(t *testing.T) {
	fn := made.NewFn("double", nil, nil)
	check(t, []row{
		{"to_string", args(value.Float(1e13)), `"1e13"`}, {"to_debug", args(str("a\"")), `"\"a\\\"\""`}, {"to_string", args(value.Unit), `""`}, {"to_debug", args(value.Unit), `"()"`},
		{"get$name", args(fn), `"double"`}, {"is_anonymous", args(fn), "false"}, {"is_anonymous", args(made.NewFn("anon$1", nil, nil)), "true"},
		{"to_json", args(made.NewMap()), `"{}"`}, {"to_json", args(value.Int(1)), "not found"}, {"parse_json", args(str(`{"a":[1]}`)), `#{"a": [1]}`},
	})
}
