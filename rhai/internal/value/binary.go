package value

import (
	"errors"

	"github.com/picloud/picloud/rhai/internal/syntax"
)

// ErrNoOperator reports that the language has no such operator for the given
// types: the machine then looks for one that the embedder registered. Compare
// with ==.
var ErrNoOperator = errors.New("no such operator")

// Meter bills work in proportion to the size of values before it is done.
type Meter interface {
	// Charge bills n operations, or fails when the run may not go on.
	Charge(n int) error
}

// bytesPerOp is how many bytes may be copied or compared for one operation.
const bytesPerOp = 32

// maxNesting is how deep functions of this package follow values into values.
// It is far beyond what programs build on purpose, and keeps Go's stack at a
// few megabytes.
const maxNesting = 5000

// charge bills n operations; a nil Meter is one that never refuses.
func charge(m Meter, n int) error {
	if n == 0 || m == nil {
		return nil
	}
	return m.Charge(n)
}

func chargeBytes(m Meter, n int) error { return charge(m, n/bytesPerOp) }

func tooDeep() error {
	return Errorf(ErrDataTooLarge, "value nested more than %d levels deep", maxNesting)
}

// withoutPos marks the error of an operator that native Rhai reports without a
// position.
func withoutPos(err error) error {
	if e, ok := err.(*Error); ok {
		e.NoPos = true
	}
	return err
}

// Binary computes `a op b` for the language's own operators, which are all but
// `&& || ?? in !in .. ..=`. Both values must be plain (see Plain). It returns
// ErrNoOperator when the language has no such operator for their types. Errors
// that native Rhai reports without a position have NoPos set.
func Binary(h *Heap, m Meter, op syntax.Op, a, b Value) (Value, error) {
	ka, kb := a.Kind(), b.Kind()
	switch ka {
	case KInt:
		if kb == KInt {
			return intBinary(op, a.Int(), b.Int())
		}
		if kb == KFloat {
			return floatBinary(op, float64(a.Int()), b.Float())
		}
	case KFloat:
		if kb == KFloat {
			return floatBinary(op, a.Float(), b.Float())
		}
		if kb == KInt {
			return floatBinary(op, a.Float(), float64(b.Int()))
		}
	}
	switch op {
	case syntax.OpEq:
		eq, err := Equal(m, a, b)
		return Bool(eq), err
	case syntax.OpNe:
		ne, err := notEqual(m, a, b)
		return Bool(ne), err
	case syntax.OpLt, syntax.OpLe, syntax.OpGt, syntax.OpGe:
		return order(m, op, a, b)
	case syntax.OpAdd:
		return add(h, m, a, b)
	case syntax.OpSub:
		return subtract(h, m, a, b)
	}
	switch ka {
	case KByte:
		return byteBinary(op, a.Byte(), b)
	case KBool:
		if kb == KBool {
			return boolBinary(op, a.Bool(), b.Bool())
		}
	}
	return Value{}, ErrNoOperator
}

func boolBinary(op syntax.Op, x, y bool) (Value, error) {
	switch op {
	case syntax.OpBitAnd:
		return Bool(x && y), nil
	case syntax.OpBitOr:
		return Bool(x || y), nil
	case syntax.OpBitXor:
		return Bool(x != y), nil
	}
	return Value{}, ErrNoOperator
}

// add computes a + b where not both are numbers.
func add(h *Heap, m Meter, a, b Value) (Value, error) {
	ka, kb := a.Kind(), b.Kind()
	if ka == KString || kb == KString {
		return addString(h, m, a, b)
	}
	switch {
	case ka == KChar && kb == KChar:
		var x, y [4]byte
		v, err := h.Concat(charText(&x, a.Char()), charText(&y, b.Char()))
		return v, withoutPos(err)
	case ka == KBlob && kb == KBlob:
		return addBlobs(h, m, a, b)
	case ka == KBlob && kb == KChar:
		var x [4]byte
		return appendedBlob(h, m, a.Blob().B, charText(&x, b.Char()))
	case ka == KArray && kb == KArray:
		return addArrays(h, m, a, b)
	case ka == KMap && kb == KMap:
		return addMaps(h, m, a, b)
	case ka == KByte:
		return byteBinary(syntax.OpAdd, a.Byte(), b)
	case ka == KTime:
		return addTime(h, a, b, false)
	}
	return Value{}, ErrNoOperator
}

// subtract computes a - b where not both are numbers.
func subtract(h *Heap, m Meter, a, b Value) (Value, error) {
	switch a.Kind() {
	case KString:
		return subtractString(h, m, a, b)
	case KByte:
		return byteBinary(syntax.OpSub, a.Byte(), b)
	case KTime:
		if b.Is(KTime) {
			return Float(seconds(a.Time().Nanos, b.Time().Nanos)), nil
		}
		return addTime(h, a, b, true)
	}
	return Value{}, ErrNoOperator
}

// MakeRange makes `a..b`, or `a..=b` when inclusive. One end may be (): 0 for
// the start, the largest integer for the end.
func MakeRange(h *Heap, a, b Value, inclusive bool) (Value, error) {
	if a.IsUnit() && b.IsUnit() {
		return Value{}, ErrNoOperator
	}
	start, end := int64(0), int64(maxInt)
	if !a.IsUnit() {
		if !a.IsInt() {
			return Value{}, ErrNoOperator
		}
		start = a.Int()
	}
	if !b.IsUnit() {
		if !b.IsInt() {
			return Value{}, ErrNoOperator
		}
		end = b.Int()
	}
	return h.NewRange(start, end, inclusive), nil
}
