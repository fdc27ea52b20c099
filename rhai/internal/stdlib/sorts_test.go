package stdlib

import (
	"math"
	"math/bits"
	"math/rand/v2"
	ordering "slices"
	"testing"

	"github.com/picloud/picloud/rhai/internal/value"
)

func TestSorts(t *testing.T) {
	i, f, u := value.Int, value.Float, value.Unit
	c := value.Char
	minus := fn(2, func(a []value.Value) value.Value { return i(a[0].Int() - a[1].Int()) })
	below := fn(2, func(a []value.Value) value.Value { return value.Bool(a[0].Int() < a[1].Int()) })
	check(t, []row{
		{"sort", args(ints(3, -1, 2)), "() [-1, 2, 3]"},
		{"sort_desc", args(ints(3, -1, 4)), "() [4, 3, -1]"},
		{"sort", args(list1(f(2.5), f(-0.5), f(1))), "() [-0.5, 1.0, 2.5]"},
		{"sort", args(list1(f(0), f(math.Copysign(0, -1)))), "()"},
		{"sort", args(list1(str("b"), str("a"), str("ab"))), `() ["a", "ab", "b"]`},
		{"sort_desc", args(list1(c('b'), c('é'), c('a'))), "() [é, b, a]"},
		{"sort", args(list1(value.Bool(true), value.Bool(false))), "() [false, true]"},
		{"sort", args(list1(u, u)), "()"},
		{"sort", args(list1(i(2), f(1))), "ErrorFunctionNotFound"},
		{"sort", args(list1(ints(1), ints(2))), "ErrorFunctionNotFound"},
		{"sort", args(list1(ints(1))), "()"},
		{"order", args(ints(2, 1)), "[1, 2]"},
		{"order_desc", args(ints(1, 2)), "[2, 1]"},
		{"order", args(list1(i(2), f(1))), "ErrorFunctionNotFound"},
		{"sort", args(ints(2, 3, 1), minus), "() [1, 2, 3]"},
		{"sort", args(ints(2, 3, 1), below), "() [1, 2, 3]"},
		{"sort_by", args(ints(2, 1), minus), "() [1, 2]"},
		{"order", args(ints(2, 1), minus), "[1, 2]"},
		{"order_by", args(ints(2), minus), "[2]"},
		{"sort", args(ints(2, 1, 3), str("nope")), "()"},
		{"sort", args(ints(2, 1), str("a b")), "ErrorFunctionNotFound"},
		{"sort_by", args(ints(2, 1), str("abs")), "not found"},
		{"sort", args(ints(3, 1, 2), fn(2, func([]value.Value) value.Value { return str("x") })), "()"},
		{"sort", args(list1(str("b"), i(1), u), throwing(2, u, u)), `() [1, "b", ()]`},
	})
}

// TestSortAsksAsNative pins the questions that native asks for small arrays.
func TestSortAsksAsNative(t *testing.T) {
	var asked [][2]int64
	f := fn(2, func(a []value.Value) value.Value {
		asked = append(asked, [2]int64{a[0].Int(), a[1].Int()})
		return value.Int(a[0].Int() - a[1].Int())
	})
	if _, err := newCase().call("sort", args(ints(3, 1, 2, 5, 4), f)); err != nil {
		t.Fatal(err)
	}
	want := [][2]int64{{1, 3}, {2, 3}, {2, 1}, {5, 3}, {4, 5}, {4, 3}}
	if !ordering.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

// For arrays of every size, a sort is a stable permutation in order, and asks
// a bounded number of questions also when the answers make no sense.
func TestSortWithComparator(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := range 200 {
		in := make([]int64, n)
		for i := range in {
			in[i] = rnd.Int64N(int64(n/3+1))<<32 | int64(i) // the low half tells equals apart
		}
		for _, honest := range []bool{true, false} {
			calls := 0
			f := fn(2, func(a []value.Value) value.Value {
				calls++
				if !honest {
					return value.Int(rnd.Int64N(3) - 1)
				}
				return value.Int(a[0].Int()>>32 - a[1].Int()>>32)
			})
			got := args(ints(in...), f)
			if _, err := newCase().call("sort", got); err != nil {
				t.Fatal(err)
			}
			var out []int64
			for _, v := range got[0].Array().E {
				out = append(out, v.Int())
			}
			if honest && !ordering.IsSorted(out) {
				t.Fatalf("%d elements: not stable or not in order: %v", n, out)
			}
			if ordering.Sort(out); !ordering.Equal(out, ordering.Sorted(ordering.Values(in))) {
				t.Fatalf("%d elements: some were lost", n)
			}
			if most := max(n*bits.Len(uint(n)), n*n/2*btoi(n <= insertionMax)); calls > most {
				t.Errorf("%d elements: %d questions, more than %d", n, calls, most)
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestSortValues(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	e := newCase()
	for n := range 100 {
		words, floats := make([]value.Value, n), make([]value.Value, n)
		for i := range n {
			words[i] = str(string(rune('a' + rnd.IntN(5))))
			words[i].Ref.Tag = int32(i)
			floats[i] = value.Float(float64(rnd.IntN(9)) - 4)
		}
		for _, c := range []struct {
			name string
			in   []value.Value
			sign int
		}{{"sort", words, 1}, {"sort_desc", words, -1}, {"sort", floats, 1}, {"sort_desc", floats, -1}} {
			in := args(list1(c.in...))
			if _, err := e.call(c.name, in); err != nil {
				t.Fatal(err)
			}
			s := comparison{env: e}
			out := in[0].Array().E
			for i := 1; i < n; i++ {
				d := s.compare(&out[i-1], &out[i]) * c.sign
				if d > 0 || d == 0 && out[i-1].Is(value.KString) && out[i-1].Tag() > out[i].Tag() {
					t.Fatalf("%s of %d: element %d is out of order", c.name, n, i)
				}
			}
		}
	}
}

// Long strings are billed while they are compared.
func TestSortBillsText(t *testing.T) {
	long := make([]byte, 1<<16)
	var vs []value.Value
	for range 64 {
		vs = append(vs, str(string(long)))
	}
	e := newCase()
	if _, err := e.call("sort", args(list1(vs...))); err != nil {
		t.Fatal(err)
	}
	if least := 63 * len(long) / 32; e.ops < least {
		t.Errorf("billed %d operations, want %d at least", e.ops, least)
	}
}

func BenchmarkSort(b *testing.B) {
	rnd := rand.New(rand.NewPCG(7, 8))
	in := make([]int64, 100_000)
	for i := range in {
		in[i] = rnd.Int64()
	}
	e := newCase()
	for _, c := range []struct {
		name string
		arg  []value.Value
	}{
		{"plain", nil},
		{"comparator", args(fn(2, func(a []value.Value) value.Value { return value.Int(a[0].Int() - a[1].Int()) }))},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				a := args(ints(in...))
				b.StartTimer()
				if _, err := e.call("sort", append(a, c.arg...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
