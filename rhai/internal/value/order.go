package value

import (
	"cmp"
	"strings"

	"github.com/picloud/picloud/rhai/internal/syntax"
)

// order computes a comparison by `<`, `<=`, `>` or `>=` where not both values
// are i64 or f64.
func order(m Meter, op syntax.Op, a, b Value) (Value, error) {
	ka, kb := a.Kind(), b.Kind()
	c := 0
	switch {
	case ka == KString && kb == KString:
		if err := chargeBytes(m, min(len(a.Str()), len(b.Str()))); err != nil {
			return Value{}, err
		}
		c = strings.Compare(a.Str(), b.Str())
	case ka == KChar && kb == KString:
		c = compareChar(a.Char(), b.Str())
	case ka == KString && kb == KChar:
		c = -compareChar(b.Char(), a.Str())
	case ka == kb && (ka == KChar || ka == KByte || ka == KBool):
		c = cmp.Compare(a.Bits, b.Bits)
	case ka == KTime && kb == KTime:
		c = cmp.Compare(a.Time().Nanos, b.Time().Nanos)
	case ka == KUnit && kb == KUnit:
		return Bool(false), nil
	case sameType(a, b), ka == KRange && kb == KRange, apart(ka, kb):
		return Value{}, ErrNoOperator
	default:
		return Bool(false), nil
	}
	switch op {
	case syntax.OpLt:
		return Bool(c < 0), nil
	case syntax.OpLe:
		return Bool(c <= 0), nil
	case syntax.OpGt:
		return Bool(c > 0), nil
	}
	return Bool(c >= 0), nil
}

func compareChar(c rune, s string) int {
	var buf [4]byte
	return strings.Compare(charText(&buf, c), s)
}
