package value

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestIndex(t *testing.T) {
	h := &Heap{}
	s := func(s string) Value { return h.NewString(s) }
	r := func(a, b int64) Value { return h.NewRange(a, b, false) }
	ri := func(a, b int64) Value { return h.NewRange(a, b, true) }
	hello, empty := s("hello"), s("")
	list, bytes := arr(h, Int(1), s("b"), Unit), h.NewBlob([]byte{1, 255})
	for _, c := range []struct {
		recv, idx Value
		want      string
	}{
		{list, Int(1), `"b"`},
		{list, Int(-3), "1"},
		{list, Int(3), "ErrorArrayBounds"},
		{list, Int(-4), "ErrorArrayBounds"},
		{list, Int(minInt), "ErrorArrayBounds"},
		{arr(h), Int(0), "ErrorArrayBounds"},
		{list, r(0, 1), "ErrorMismatchDataType"},
		{list, Float(1), "ErrorMismatchDataType"},

		{bytes, Int(-1), "255"},
		{bytes, Int(2), "ErrorArrayBounds"},
		{bytes, s("a"), "ErrorMismatchDataType"},

		{obj(h, "a", Int(1)), s("a"), "1"},
		{obj(h, "a", Int(1)), s("b"), "()"},
		{obj(h, "a", Int(1)), Int(0), "ErrorMismatchDataType"},

		{hello, Int(0), "h"},
		{hello, Int(-1), "o"},
		{hello, Int(5), "ErrorStringBounds"},
		{hello, Int(-6), "ErrorStringBounds"},
		{empty, Int(0), "ErrorStringBounds"},
		{s("日本語"), Int(1), "本"},
		{s("日本語"), Int(-1), "語"},
		{s("日本語"), r(1, 2), `"本"`},
		{hello, Unit, "ErrorMismatchDataType"},
		{hello, r(3, 100), `"lo"`},
		{hello, r(9, maxInt), `""`},
		{hello, r(-2, maxInt), `"lo"`},
		{hello, r(1, -1), `"ell"`},
		{hello, r(0, -100), `""`},
		{hello, r(-6, 2), "ErrorStringBounds"},
		{hello, r(3, 1), `""`},
		{hello, ri(2, 3), `"ll"`},
		{hello, ri(2, 2), `""`},
		{hello, ri(4, 100), `"o"`},
		{hello, ri(0, 4), `"hello"`},
		{hello, ri(-9, 4), "ErrorStringBounds"},
		{s("a"), ri(0, 0), `"a"`},
		{empty, r(-5, 5), `""`},

		{Int(5), Int(0), "true"},
		{Int(5), Int(1), "false"},
		{Int(minInt), Int(-1), "true"},
		{Int(5), Int(64), "ErrorBitFieldBounds"},
		{Int(5), Int(-65), "ErrorBitFieldBounds"},
		{Int(5), Bool(true), "ErrorMismatchDataType"},
		{Int(0xf0), r(4, 8), "15"},
		{Int(0xf0), ri(4, 7), "15"},
		{Int(-1), r(60, 64), "-1"},
		{Int(-1), r(0, 64), "-1"},
		{Int(-1), ri(0, 63), "-1"},
		{Int(-1), r(1, maxInt), "-1"},
		{Int(-1), r(5, 3), "0"},
		{Int(-1), r(0, 65), "ErrorBitFieldBounds"},
		{Int(-1), ri(0, 64), "ErrorBitFieldBounds"},
		{Int(-1), r(-1, 3), "ErrorBitFieldBounds"},

		{Unit, Int(0), "ErrorIndexingType"},
		{Float(1), Int(0), "ErrorIndexingType"},
		{Char('a'), Int(0), "ErrorIndexingType"},
		{r(1, 5), Int(0), "ErrorIndexingType"},
	} {
		v, err := Index(h, c.recv, c.idx)
		if got := outcome(h, v, err); got != c.want {
			recv, _ := Debug(nil, c.recv)
			idx, _ := Debug(nil, c.idx)
			t.Errorf("%s[%s] is %s, want %s", recv, idx, got, c.want)
		}
	}
}

func TestSetIndex(t *testing.T) {
	h := &Heap{}
	s := func(s string) Value { return h.NewString(s) }
	r := func(a, b int64) Value { return h.NewRange(a, b, false) }
	ri := func(a, b int64) Value { return h.NewRange(a, b, true) }
	for _, c := range []struct {
		recv, idx, v Value
		want         string
		ofValue      bool
	}{
		{recv: arr(h, Int(1), Int(2)), idx: Int(-1), v: s("x"), want: `[1, "x"]`},
		{recv: arr(h, Int(1)), idx: Int(1), v: Int(2), want: "ErrorArrayBounds"},
		{recv: arr(h, Int(1)), idx: s("0"), v: Int(2), want: "ErrorMismatchDataType"},
		{recv: obj(h, "a", Int(1)), idx: s("b"), v: Int(2), want: `#{"a": 1, "b": 2}`},
		{recv: obj(h, "a", Int(1)), idx: Int(1), v: Int(2), want: "ErrorMismatchDataType"},
		{recv: h.NewBlob([]byte{1, 2}), idx: Int(0), v: Int(300), want: "[2c02]"},
		{recv: h.NewBlob([]byte{1, 2}), idx: Int(0), v: s("a"), want: "ErrorMismatchDataType", ofValue: true},
		{recv: h.NewBlob([]byte{1, 2}), idx: Int(2), v: s("a"), want: "ErrorArrayBounds"},
		{recv: s("hello"), idx: Int(1), v: Char('é'), want: `"héllo"`},
		{recv: s("hello"), idx: Int(-1), v: Char('X'), want: `"hXllo"`},
		{recv: s("hello"), idx: Int(-5), v: Char('X'), want: `"hello"`},
		{recv: s("hello"), idx: Int(-6), v: Char('X'), want: "ErrorStringBounds"},
		{recv: s("hello"), idx: Int(minInt), v: Char('X'), want: "ErrorStringBounds"},
		{recv: s("hello"), idx: Int(0), v: s("X"), want: "ErrorMismatchDataType", ofValue: true},
		{recv: s("hello"), idx: Unit, v: s("X"), want: "ErrorMismatchDataType"},
		{recv: s("hello"), idx: r(0, 2), v: Int(42), want: `"42llo"`},
		{recv: s("hello"), idx: ri(2, 2), v: s("X"), want: `"heXlo"`},
		{recv: s("hello"), idx: r(3, 1), v: s("_"), want: `"hel_ello"`},
		{recv: s("hello"), idx: r(9, 12), v: s("!"), want: `"hello!"`},
		{recv: s("hello"), idx: ri(1, maxInt), v: Unit, want: `"h"`},
		{recv: s("日本語"), idx: r(1, 2), v: s("--"), want: `"日--語"`},
		{recv: s(""), idx: ri(-4, 4), v: arr(h, Int(1)), want: `"[1]"`},
		{recv: Int(0), idx: Int(-1), v: Bool(true), want: "-9223372036854775808"},
		{recv: Int(-1), idx: Int(0), v: Bool(false), want: "-2"},
		{recv: Int(0), idx: Int(0), v: Int(1), want: "ErrorMismatchDataType", ofValue: true},
		{recv: Int(0), idx: r(4, 8), v: Int(0xfff), want: "240"},
		{recv: Int(-1), idx: ri(0, 63), v: Int(5), want: "5"},
		{recv: Int(7), idx: r(2, 1), v: Int(5), want: "7"},
		{recv: Int(7), idx: r(2, 3), v: Bool(true), want: "ErrorMismatchDataType", ofValue: true},
		{recv: Unit, idx: Int(0), v: Int(1), want: "ErrorIndexingType"},
	} {
		before, _ := Debug(nil, c.recv)
		alias := c.recv.Share()
		err := SetIndex(h, nil, &c.recv, c.idx, c.v)
		if got := outcome(h, c.recv, err); got != c.want {
			t.Errorf("after %s[…] = … it is %s, want %s", before, got, c.want)
		}
		var e *Error
		if errors.As(err, &e) && e.OfValue != c.ofValue {
			t.Errorf("%s[…] = …: OfValue is %v", before, e.OfValue)
		}
		if after, _ := Debug(nil, alias); after != before {
			t.Errorf("the other name of %s became %s", before, after)
		}
	}
}

func TestElemRef(t *testing.T) {
	h := &Heap{}
	inner := arr(h, Int(1))
	outer := arr(h, inner)
	alias := outer.Share()
	p, err := ElemRef(h, &outer, Int(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := SetIndex(h, nil, p, Int(0), Int(9)); err != nil {
		t.Fatal(err)
	}
	if got, want := outcome(h, arr(h, outer, alias), nil), "[[[9]], [[1]]]"; got != want {
		t.Errorf("changed and alias are %s, want %s", got, want)
	}
	m := obj(h, "a", Int(1))
	if p, err := ElemRef(h, &m, h.NewString("b")); p != nil || err != nil {
		t.Errorf("a missing key gives %v, %v", p, err)
	}
	if p, err := ElemRef(h, &m, h.NewString("a")); err != nil || p.Int() != 1 {
		t.Errorf("a key gives %v, %v", p, err)
	}
	for _, v := range []Value{h.NewString("a"), h.NewBlob([]byte{1}), Int(1)} {
		if _, err := ElemRef(h, &v, Int(0)); err != ErrNoRef {
			t.Errorf("%s: %v", v.TypeName(), err)
		}
	}
	if _, err := ElemRef(h, &outer, Int(1)); outcome(h, Unit, err) != "ErrorArrayBounds" {
		t.Errorf("outside: %v", err)
	}
	f := Float(1)
	if _, err := ElemRef(h, &f, Int(0)); outcome(h, Unit, err) != "ErrorIndexingType" {
		t.Errorf("of a float: %v", err)
	}
}

// The marks of long texts must agree with counting, also for strings that
// share a growing buffer and for those of programs.
func TestOffset(t *testing.T) {
	text := strings.Repeat("aé日😀", 200)
	h := &Heap{}
	grown := h.NewString("")
	var older []Value
	for i, r := range text {
		if i%97 == 0 {
			older = append(older, grown.Share())
		}
		if err := h.AppendString(&grown, string(r)); err != nil {
			t.Fatal(err)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, v := range append(older, grown, Static(text), h.NewString(text), h.NewString(strings.Repeat("a", 500))) {
		s := v.Text()
		if s.Len() != utf8.RuneCountInString(s.S) {
			t.Fatalf("length %d of %d bytes", s.Len(), len(s.S))
		}
		at := make([]int, 0, s.Len()+1)
		for i := range s.S {
			at = append(at, i)
		}
		at = append(at, len(s.S))
		for range 300 {
			if i := rnd.IntN(len(at)); s.Offset(h, i) != at[i] {
				t.Fatalf("character %d of %d at %d, want %d", i, s.Len(), s.Offset(h, i), at[i])
			}
		}
	}
}

func TestIndexCharges(t *testing.T) {
	h := &Heap{Limit: 1 << 20}
	big := h.NewString(strings.Repeat("x", 600<<10))
	h.used = 600 << 10
	if _, err := Index(h, big, h.NewRange(1, maxInt, false)); outcome(h, Unit, err) != string(ErrMemory) {
		t.Errorf("a part that does not fit: %v", err)
	}
	budget := fuel(1000)
	if err := SetIndex(h, &budget, &big, Int(0), Char('y')); outcome(h, Unit, err) != string(ErrTooManyOps) {
		t.Errorf("a change without fuel: %v", err)
	}
}

func BenchmarkIndexText(b *testing.B) {
	h := &Heap{}
	s := h.NewString(strings.Repeat("é", 1<<20))
	for i := 0; b.Loop(); i++ {
		if _, err := Index(h, s, Int(int64(i*7919)&(1<<20-1))); err != nil {
			b.Fatal(err)
		}
	}
}

// Copies made because a value is shared are billed, before they are made.
func TestCopiesAreBilled(t *testing.T) {
	budget := fuel(10)
	h := &Heap{}
	list, bytes, m := arr(h, make([]Value, 1000)...), h.NewBlob(make([]byte, 1000)), obj(h)
	for i := range 100 {
		if err := m.Map().Set(h, strings.Repeat("k", i), Unit); err != nil {
			t.Fatal(err)
		}
	}
	h.Meter = &budget
	for _, v := range []Value{list, bytes, m} {
		budget = 10
		shared := v.Share()
		if err := h.Own(&v); outcome(h, Unit, err) != string(ErrTooManyOps) || v != shared {
			t.Errorf("a copy of the %s: %v", v.TypeName(), err)
		}
	}
}
