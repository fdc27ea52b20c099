package stdlib

import (
	"math"
	"testing"

	"github.com/picloud/picloud/rhai/internal/value"
)

func TestArrays(t *testing.T) {
	i, a, u := value.Int, ints, value.Unit
	f := made.NewFn("f", nil, nil)
	check(t, []row{
		{"len", args(a(1, 2)), "2"},
		{"get$len", args(a(1, 2)), "2"},
		{"is_empty", args(a()), "true"},
		{"get", args(a(1, 2, 3), i(-1)), "3"},
		{"get", args(a(1, 2, 3), i(-100)), "1"},
		{"get", args(a(1, 2, 3), i(3)), "()"},
		{"get", args(a(), i(0)), "()"},
		{"get", args(a(1), rng(0, 1, false)), "not found"},
		{"set", args(a(1, 2), i(-9), i(7)), "() [7, 2]"},
		{"set", args(a(1, 2), i(2), i(7)), "()"},
		{"push", args(a(), u), "() [()]"},
		{"append", args(a(1), a(2, 3)), "() [1, 2, 3]"},
		{"append", args(a(1), i(2)), "not found"},
		{"insert", args(a(1, 2), i(1), i(9)), "() [1, 9, 2]"},
		{"insert", args(a(1, 2), i(-1), i(9)), "() [1, 9, 2]"},
		{"insert", args(a(1, 2), i(-9), i(9)), "() [9, 1, 2]"},
		{"insert", args(a(1, 2), i(5), i(9)), "() [1, 2, 9]"},
		{"insert", args(a(), i(-5), i(9)), "() [9]"},
		{"pad", args(a(1), i(3), i(0)), "() [1, 0, 0]"},
		{"pad", args(a(1), i(-3), i(0)), "()"},
		{"pad", args(a(1), i(math.MaxInt64), i(0)), "ErrorDataTooLarge"},
		{"pop", args(a(1, 2)), "2 [1]"},
		{"pop", args(a()), "()"},
		{"shift", args(a(1, 2)), "1 [2]"},
		{"remove", args(a(1, 2, 3), i(-2)), "2 [1, 3]"},
		{"remove", args(a(1, 2, 3), i(-4)), "()"},
		{"remove", args(a(1, 2, 3), i(3)), "()"},
		{"clear", args(a(1)), "() []"},
		{"reverse", args(a(1, 2, 3)), "() [3, 2, 1]"},
		{"truncate", args(a(1, 2, 3), i(2)), "() [1, 2]"},
		{"truncate", args(a(1, 2, 3), i(-1)), "() []"},
		{"truncate", args(a(1, 2, 3), i(9)), "()"},
		{"chop", args(a(1, 2, 3), i(2)), "() [2, 3]"},
		{"chop", args(a(1, 2, 3), i(math.MinInt64)), "() []"},
		{"contains", args(a(1, 2), value.Float(2)), "true"},
		{"contains", args(a(1, 2), str("2")), "false"},
		{"contains", args(list1(f), f), "ErrorFunctionNotFound"},
		{"index_of", args(a(1, 2, 1), i(1), i(1)), "2"},
		{"index_of", args(list1(str("a")), value.Char('a')), "0"},
		{"index_of", args(a(1, 2, 1), i(1), i(-9)), "0"},
		{"index_of", args(a(1), u), "-1"},
		{"dedup", args(list1(i(1), value.Float(1), i(1), str("1"), str("1"), value.Char('1'))), `() [1, "1"]`},
		{"dedup", args(list1(f, f)), "()"},
		{"dedup", args(a()), "()"},
	})
}

func TestArrayParts(t *testing.T) {
	i, a := value.Int, ints
	check(t, []row{
		{"extract", args(a(1, 2, 3, 4), i(1)), "[2, 3, 4]"},
		{"extract", args(a(1, 2, 3, 4), i(-2)), "[3, 4]"},
		{"extract", args(a(1, 2, 3, 4), i(-9), i(2)), "[1, 2]"},
		{"extract", args(a(1, 2, 3, 4), i(9), i(2)), "[]"},
		{"extract", args(a(1, 2, 3, 4), i(1), i(-2)), "[]"},
		{"extract", args(a(1, 2, 3, 4), rng(-2, 2, false)), "[1, 2]"},
		{"extract", args(a(1, 2, 3, 4), rng(3, 1, false)), "[]"},
		{"extract", args(a(1, 2, 3, 4), rng(3, 1, true)), "[4]"},
		{"extract", args(a(1, 2, 3, 4), rng(1, math.MaxInt64, true)), "[2, 3, 4]"},
		{"splice", args(a(1, 2, 3), i(1), i(1), a(8, 9)), "() [1, 8, 9, 3]"},
		{"splice", args(a(1, 2, 3), i(1), i(2), a()), "() [1]"},
		{"splice", args(a(1, 2, 3), i(1), i(-1), a(9)), "() [1, 9, 2, 3]"},
		{"splice", args(a(1, 2, 3), i(7), i(1), a(9)), "() [1, 2, 3, 9]"},
		{"splice", args(a(), i(7), i(1), a(9)), "() [9]"},
		{"splice", args(a(1, 2, 3), rng(0, 1, true), a(9)), "() [9, 3]"},
		{"splice", args(a(1), i(0), i(1), i(5)), "not found"},
		{"split", args(a(1, 2, 3), i(1)), "[2, 3] [1]"},
		{"split", args(a(1, 2, 3), i(-1)), "[3] [1, 2]"},
		{"split", args(a(1, 2, 3), i(-9)), "[1, 2, 3] []"},
		{"split", args(a(1, 2, 3), i(3)), "[]"},
		{"drain", args(a(1, 2, 3), i(1), i(1)), "[2] [1, 3]"},
		{"drain", args(a(1, 2, 3), i(1), i(0)), "[]"},
		{"drain", args(a(1, 2, 3), rng(-5, 2, false)), "[1, 2] [3]"},
		{"retain", args(a(1, 2, 3), i(1), i(1)), "[1, 3] [2]"},
		{"retain", args(a(1, 2, 3), i(1), i(0)), "[]"},
		{"retain", args(a(1, 2, 3), i(9), i(1)), "[]"},
		{"retain", args(a(1, 2, 3), rng(0, 0, true)), "[2, 3] [1]"},
	})
}

// Growing is refused before it happens, at the limit's neighbour and not at
// the limit.
func TestArrayLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		args []value.Value
		ok   bool
	}{
		{"pad", args(ints(1), value.Int(5), value.Unit), true},
		{"pad", args(ints(1), value.Int(6), value.Unit), false},
		{"append", args(ints(1, 2), ints(3, 4, 5)), true},
		{"append", args(ints(1, 2), ints(3, 4, 5, 6)), false},
		{"splice", args(ints(1, 2), value.Int(0), value.Int(1), ints(3, 4, 5, 6)), true},
		{"splice", args(ints(1, 2), value.Int(0), value.Int(0), ints(3, 4, 5, 6)), false},
		{"blob", args(value.Int(5)), true},
		{"blob", args(value.Int(6)), false},
		{"insert", args(made.NewBlob(make([]byte, 4)), value.Int(0), value.Int(1)), true},
		{"insert", args(made.NewBlob(make([]byte, 5)), value.Int(0), value.Int(1)), false},
	} {
		e := newCase()
		e.heap.Sizes.Array = 5
		_, err := e.call(c.name, c.args)
		if e, _ := err.(*value.Error); c.ok != (err == nil) || !c.ok && e.Kind != value.ErrDataTooLarge {
			t.Errorf("%s to the limit (ok %v): %v", c.name, c.ok, err)
		}
	}
	e := newCase()
	e.heap.Limit = 1 << 20
	if _, err := e.call("pad", args(ints(), value.Int(1<<20), value.Unit)); err == nil || err.(*value.Error).Kind != value.ErrMemory {
		t.Errorf("pad beyond the memory: %v", err)
	}
	if e.ops < 1<<20 {
		t.Errorf("pad was billed %d operations", e.ops)
	}
}

// An element that gets a second name must be cloned before either changes.
func TestSecondNamesAreShared(t *testing.T) {
	for _, c := range []struct {
		name string
		args []value.Value
	}{
		{"get", args(value.Int(0))},
		{"extract", args(value.Int(0))},
		{"pop", nil}, // moves the element: it has one name
	} {
		inner := ints(1)
		e := newCase()
		_, err := e.call(c.name, append(args(made.NewArray([]value.Value{inner})), c.args...))
		if err != nil {
			t.Fatal(err)
		}
		if shared := inner.Ref.Flags&value.Shared != 0; shared != (c.name != "pop") {
			t.Errorf("%s: shared is %v", c.name, shared)
		}
	}
	x := ints(1)
	e := newCase()
	in := args(ints(), value.Int(3), x)
	if _, err := e.call("pad", in); err != nil || x.Ref.Flags&value.Shared == 0 {
		t.Errorf("pad does not share its copies: %v", err)
	}
}

// A queue costs the same whether it is short or long, and lets go of the room
// of what has left it.
func TestShiftIsCheap(t *testing.T) {
	const n = 50_000
	e := newCase()
	q := args(ints())
	for i := range int64(n) {
		if _, err := e.call("push", append(q[:1:1], value.Int(i))); err != nil {
			t.Fatal(err)
		}
	}
	e.ops = 0
	for i := range int64(n) {
		v, err := e.call("shift", q)
		if err != nil || v != value.Int(i) {
			t.Fatalf("element %d is %v, %v", i, v, err)
		}
		if i == n-100 {
			m := e.heap.NewMarker()
			m.Visit(q[0])
			if m.Size() > 10_000 {
				t.Errorf("100 elements hold %d bytes", m.Size())
			}
		}
	}
	if e.ops > n {
		t.Errorf("%d operations for %d elements", e.ops, n)
	}
	if used := e.heap.Used(); used < 0 || used > 100_000 {
		t.Errorf("%d bytes charged for an empty queue", used)
	}
}
