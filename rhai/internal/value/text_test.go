package value

import (
	"math"
	"strings"
	"testing"
)

func TestFloatText(t *testing.T) {
	for _, c := range []struct {
		f           float64
		text, debug string
	}{
		{0, "0.0", "0.0"},
		{math.Copysign(0, -1), "0.0", "-0.0"},
		{1, "1.0", "1.0"},
		{-1.5, "-1.5", "-1.5"},
		{1e-10, "0.0000000001", "1e-10"},
		{1e13, "1e13", "10000000000000.0"},
		{9999999999999, "9.999999999999e12", "9999999999999.0"},
		{9999999827968, "9999999827968.0", "9999999827968.0"},
		{9.5e-14, "9.5e-14", "9.5e-14"},
		{1e15, "1e15", "1000000000000000.0"},
		{1e16, "1e16", "1e16"},
		{1.5e300, "1.5e300", "1.5e300"},
		{0.0001, "0.0001", "0.0001"},
		{0.00001, "0.00001", "1e-5"},
		{123456789.125, "123456789.125", "123456789.125"},
		{9007199254740993, "9.007199254740992e15", "9007199254740992.0"},
		{math.NaN(), "NaN", "NaN"},
		{math.Inf(1), "inf", "inf"},
		{math.Inf(-1), "-inf", "-inf"},
		{math.MaxFloat64, "1.7976931348623157e308", "1.7976931348623157e308"},
		{5e-324, "5e-324", "5e-324"},
		{572957795130823.25, "5.729577951308233e14", "572957795130823.3"},
		{572957795130823.75, "5.729577951308238e14", "572957795130823.8"},
		{-600000000000001.25, "-6.000000000000013e14", "-600000000000001.3"},
		{0.30000000000000004, "0.30000000000000004", "0.30000000000000004"},
	} {
		if got := string(AppendFloat(nil, c.f)); got != c.text {
			t.Errorf("%v prints %s, want %s", c.f, got, c.text)
		}
		if got := string(AppendFloatDebug(nil, c.f)); got != c.debug {
			t.Errorf("%v debugs %s, want %s", c.f, got, c.debug)
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain":        `"plain"`,
		"a\"b\\c":      `"a\"b\\c"`,
		"\n\t\r\x00":   `"\n\t\r\0"`,
		"\x01\x7f":     `"\u{1}\u{7f}"`,
		"é'":           `"é'"`,
		"e\u0301":      `"e\u{301}"`,
		"a\u200bb":     `"a\u{200b}b"`,
		"\u00ad\u2028": `"\u{ad}\u{2028}"`,
		"日本 한국":        `"日本 한국"`,
		"\U0001f600":   "\"\U0001f600\"",
		"\ue000":       `"\u{e000}"`,
		"\u00a0":       `"\u{a0}"`,
	} {
		if got := string(AppendQuoted(nil, in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestText(t *testing.T) {
	h := &Heap{}
	blob := make([]byte, 10)
	blob[9] = 0xab
	for _, c := range []struct {
		v           Value
		text, debug string
	}{
		{Unit, "", "()"},
		{Bool(true), "true", "true"},
		{Char('x'), "x", "x"},
		{Byte(200), "200", "200"},
		{h.NewString("a\"b"), `a"b`, `"a\"b"`},
		{arr(h, Unit, h.NewString("s"), Float(1e13), arr(h)), `[(), "s", 10000000000000.0, []]`, `[(), "s", 10000000000000.0, []]`},
		{obj(h, "b\n", Int(1), "a", Char('c')), `#{"a": c, "b\n": 1}`, `#{"a": c, "b\n": 1}`},
		{obj(h), "#{}", "#{}"},
		{h.NewBlob(blob), "[0000000000000000 00ab]", "[0000000000000000 00ab]"},
		{h.NewRange(1, 5, false), "1..5", "1..5"},
		{h.NewRange(1, maxInt, false), "1..", "1.."},
		{h.NewRange(-1, maxInt, true), "-1..=", "-1..="},
		{h.NewFn("add", []Value{Int(1)}, nil), "Fn(add)", "Fn(add)"},
		{h.NewTime(0), "<timestamp>", "<timestamp>"},
		{h.NewIter(Iter{}), "range", "range"},
		{arr(h, Float(0.1), Float(math.Copysign(0, -1))), "[0.1, -0.0]", "[0.1, -0.0]"},
	} {
		text, err := Text(nil, c.v)
		if err != nil || text != c.text {
			t.Errorf("text %q (%v), want %q", text, err, c.text)
		}
		debug, err := Debug(nil, c.v)
		if err != nil || debug != c.debug {
			t.Errorf("debug %q (%v), want %q", debug, err, c.debug)
		}
		made, err := h.DebugOf(nil, c.v)
		if err != nil || made.Str() != c.debug {
			t.Errorf("DebugOf %v (%v), want %q", made, err, c.debug)
		}
	}
}

func TestLongTextIsPaidFor(t *testing.T) {
	h := &Heap{}
	v := arr(h, h.NewString(strings.Repeat("\x01", 100_000)))
	before := h.Used()
	s, err := h.DebugOf(nil, v)
	if err != nil || len(s.Str()) != 500_004 {
		t.Fatalf("%d bytes, %v", len(s.Str()), err)
	}
	if paid := h.Used() - before; paid < 500_000 || paid > 2_000_000 {
		t.Errorf("paid for %d bytes", paid)
	}
}

func TestLossyUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"ok é":                 "ok é",
		"\xe2\x82":             "\ufffd",
		"\xe2\x82x":            "\ufffdx",
		"\xff\xff":             "\ufffd\ufffd",
		"\xf0\x9f\x98":         "\ufffd",
		"\xf0\x9f\x98\xf0\x9f": "\ufffd\ufffd",
		"\xe0\x80\x80":         "\ufffd\ufffd\ufffd",
		"\xed\xa0\x80":         "\ufffd\ufffd\ufffd",
		"\xf4\x90\x80\x80":     "\ufffd\ufffd\ufffd\ufffd",
		"\xc0\xaf":             "\ufffd\ufffd",
		"a\xc3":                "a\ufffd",
	} {
		if got := LossyUTF8([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCheckSize(t *testing.T) {
	h := &Heap{}
	s := func(n int) Value { return h.NewString(strings.Repeat("x", n)) }
	for _, c := range []struct {
		name  string
		v     Value
		sizes Sizes
		ok    bool
	}{
		{"string at the limit", s(5), Sizes{String: 5}, true},
		{"string above", s(6), Sizes{String: 5}, false},
		{"strings inside add up", arr(h, s(3), s(3)), Sizes{String: 5}, false},
		{"keys do not count", obj(h, "longer key", s(3)), Sizes{String: 5}, true},
		{"array at the limit", arr(h, Int(1), Int(2)), Sizes{Array: 2}, true},
		{"array above", arr(h, Int(1), Int(2), Int(3)), Sizes{Array: 2}, false},
		{"nested arrays count", arr(h, arr(h, Int(1)), Int(2)), Sizes{Array: 2}, false},
		{"an empty one counts once", arr(h, arr(h), Int(2)), Sizes{Array: 2}, true},
		{"blob inside: two more than its bytes", arr(h, h.NewBlob([]byte{1})), Sizes{Array: 3}, true},
		{"blob inside above", arr(h, h.NewBlob([]byte{1})), Sizes{Array: 2}, false},
		{"blob alone", h.NewBlob([]byte{1, 2}), Sizes{Array: 2}, true},
		{"map entries", obj(h, "a", Int(1), "b", Int(2)), Sizes{Map: 1}, false},
		{"maps inside arrays", arr(h, obj(h, "a", Int(1)), obj(h, "a", Int(1))), Sizes{Map: 1}, false},
		{"arrays inside maps", obj(h, "a", arr(h, Int(1), Int(2))), Sizes{Array: 1}, false},
	} {
		sized := &Heap{Sizes: c.sizes}
		err := sized.CheckSize(nil, c.v)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if e, ok := err.(*Error); err != nil && (!ok || e.Kind != ErrDataTooLarge) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCheckSizeOfGrowingArrayIsLinear(t *testing.T) {
	h := &Heap{Sizes: Sizes{Array: 1 << 20, Map: 1 << 20}}
	v := arr(h)
	f := fuel(1 << 40)
	for i := range 50_000 {
		if err := v.Array().Append(h, obj(h, "n", Int(int64(i)))); err != nil {
			t.Fatal(err)
		}
		if err := h.CheckSize(&f, v); err != nil {
			t.Fatal(err)
		}
	}
	if used := 1<<40 - f; used > 1_000_000 {
		t.Errorf("%d operations for 50,000 pushes", used)
	}
}

func BenchmarkFloatText(b *testing.B) {
	dst := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendFloat(dst[:0], 3.14159)
	}
}
