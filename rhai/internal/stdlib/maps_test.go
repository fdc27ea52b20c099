package stdlib

import (
	"testing"

	"github.com/picloud/picloud/rhai/internal/value"
)

func TestMaps(t *testing.T) {
	i, s := value.Int, str
	m := dict("b", i(2), "a", i(1))
	check(t, []row{
		{"len", args(m), "2"},
		{"is_empty", args(dict()), "true"},
		{"get$len", args(m), "not found"},
		{"keys", args(m), `["a", "b"]`},
		{"values", args(m), "[1, 2]"},
		{"contains", args(m, s("a")), "true"},
		{"contains", args(m, s("z")), "false"},
		{"contains", args(m, value.Char('a')), "not found"},
		{"get", args(m, s("b")), "2"},
		{"get", args(m, s("z")), "()"},
		{"set", args(m, s("z"), i(3)), `() #{"a": 1, "b": 2, "z": 3}`},
		{"set", args(m, s("a"), i(3)), `() #{"a": 3, "b": 2}`},
		{"remove", args(m, s("a")), `1 #{"b": 2}`},
		{"remove", args(m, s("z")), "()"},
		{"clear", args(m), "() #{}"},
		{"mixin", args(m, dict("a", i(7), "c", i(8))), `() #{"a": 7, "b": 2, "c": 8}`},
		{"fill_with", args(m, dict("a", i(7), "c", i(8))), `() #{"a": 1, "b": 2, "c": 8}`},
		{"fill_with", args(dict("a", value.Unit), dict("a", i(7))), "()"},
		{"fill_with", args(m, ints(1)), "not found"},
	})
}

func TestMapElementsAreShared(t *testing.T) {
	for _, name := range []string{"get", "values"} {
		inner := ints(1)
		in := args(dict("a", inner))
		if name == "get" {
			in = append(in, str("a"))
		}
		if _, err := newCase().call(name, in); err != nil || inner.Ref.Flags&value.Shared == 0 {
			t.Errorf("%s: %v, shared is %v", name, err, inner.Ref.Flags&value.Shared != 0)
		}
	}
}
