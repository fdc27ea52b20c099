package stdlib

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai/internal/value"
)

func TestTexts(t *testing.T) {
	s := str
	i := value.Int
	check(t, []row{
		{"len", args(s("né")), "2"},
		{"get$len", args(s("né")), "2"},
		{"bytes", args(s("né")), "3"},
		{"is_empty", args(s("")), "true"},
		{"contains", args(s("hello"), s("")), "true"},
		{"contains", args(s("hello"), value.Char('l')), "true"},
		{"starts_with", args(s("hello"), s("he")), "true"},
		{"ends_with", args(s("hello"), value.Char('o')), "true"},
		{"index_of", args(s("héllo"), s("lo")), "3"},
		{"index_of", args(s("héllo"), value.Char('l'), i(-2)), "3"},
		{"index_of", args(s("héllo"), s("l"), i(-100)), "2"},
		{"index_of", args(s("hello"), s(""), i(5)), "-1"},
		{"index_of", args(s(""), s("")), "-1"},
		{"get", args(s("héllo"), i(-4)), "é"},
		{"get", args(s("hello"), i(5)), "()"},
		{"get", args(s("hello"), i(-6)), "()"},
		{"set", args(s("héllo"), i(-1), value.Char('ö')), `() "héllö"`},
		{"set", args(s("hello"), i(9), value.Char('x')), "()"},
		{"sub_string", args(s("héllo"), i(1), i(3)), `"éll"`},
		{"sub_string", args(s("héllo"), i(-3)), `"llo"`},
		{"sub_string", args(s("héllo"), i(-100), i(2)), `"hé"`},
		{"sub_string", args(s("héllo"), i(5)), `""`},
		{"sub_string", args(s("hello"), rng(-2, 2, false)), `"he"`},
		{"sub_string", args(s("hello"), rng(3, 1, true)), `"l"`},
		{"sub_string", args(s("hello"), rng(0, 1<<63-1, true)), `"hello"`},
		{"crop", args(s("hello"), i(1), i(2)), `() "el"`},
		{"crop", args(s("hello"), i(9)), `() ""`},
		{"crop", args(s("hello"), i(0)), "()"},
		{"truncate", args(s("héllo"), i(2)), `() "hé"`},
		{"truncate", args(s("hello"), i(-1)), `() ""`},
		{"pop", args(s("hé")), `é "h"`},
		{"pop", args(s("")), "()"},
		{"pop", args(s("hello"), i(2)), `"lo" "hel"`},
		{"pop", args(s("hello"), i(9)), `"hello" ""`},
		{"remove", args(s("hello"), value.Char('l')), `() "heo"`},
		{"remove", args(s("hello"), s("")), "()"},
		{"replace", args(s("aaa"), s("aa"), value.Char('b')), `() "ba"`},
		{"replace", args(s("né"), s(""), s("-")), `() "-n-é-"`},
		{"replace", args(s(""), s(""), s("-")), "()"},
		{"trim", args(s(" \u00a0x \n")), `() "x"`},
		{"trim", args(s("\u200bx")), "()"},
		{"clear", args(s("x")), `() ""`},
		{"pad", args(s("x"), i(6), s("ab")), `() "xababa"`},
		{"pad", args(s("x"), i(3), value.Char('é')), `() "xéé"`},
		{"pad", args(s("xyz"), i(2), s("a")), "()"},
		{"pad", args(s("x"), i(9), s("")), "()"},
		{"append", args(s("x"), value.Float(1)), `() "x1.0"`},
		{"append", args(s("x"), value.Unit), "()"},
		{"to_upper", args(s("straße ŉ ﬁ")), `"STRASSE ʼN FI"`},
		{"to_lower", args(s("ΑΣ ΑΣΑ Σ İ")), `"ας ασα σ i\u{307}"`},
		{"make_upper", args(s("abc")), `() "ABC"`},
		{"make_lower", args(s("abc")), "()"},
		{"max", args(s("a"), s("é")), `"é"`},
		{"min", args(s("a"), s("é")), `"a"`},
		{"to_chars", args(s("né")), "[n, é]"},
		{"to_blob", args(s("né")), "[6ec3a9]"},
		{"to_upper", args(value.Char('ß')), "ß"},
		{"to_upper", args(value.Char('é')), "É"},
		{"to_lower", args(value.Char('İ')), "İ"},
		{"make_upper", args(value.Char('x')), "() X"},
		{"len", args(value.Char('x')), "not found"},
		{"pad", args(s("x"), value.Float(1), s("")), "not found"},
	})
}

func TestSplit(t *testing.T) {
	s := str
	i := value.Int
	check(t, []row{
		{"split", args(s("")), `[""]`},
		{"split", args(s("  ")), `[]`},
		{"split", args(s(" a  b\tc ")), `["a", "b", "c"]`},
		{"split", args(s("hello"), i(0)), `["hello", ""]`},
		{"split", args(s("hello"), i(2)), `["he", "llo"]`},
		{"split", args(s("hello"), i(-2)), `["hel", "lo"]`},
		{"split", args(s("hello"), i(-9)), `["", "hello"]`},
		{"split", args(s("hello"), i(9)), `["hello", ""]`},
		{"split", args(s("a,b,,c"), s(",")), `["a", "b", "", "c"]`},
		{"split", args(s("a,b,,c"), value.Char(','), i(2)), `["a", "b,,c"]`},
		{"split", args(s("abc"), s("")), `["", "a", "b", "c", ""]`},
		{"split", args(s("abc"), s(""), i(3)), `["", "a", "bc"]`},
		{"split", args(s("abc"), s(","), i(3)), `["abc"]`},
		{"split", args(s("a,b"), s(","), i(1)), `["a,b"]`},
		{"split_rev", args(s("a,b,c"), s(",")), `["c", "b", "a"]`},
		{"split_rev", args(s("a,b,c"), s(","), i(2)), `["c", "a,b"]`},
		{"split_rev", args(s("aaa"), s("aa")), `["", "a"]`},
		{"split_rev", args(s("abc"), s("")), `["", "c", "b", "a", ""]`},
		{"split_rev", args(s("abc"), s(""), i(3)), `["", "c", "ab"]`},
	})
}

func TestTextsStayInTheirLimits(t *testing.T) {
	long := str(strings.Repeat("ab", 500))
	for _, c := range []struct {
		name string
		args []value.Value
	}{
		{"pad", args(str("x"), value.Int(2001), str("é"))},
		{"pad", args(str("x"), value.Int(1<<62), str("long padding"))},
		{"replace", args(long, str("a"), str("xxxx"))},
		{"append", args(long, long)},
	} {
		e := newCase()
		e.heap.Sizes.String = 2000
		c.args[0] = e.heap.NewString(c.args[0].Str())
		if c.name == "append" {
			c.args[1] = str(strings.Repeat("y", 1001))
		}
		before := e.heap.Used()
		_, err := e.call(c.name, c.args)
		if v, ok := err.(*value.Error); !ok || v.Kind != value.ErrDataTooLarge {
			t.Errorf("%s: %v", c.name, err)
		}
		if e.heap.Used()-before > 100 {
			t.Errorf("%s allocated before it checked", c.name)
		}
	}
	e := newCase()
	e.heap.Limit = 1 << 20
	if _, err := e.call("pad", args(str("x"), value.Int(100_000_000), str("ab"))); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("pad: %v", err)
	}
}

func TestTextsBillTheirWork(t *testing.T) {
	long := strings.Repeat("ab ", 10_000)
	for _, c := range []row{
		{"len", nil, ""}, {"contains", args(str("x")), ""}, {"to_upper", nil, ""}, {"split", nil, ""}, {"split", args(str("a")), ""},
		{"to_chars", nil, ""}, {"to_blob", nil, ""}, {"replace", args(str("a"), str("b")), ""}, {"trim", nil, ""}, {"parse_int", nil, ""},
	} {
		e := newCase()
		_, _ = e.call(c.name, append(args(str(long)), c.args...))
		if e.ops < len(long)/bytesPerOp {
			t.Errorf("%s: %d operations for %d bytes", c.name, e.ops, len(long))
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	e := newCase()
	in := args(str(strings.Repeat("some,words,", 100)), str(","))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.call("split", in); err != nil {
			b.Fatal(err)
		}
	}
}
