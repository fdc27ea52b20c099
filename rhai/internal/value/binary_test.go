package value

import (
	"math"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai/internal/syntax"
)

// fuel is a Meter with a budget.
type fuel int

func (f *fuel) Charge(n int) error {
	if *f -= fuel(n); *f < 0 {
		return Errorf(ErrTooManyOps, "out of fuel")
	}
	return nil
}

func arr(h *Heap, vs ...Value) Value { return h.NewArray(vs) }

func obj(h *Heap, kv ...any) Value {
	m := h.NewMap()
	for i := 0; i < len(kv); i += 2 {
		if err := m.Map().Set(h, kv[i].(string), kv[i+1].(Value)); err != nil {
			panic(err)
		}
	}
	return m
}

func outcome(h *Heap, v Value, err error) string {
	if err == ErrNoOperator {
		return "none"
	}
	if e, ok := err.(*Error); ok {
		if e.NoPos {
			return string(e.Kind) + " nowhere"
		}
		return string(e.Kind)
	}
	t, err := Debug(nil, v)
	if err != nil {
		return err.Error()
	}
	return t
}

var ops = func() map[string]syntax.Op {
	m := map[string]syntax.Op{}
	for op := syntax.OpAdd; op <= syntax.OpGe; op++ {
		m[op.String()] = op
	}
	return m
}()

func TestBinary(t *testing.T) {
	h := &Heap{}
	s := func(s string) Value { return h.NewString(s) }
	blob := func(b ...byte) Value { return h.NewBlob(b) }
	inf, nan := Float(math.Inf(1)), Float(math.NaN())
	rng := func(a, b int64, incl bool) Value { return h.NewRange(a, b, incl) }
	fn := h.NewFn("f", nil, nil)
	iter := func(of IterOf, from Value) Value { return h.NewIter(Iter{Of: of, From: from}) }
	for _, c := range []struct {
		a    Value
		op   string
		b    Value
		want string
	}{
		{Int(maxInt), "+", Int(1), "ErrorArithmetic nowhere"},
		{Int(minInt), "-", Int(1), "ErrorArithmetic nowhere"},
		{Int(minInt), "+", Int(maxInt), "-1"},
		{Int(5), "-", Int(minInt), "ErrorArithmetic nowhere"},
		{Int(-5), "-", Int(minInt), "9223372036854775803"},
		{Int(0), "+", Int(0), "0"},
		{Int(0), "-", Int(0), "0"},
		{Int(-3), "*", Int(minInt), "ErrorArithmetic nowhere"},
		{Int(minInt), "*", Int(-1), "ErrorArithmetic nowhere"},
		{Int(-1), "*", Int(minInt), "ErrorArithmetic nowhere"},
		{Int(1), "*", Int(minInt), "-9223372036854775808"},
		{Int(3037000500), "*", Int(3037000500), "ErrorArithmetic nowhere"},
		{Int(1), "/", Int(0), "ErrorArithmetic nowhere"},
		{Int(minInt), "/", Int(-1), "ErrorArithmetic nowhere"},
		{Int(minInt), "%", Int(-1), "ErrorArithmetic nowhere"},
		{Int(-7), "/", Int(2), "-3"},
		{Int(-7), "%", Int(2), "-1"},
		{Int(2), "**", Int(62), "4611686018427387904"},
		{Int(2), "**", Int(63), "ErrorArithmetic nowhere"},
		{Int(-2), "**", Int(63), "-9223372036854775808"},
		{Int(1), "**", Int(5000000000), "ErrorArithmetic nowhere"},
		{Int(1), "**", Int(math.MaxUint32), "1"},
		{Int(2), "**", Int(-1), "ErrorArithmetic nowhere"},
		{Int(1), "<<", Int(64), "0"},
		{Int(-5), ">>", Int(64), "-1"},
		{Int(8), "<<", Int(-2), "2"},
		{Int(1), ">>", Int(-3), "8"},
		{Int(-1), "<<", Int(minInt), "-1"},
		{Int(-1), ">>", Int(minInt), "0"},
		{Float(0.1 + 0.2), "==", Float(0.3), "true"},
		{Float(0.30000000000000004), ">", Float(0.3), "false"},
		{Float(1), "==", Float(1.000000000000001), "false"},
		{Float(0), "==", Float(1e-17), "true"},
		{Float(1e-300), "==", Float(2e-300), "true"},
		{inf, "==", inf, "false"},
		{inf, ">=", inf, "false"},
		{inf, ">", Float(1), "false"},
		{inf, "!=", inf, "false"},
		{nan, "!=", nan, "false"},
		{Int(1), "==", Float(1), "true"},
		{Int(1), "<", Float(1.5), "true"},
		{Float(7.5), "%", Int(2), "1.5"},
		{Float(2), "**", Int(-1), "0.5"},
		{Float(2), "<<", Int(1), "none"},
		{s("a"), "+", Float(2), `"a2.0"`},
		{s("a"), "+", Unit, `"a"`},
		{Unit, "+", s("a"), `"a"`},
		{s("a"), "+", arr(h, Int(1), s("x"), Char('c')), `"a[1, \"x\", c]"`},
		{Int(1), "+", s("x"), `"1x"`},
		{Char('a'), "+", Char('b'), `"ab"`},
		{Char('a'), "+", Int(1), "none"},
		{Char('a'), "+", s("b"), `"ab"`},
		{s("a"), "+", blob(0xe2, 0x82, 'x', 0xff), `"a` + "\ufffdx\ufffd" + `"`},
		{blob('h', 'i'), "+", s("!"), `"hi!"`},
		{s("abcabc"), "-", s("bc"), `"aa"`},
		{s("abc"), "-", Char('c'), `"ab"`},
		{s("abc"), "-", s(""), `"abc"`},
		{s(""), "-", s("abc"), `"abc"`},
		{s(""), "-", Char('c'), `""`},
		{s("abc"), "-", Int(1), "none"},
		{s("a"), "==", Char('a'), "true"},
		{Char('b'), ">", s("ab"), "true"},
		{s(""), "<", Char('a'), "true"},
		{s("é"), ">", s("z"), "true"},
		{Unit, "==", Unit, "true"},
		{Unit, "<=", Unit, "false"},
		{Unit, "!=", Unit, "false"},
		{Int(1), "==", s("1"), "false"},
		{Int(1), "!=", s("1"), "true"},
		{Int(1), ">=", Bool(true), "false"},
		{Bool(true), ">", Bool(false), "true"},
		{Bool(true), "^", Bool(true), "false"},
		{Bool(true), "&", Int(1), "none"},
		{arr(h, Int(1), s("a")), "==", arr(h, Float(1), Char('a')), "true"},
		{arr(h, Int(1)), "<", arr(h, Int(2)), "none"},
		{arr(h, Int(1)), "<", Int(2), "false"},
		{arr(h, fn), "==", arr(h, fn), "ErrorFunctionNotFound"},
		{arr(h, fn), "!=", arr(h, fn), "ErrorFunctionNotFound"},
		{arr(h, fn), "==", arr(h, Int(1)), "false"},
		{arr(h, arr(h, fn)), "==", arr(h, arr(h, fn)), "false"},
		{arr(h, obj(h, "f", fn)), "!=", arr(h, obj(h, "f", fn)), "true"},
		{obj(h, "f", obj(h, "f", fn)), "!=", obj(h, "f", obj(h, "f", fn)), "ErrorFunctionNotFound"},
		{fn, "==", fn, "none"},
		{fn, "==", Int(1), "false"},
		{rng(1, 3, false), "==", rng(1, 3, true), "none"},
		{rng(1, 3, false), "!=", rng(1, 3, true), "true"},
		{rng(1, 3, false), "<", rng(1, 3, true), "none"},
		{rng(1, 3, true), "==", rng(1, 3, true), "true"},
		{arr(h, rng(1, 3, false)), "==", arr(h, rng(1, 3, true)), "false"},
		{obj(h, "a", rng(1, 3, false)), "==", obj(h, "a", rng(1, 3, true)), "ErrorFunctionNotFound"},
		{obj(h, "a", Int(1), "b", Int(2)), "==", obj(h, "b", Float(2), "a", Int(1)), "true"},
		{obj(h, "a", Int(1)), "==", obj(h, "b", Int(1)), "false"},
		{obj(h, "a", Int(1)), "+", obj(h, "a", Int(2), "b", Int(3)), `#{"a": 2, "b": 3}`},
		{arr(h, Int(1)), "+", arr(h, Int(2)), "[1, 2]"},
		{arr(h, Int(1)), "+", Int(2), "none"},
		{blob(1), "+", blob(2, 3), "[010203]"},
		{blob(1), "+", Char('é'), "[01c3a9]"},
		{blob(1), "+", Int(1), "none"},
		{blob(1), "==", blob(1), "true"},
		{blob(1), "<", blob(1), "none"},
		{blob(1), "==", Char('a'), "none"},
		{blob(1), "!=", Char('a'), "none"},
		{blob(1), "<", Char('a'), "none"},
		{Char('a'), "==", blob(1), "false"},
		{Byte(200), "+", Byte(100), "ErrorArithmetic"},
		{Byte(200), "-", Byte(201), "ErrorArithmetic"},
		{Byte(200), ">>", Int(100), "1"},
		{Byte(200), ">>", Int(-1), "144"},
		{Byte(200), "<<", Int(9), "0"},
		{Byte(2), "**", Int(7), "128"},
		{Byte(2), "**", Int(8), "ErrorArithmetic"},
		{Byte(1), "/", Byte(0), "ErrorArithmetic"},
		{Byte(1), "==", Int(1), "none"},
		{Byte(1), "<", Float(1), "none"},
		{Byte(1), "+", Int(1), "none"},
		{Byte(1), "==", s("1"), "false"},
		{iter(IterChars, Int(0)), "==", iter(IterBits, Int(0)), "false"},
		{iter(IterChars, Int(0)), "==", iter(IterChars, Int(1)), "none"},
		{h.NewTime(5e9), "-", h.NewTime(7500e6), "-2.5"},
		{h.NewTime(5e9), "<", h.NewTime(7), "false"},
		{h.NewTime(5e9), "+", Int(maxInt), "ErrorArithmetic"},
		{h.NewTime(5e9), "+", s("x"), `"<timestamp>x"`},
	} {
		v, err := Binary(h, nil, ops[c.op], c.a, c.b)
		if got := outcome(h, v, err); got != c.want {
			a, _ := Debug(nil, c.a)
			b, _ := Debug(nil, c.b)
			t.Errorf("%s %s %s = %s, want %s", a, c.op, b, got, c.want)
		}
	}
}

func TestTimestampsCountMilliseconds(t *testing.T) {
	h := &Heap{}
	for _, c := range []struct {
		op   string
		secs Value
		want int64
	}{
		{"+", Float(0.0019), 1e6}, {"-", Float(0.0019), -1e6}, {"+", Float(-0.0019), -1e6},
		{"+", Int(3), 3e9}, {"-", Int(-3), 3e9}, {"+", Float(math.NaN()), 0},
	} {
		v, err := Binary(h, nil, ops[c.op], h.NewTime(0), c.secs)
		if err != nil || v.Time().Nanos != c.want {
			t.Errorf("t %s %v: %v, %v", c.op, c.secs.Float(), v, err)
		}
	}
}

func TestAssign(t *testing.T) {
	h := &Heap{}
	s := func(s string) Value { return h.NewString(s) }
	for _, c := range []struct {
		a    Value
		op   string
		b    Value
		want string
	}{
		{Int(1), "+", Float(0.5), "1.5"},
		{Int(maxInt), "+", Int(1), "ErrorArithmetic"},
		{Int(1), "+", s("x"), `"1x"`},
		{Int(1), "+", Char('x'), "none"},
		{Char('a'), "+", s(""), "a"},
		{Char('a'), "+", s("b"), `"ab"`},
		{Char('a'), "+", Char('b'), `"ab"`},
		{s("a"), "+", Int(5), `"a5"`},
		{s("a"), "+", Unit, `"a"`},
		{s("a"), "+", h.NewBlob([]byte{0xff}), "\"a\ufffd\""},
		{s("abc"), "-", Char('b'), `"ac"`},
		{arr(h, Int(1)), "+", Int(2), "[1, 2]"},
		{arr(h, Int(1)), "+", arr(h, Int(2)), "[1, 2]"},
		{arr(h, Int(1)), "+", s("x"), `[1, "x"]`},
		{arr(h, Int(1)), "-", Int(2), "none"},
		{h.NewBlob([]byte{1}), "+", Int(258), "[0102]"},
		{h.NewBlob([]byte{1}), "+", s("a"), "[0161]"},
		{h.NewBlob([]byte{1}), "+", Char('é'), "[01c3a9]"},
		{h.NewBlob([]byte{1}), "+", h.NewBlob([]byte{2}), "[0102]"},
		{h.NewBlob([]byte{1}), "+", Float(1), "none"},
		{obj(h, "a", Int(1)), "+", obj(h, "b", Int(2)), `#{"a": 1, "b": 2}`},
		{obj(h, "a", Int(1)), "+", s("x"), `"#{\"a\": 1}x"`},
		{Bool(true), "&", Bool(false), "false"},
		{Bool(true), "+", Int(1), "none"},
		{h.NewTime(1e9), "-", Int(2), "<timestamp>"},
	} {
		// Shared first: what had the old value must keep it.
		old, _ := Debug(nil, c.a)
		dst := c.a.Share()
		if err := h.SetTag(&dst, 7); err != nil {
			t.Fatal(err)
		}
		dst.Share()
		err := Assign(h, nil, ops[c.op], &dst, c.b)
		if got := outcome(h, dst, err); got != c.want {
			t.Errorf("%s %s= …: %s, want %s", old, c.op, got, c.want)
		}
		if dst.Tag() != 7 {
			t.Errorf("%s %s= … lost the tag", old, c.op)
		}
		if now, _ := Debug(nil, c.a); now != old {
			t.Errorf("%s changed to %s under another name", old, now)
		}
	}
}

func TestAssignToItself(t *testing.T) {
	h := &Heap{}
	for want, v := range map[string]Value{
		"[1, 2, 1, 2]": arr(h, Int(1), Int(2)),
		`"abab"`:       h.NewString("ab"),
		"[01020102]":   h.NewBlob([]byte{1, 2}),
		`#{"a": 1}`:    obj(h, "a", Int(1)),
	} {
		err := Assign(h, nil, syntax.OpAdd, &v, v)
		if got := outcome(h, v, err); got != want {
			t.Errorf("x += x: %s, want %s", got, want)
		}
	}
}

func TestUnary(t *testing.T) {
	h := &Heap{}
	for _, c := range []struct {
		op   syntax.Op
		v    Value
		want string
	}{
		{syntax.OpNeg, Int(5), "-5"}, {syntax.OpNeg, Int(minInt), "ErrorArithmetic"}, {syntax.OpNeg, Float(0), "-0.0"},
		{syntax.OpNeg, Byte(1), "none"}, {syntax.OpPlus, Int(1), "1"}, {syntax.OpPlus, h.NewString("a"), "none"},
		{syntax.OpNot, Bool(true), "false"}, {syntax.OpNot, Int(1), "none"},
	} {
		v, err := Unary(c.op, c.v)
		if got := outcome(h, v, err); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.op, c.v, got, c.want)
		}
	}
}

func TestMakeRange(t *testing.T) {
	h := &Heap{}
	for _, c := range []struct {
		a, b Value
		incl bool
		want string
	}{
		{Int(1), Int(5), false, "1..5"}, {Unit, Int(5), true, "0..=5"}, {Int(3), Unit, false, "3.."}, {Int(3), Unit, true, "3..="},
		{Unit, Unit, false, "none"}, {Float(1), Int(2), false, "none"}, {Int(1), Char('a'), false, "none"},
	} {
		v, err := MakeRange(h, c.a, c.b, c.incl)
		if got := outcome(h, v, err); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// bomb is an array that holds itself twice, n levels deep.
func bomb(h *Heap, n int) Value {
	v := arr(h, Int(1))
	for range n {
		v = arr(h, v.Share(), v)
	}
	return v
}

func TestSharingBombsEndByFuel(t *testing.T) {
	h := &Heap{}
	a, b := bomb(h, 40), bomb(h, 40)
	for name, work := range map[string]func(m Meter) error{
		"equal":  func(m Meter) error { _, err := Equal(m, a, b); return err },
		"text":   func(m Meter) error { _, err := Text(m, a); return err },
		"concat": func(m Meter) error { _, err := Binary(h, m, syntax.OpAdd, h.NewString("x"), a); return err },
		"size": func(m Meter) error {
			return (&Heap{Sizes: Sizes{String: 1}}).CheckSize(m, a)
		},
	} {
		f := fuel(1_000_000)
		if err := work(&f); err == nil || f > 0 {
			t.Errorf("%s: %v with %d left", name, err, f)
		}
	}
}

func TestTextBombsEndByMemory(t *testing.T) {
	h := &Heap{Limit: 1 << 20}
	a := bomb(h, 40)
	_, err := h.TextOf(nil, a)
	if e, ok := err.(*Error); !ok || e.Kind != ErrMemory {
		t.Errorf("to_string: %v", err)
	}
}

func TestDeepNesting(t *testing.T) {
	h := &Heap{Sizes: Sizes{Array: 1 << 20}}
	deep := func() Value {
		v := arr(h)
		for range 100_000 {
			v = arr(h, v)
		}
		return v
	}
	a, b := deep(), deep()
	if _, err := Equal(nil, a, b); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("equal: %v", err)
	}
	if _, err := Text(nil, a); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("text: %v", err)
	}
	if err := h.CheckSize(nil, a); err != nil {
		t.Errorf("size: %v", err)
	}
}

func TestWholePowersAreExact(t *testing.T) {
	for _, c := range []struct{ x, y, want float64 }{
		{10, -5, 1e-5}, {10, 22, 1e22}, {10, 100, 1e100}, {1.1, 10, 2.5937424601000023}, {1.05, 30, 4.321942375150668},
		{2, 0.5, math.Sqrt2}, {2, 1023, 0x1p1023}, {2, -1074, 5e-324}, {0, -1, math.Inf(1)}, {-2, 3, -8}, {10, 400, math.Inf(1)},
		{3, 0, 1}, {math.Inf(-1), 3, math.Inf(-1)},
	} {
		if got := Pow(c.x, c.y); got != c.want {
			t.Errorf("%g ** %g = %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func BenchmarkConcat(b *testing.B) {
	h := &Heap{}
	x, y := h.NewString("hello, "), h.NewString("wide and beautiful world")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Binary(h, nil, syntax.OpAdd, x, y); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConcatInt(b *testing.B) {
	h := &Heap{}
	x := h.NewString("n = ")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Binary(h, nil, syntax.OpAdd, x, Int(12345)); err != nil {
			b.Fatal(err)
		}
	}
}
