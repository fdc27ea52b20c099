package stdlib

import (
	"math"
	"testing"

	"github.com/picloud/picloud/rhai/internal/value"
)

func bin(b ...byte) value.Value { return made.NewBlob(b) }

func TestBlobs(t *testing.T) {
	i := value.Int
	check(t, []row{
		{"blob", nil, "[]"},
		{"blob", args(i(3)), "[000000]"},
		{"blob", args(i(2), i(0x141)), "[4141]"},
		{"blob", args(i(-2), i(1)), "[]"},
		{"blob", args(i(math.MaxInt64)), "ErrorDataTooLarge"},
		{"len", args(bin(1, 2)), "2"},
		{"get$is_empty", args(bin()), "true"},
		{"contains", args(bin(1, 2), i(258)), "true"},
		{"contains", args(bin(1, 2), value.Char('\x01')), "not found"},
		{"to_array", args(bin(1, 255)), "[1, 255]"},
		{"as_string", args(bin('a', 0xff, 'b')), "\"a\ufffdb\""},
		{"get", args(bin(1, 2), i(-1)), "2"},
		{"get", args(bin(1, 2), i(-9)), "1"},
		{"get", args(bin(1, 2), i(2)), "0"},
		{"get", args(bin(), i(0)), "0"},
		{"set", args(bin(1, 2), i(0), i(-1)), "() [ff02]"},
		{"set", args(bin(1, 2), i(2), i(-1)), "()"},
		{"push", args(bin(), i(256)), "() [00]"},
		{"push", args(bin(), value.Byte(1)), "not found"},
		{"append", args(bin(1), i(2)), "() [0102]"},
		{"append", args(bin(1), value.Char('é')), "() [01c3a9]"},
		{"append", args(bin(1), str("ab")), "() [016162]"},
		{"append", args(bin(1), bin(2, 3)), "() [010203]"},
		{"append", args(bin(1), ints(1)), "not found"},
		{"insert", args(bin(1, 2), i(1), i(9)), "() [010902]"},
		{"insert", args(bin(1, 2), i(9), i(9)), "() [010209]"},
		{"pad", args(bin(1), i(3), i(7)), "() [010707]"},
		{"pad", args(bin(1), i(1), i(7)), "()"},
		{"pop", args(bin(1, 2)), "2 [01]"},
		{"pop", args(bin()), "0"},
		{"shift", args(bin(1, 2)), "1 [02]"},
		{"remove", args(bin(1, 2), i(-2)), "1 [02]"},
		{"remove", args(bin(1, 2), i(2)), "0"},
		{"clear", args(bin(1)), "() []"},
		{"reverse", args(bin(1, 2, 3)), "() [030201]"},
		{"truncate", args(bin(1, 2, 3), i(1)), "() [01]"},
		{"chop", args(bin(1, 2, 3), i(1)), "() [03]"},
		{"chop", args(bin(1, 2, 3), i(0)), "() []"},
	})
}

func TestBlobParts(t *testing.T) {
	i := value.Int
	b := bin(1, 2, 3, 4)
	check(t, []row{
		{"extract", args(b, i(-2)), "[0304]"},
		{"extract", args(b, i(1), i(2)), "[0203]"},
		{"extract", args(b, rng(3, 1, true)), "[04]"},
		{"splice", args(b, i(1), i(2), bin(9)), "() [010904]"},
		{"splice", args(b, i(1), i(0), bin(9)), "() [0102030409]"},
		{"splice", args(b, rng(0, 1, false), bin(8, 9)), "() [0809020304]"},
		{"split", args(b, i(1)), "[020304] [01]"},
		{"split", args(b, i(-9)), "[01020304] []"},
		{"drain", args(b, i(1), i(1)), "[02] [010304]"},
		{"drain", args(b, i(1), i(-1)), "[]"},
		{"retain", args(b, i(1), i(2)), "[0104] [0203]"},
		{"retain", args(b, i(1), i(0)), "[]"},
		{"retain", args(b, i(9), i(1)), "[01020304] []"},
	})
}

func TestBlobNumbers(t *testing.T) {
	i, f := value.Int, value.Float
	b := bin(1, 2)
	ten := bin(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	check(t, []row{
		{"parse_le_int", args(b, i(0), i(2)), "513"},
		{"parse_be_int", args(b, i(0), i(2)), "72620543991349248"},
		{"parse_be_int", args(b, i(2), i(2)), "0"},
		{"parse_le_int", args(b, rng(1, 1, true)), "2"},
		{"parse_le_float", args(bin(0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 9), i(0), i(9)), "1.0"},
		{"parse_be_float", args(bin(0x3f, 0xf0), rng(0, 8, false)), "1.0"},
		{"write_le", args(ten, i(1), i(3), i(0x01020304)), "() [0004030200000000 0000]"},
		{"write_be", args(ten, i(0), i(2), i(0x1234)), "()"},
		{"write_be", args(ten, rng(0, 99, false), i(0x1234)), "() [0000000000001234 0000]"},
		{"write_le", args(ten, rng(2, 99, false), f(1)), "() [0000000000000000 f03f]"},
		{"write_be", args(ten, i(8), i(8), f(1)), "() [0000000000000000 3ff0]"},
		{"write_le", args(ten, i(10), i(8), i(-1)), "()"},
		{"write_utf8", args(bin(0, 0, 0), i(1), i(1), str("é")), "() [00c300]"},
		{"write_ascii", args(bin(0, 0, 0), rng(0, 9, false), str("éaéb")), "() [616200]"},
		{"write_ascii", args(bin(0), i(0), i(1), i(1)), "not found"},
	})
}
