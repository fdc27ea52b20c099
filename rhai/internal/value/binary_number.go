package value

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/syntax"
)

const (
	maxInt = math.MaxInt64
	minInt = math.MinInt64
)

// Arithmetic is the error of a calculation without a result.
func Arithmetic(format string, args ...any) *Error { return Errorf(ErrArithmetic, format, args...) }

// intBinary computes x op y. Its errors carry no position, as native's do not.
func intBinary(op syntax.Op, x, y int64) (Value, error) {
	switch op {
	case syntax.OpEq:
		return Bool(x == y), nil
	case syntax.OpNe:
		return Bool(x != y), nil
	case syntax.OpLt:
		return Bool(x < y), nil
	case syntax.OpLe:
		return Bool(x <= y), nil
	case syntax.OpGt:
		return Bool(x > y), nil
	case syntax.OpGe:
		return Bool(x >= y), nil
	case syntax.OpBitAnd:
		return Int(x & y), nil
	case syntax.OpBitOr:
		return Int(x | y), nil
	case syntax.OpBitXor:
		return Int(x ^ y), nil
	case syntax.OpShl:
		return Int(shiftLeft(x, y)), nil
	case syntax.OpShr:
		return Int(shiftRight(x, y)), nil
	}
	z, ok := int64(0), false
	switch op {
	case syntax.OpAdd:
		z = x + y
		ok = (z > x) == (y > 0)
	case syntax.OpSub:
		z = x - y
		ok = (z < x) == (y > 0)
	case syntax.OpMul:
		z, ok = mulInt(x, y)
	case syntax.OpPow:
		z, ok = powInt(x, y)
	case syntax.OpDiv, syntax.OpMod:
		return divInt(op, x, y)
	default:
		return Value{}, ErrNoOperator
	}
	if !ok {
		return Value{}, withoutPos(intOverflow(op, x, y))
	}
	return Int(z), nil
}

func divInt(op syntax.Op, x, y int64) (Value, error) {
	switch {
	case y == 0:
		return Value{}, withoutPos(Arithmetic("division by zero: %d %s 0", x, op))
	case y == -1 && x == minInt:
		return Value{}, withoutPos(intOverflow(op, x, y))
	case op == syntax.OpDiv:
		return Int(x / y), nil
	}
	return Int(x % y), nil
}

func intOverflow(op syntax.Op, x, y int64) error {
	if op == syntax.OpPow && y < 0 {
		return Arithmetic("an integer cannot be raised to a negative power: %d ** %d (use a float: %d.0 ** %d)", x, y, x, y)
	}
	return Arithmetic("integer overflow: the result of %d %s %d does not fit 64 bits", x, op, y)
}

func mulInt(x, y int64) (int64, bool) {
	z := x * y
	if int64(int32(x)) == x && int64(int32(y)) == y {
		return z, true
	}
	if x == 0 || y == 0 {
		return 0, true
	}
	return z, z/y == x && !(y == -1 && x == minInt)
}

// powInt is x**y; ok is false when it does not fit or y is negative or above
// 2^32-1, which native refuses whatever x is.
func powInt(x, y int64) (z int64, ok bool) {
	if y < 0 || y > math.MaxUint32 {
		return 0, false
	}
	z = 1
	for {
		if y&1 != 0 {
			if z, ok = mulInt(z, x); !ok {
				return 0, false
			}
		}
		if y >>= 1; y == 0 {
			return z, true
		}
		if x, ok = mulInt(x, x); !ok {
			return 0, false
		}
	}
}

// shiftLeft shifts to the right when y is negative.
func shiftLeft(x, y int64) int64 {
	if y < 0 {
		if y == minInt {
			return x >> 63
		}
		return shiftRight(x, -y)
	}
	return x << uint64(y)
}

func shiftRight(x, y int64) int64 {
	if y < 0 {
		if y == minInt {
			return 0
		}
		return shiftLeft(x, -y)
	}
	return x >> uint64(y)
}

// byteBinary computes x op b for a u8, whose partner is a u8, too, but for the
// counts of shifts and powers.
func byteBinary(op syntax.Op, x byte, b Value) (Value, error) {
	if b.IsInt() {
		return byteCounted(op, x, b.Int())
	}
	if !b.Is(KByte) {
		return Value{}, ErrNoOperator
	}
	y := b.Byte()
	z := 0
	switch op {
	case syntax.OpAdd:
		z = int(x) + int(y)
	case syntax.OpSub:
		z = int(x) - int(y)
	case syntax.OpMul:
		z = int(x) * int(y)
	case syntax.OpDiv, syntax.OpMod:
		if y == 0 {
			return Value{}, Arithmetic("division by zero: %d %s 0", x, op)
		}
		if z = int(x) / int(y); op == syntax.OpMod {
			z = int(x) % int(y)
		}
	case syntax.OpBitAnd:
		z = int(x & y)
	case syntax.OpBitOr:
		z = int(x | y)
	case syntax.OpBitXor:
		z = int(x ^ y)
	default:
		return Value{}, ErrNoOperator
	}
	return byteResult(op, x, int64(y), z)
}

func byteCounted(op syntax.Op, x byte, y int64) (Value, error) {
	switch op {
	case syntax.OpShr:
		y = -max(y, -maxInt)
		fallthrough
	case syntax.OpShl:
		switch {
		case y >= 8:
			return Byte(0), nil
		case y >= 0:
			return Byte(x << y), nil
		}
		// Beyond seven places native keeps the highest bit.
		return Byte(x >> min(-y, 7)), nil
	case syntax.OpPow:
		if z, ok := powInt(int64(x), y); ok {
			return byteResult(op, x, y, int(min(z, 256)))
		}
		return byteResult(op, x, y, -1)
	}
	return Value{}, ErrNoOperator
}

func byteResult(op syntax.Op, x byte, y int64, z int) (Value, error) {
	if z < 0 || z > 255 {
		return Value{}, Arithmetic("overflow: the result of %d %s %d does not fit a u8", x, op, y)
	}
	return Byte(byte(z)), nil
}

// epsilon is the relative difference up to which floats count as equal: that
// between 1 and the next float.
const epsilon = 0x1p-52

// scale is what differences of floats are measured by.
func scale(x, y float64) float64 {
	if x*y == 0 {
		return 1
	}
	return maxNum(math.Abs(x), math.Abs(y))
}

// maxNum is the larger number; unlike math.Max it ignores NaN.
func maxNum(x, y float64) float64 {
	if x != x {
		return y
	}
	if y > x {
		return y
	}
	return x
}

func floatEqual(x, y float64) bool {
	s := scale(x, y)
	return s == 0 || math.Abs(x-y)/s <= epsilon
}

// floatBinary computes x op y. Comparisons allow a relative difference of
// epsilon, so that NaN and the infinities compare false with everything, even
// by `!=`. The exception, as in native, is NaN against zero: they are equal,
// since their scale is 0.
func floatBinary(op syntax.Op, x, y float64) (Value, error) {
	switch op {
	case syntax.OpAdd:
		return Float(x + y), nil
	case syntax.OpSub:
		return Float(x - y), nil
	case syntax.OpMul:
		return Float(x * y), nil
	case syntax.OpDiv:
		return Float(x / y), nil
	case syntax.OpMod:
		return Float(math.Mod(x, y)), nil
	case syntax.OpPow:
		return Float(Pow(x, y)), nil
	}
	s := scale(x, y)
	zero := s == 0
	switch op {
	case syntax.OpEq:
		return Bool(zero || math.Abs(x-y)/s <= epsilon), nil
	case syntax.OpNe:
		return Bool(!zero && math.Abs(x-y)/s > epsilon), nil
	case syntax.OpLt:
		return Bool(!zero && (y-x)/s > epsilon), nil
	case syntax.OpLe:
		return Bool(zero || (y-x)/s > -epsilon), nil
	case syntax.OpGt:
		return Bool(!zero && (x-y)/s > epsilon), nil
	case syntax.OpGe:
		return Bool(zero || (x-y)/s > -epsilon), nil
	}
	return Value{}, ErrNoOperator
}
