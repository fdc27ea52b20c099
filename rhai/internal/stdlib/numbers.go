package stdlib

import (
	"math"
	"strconv"
	"strings"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func numbers(r *native.Registry) {
	r.Add(
		def("abs(x)", "The number without its sign.", absInt, integer),
		def("abs(x)", "The number without its sign.", ofFloat(math.Abs), float),
		def("sign(x)", "-1, 0 or 1, as the number is negative, zero or positive.", signInt, integer),
		def("sign(x)", "-1, 0 or 1, as the number is negative, zero or positive.", signFloat, float),
		def("max(a, b)", "The larger of two values.", maxInts, integer, integer),
		def("min(a, b)", "The smaller of two values.", minInts, integer, integer),
		def("max(a, b)", "The larger of two values.", maxInts, octet, octet),
		def("min(a, b)", "The smaller of two values.", minInts, octet, octet),
		def("max(a, b)", "The larger of two values.", maxFloats, float, number),
		def("min(a, b)", "The smaller of two values.", minFloats, float, number),
		def("max(a, b)", "The larger of two values.", maxFloats, integer, float),
		def("min(a, b)", "The smaller of two values.", minFloats, integer, float),
		def("to_int(x)", "The number as an integer.", bitsToInt, value.Set(value.KInt, value.KByte, value.KChar)),
		def("to_int(x)", "The number as an integer, cut towards zero.", floatToInt, float),
		def("to_float(x)", "The number as a float.", toFloat, value.Set(value.KInt, value.KByte, value.KFloat)),
		def("parse_int(text)", "The integer that the text spells in decimal.", parseInt, text),
		def("parse_int(text, radix)", "The integer that the text spells in base `radix`, 2 to 36.", parseInt, text, integer),
		def("parse_float(text)", "The float that the text spells.", parseFloat, text),
		def("to_hex(x)", "The number in hexadecimal.", inBase(16), value.Set(value.KInt, value.KByte)),
		def("to_octal(x)", "The number in octal.", inBase(8), value.Set(value.KInt, value.KByte)),
		def("to_binary(x)", "The number in binary.", inBase(2), value.Set(value.KInt, value.KByte)),
	)
	whole := value.Set(value.KInt, value.KByte)
	property(r, def("is_zero(x)", "Whether the number is zero.", isZero, value.Set(value.KInt, value.KByte, value.KFloat)))
	property(r, def("is_odd(x)", "Whether the number is odd.", isOdd, whole))
	property(r, def("is_even(x)", "Whether the number is even.", isEven, whole))
	floats(r)
}

// floats registers what only floats have.
func floats(r *native.Registry) {
	for _, f := range []struct {
		name, doc string
		of        func(float64) float64
	}{
		{"floor", "The largest whole number that is not above x.", math.Floor},
		{"ceiling", "The smallest whole number that is not below x.", math.Ceil},
		{"round", "The nearest whole number; halves go away from zero.", math.Round},
		{"int", "The whole part of x.", math.Trunc},
		{"fraction", "The part of x behind the decimal point.", func(x float64) float64 { return x - math.Trunc(x) }},
	} {
		property(r, def(f.name+"(x)", f.doc, ofFloat(f.of), float))
	}
	for _, f := range []struct {
		name, doc string
		is        func(float64) bool
	}{
		{"is_nan", "Whether x is not a number.", func(x float64) bool { return x != x }},
		{"is_finite", "Whether x is neither infinite nor NaN.", func(x float64) bool { return x-x == 0 }},
		{"is_infinite", "Whether x is infinite.", func(x float64) bool { return math.IsInf(x, 0) }},
	} {
		property(r, def(f.name+"(x)", f.doc, func(c *native.Call) error {
			return c.Return(value.Bool(f.is(c.Recv.Float())))
		}, float))
	}
	for _, f := range []struct {
		name, doc string
		of        func(float64) float64
	}{
		{"sin", "The sine of an angle in radians.", value.Sin},
		{"cos", "The cosine of an angle in radians.", value.Cos},
		{"tan", "The tangent of an angle in radians.", value.Tan},
		{"asin", "The angle, in radians, whose sine is x.", value.Asin},
		{"acos", "The angle, in radians, whose cosine is x.", value.Acos},
		{"atan", "The angle, in radians, whose tangent is x.", value.Atan},
		{"sinh", "The hyperbolic sine.", math.Sinh},
		{"cosh", "The hyperbolic cosine.", math.Cosh},
		{"tanh", "The hyperbolic tangent.", math.Tanh},
		{"asinh", "The inverse hyperbolic sine.", math.Asinh},
		{"acosh", "The inverse hyperbolic cosine.", math.Acosh},
		{"atanh", "The inverse hyperbolic tangent.", math.Atanh},
		{"sqrt", "The square root; NaN of negative numbers.", math.Sqrt},
		{"exp", "e to the power of x.", value.Exp},
		{"ln", "The natural logarithm.", value.Log},
		{"log", "The logarithm to base 10.", value.Log10},
		{"to_radians", "An angle in degrees as radians.", func(x float64) float64 { return x * degree }},
		{"to_degrees", "An angle in radians as degrees.", func(x float64) float64 { return x * radian }},
	} {
		r.Add(def(f.name+"(x)", f.doc, ofFloat(f.of), float))
	}
	r.Add(
		def("atan(y, x)", "The angle, in radians, of the point (x, y).", ofFloats(math.Atan2), float, float),
		def("hypot(x, y)", "The length of the vector (x, y).", ofFloats(math.Hypot), float, float),
		def("log(x, base)", "The logarithm to the given base.", ofFloats(logBase), float, float),
		def("PI()", "The circumference of a circle of diameter 1.", constant(math.Pi)),
		def("E()", "The base of natural logarithms.", constant(math.E)),
	)
}

// A degree in radians, and a radian in degrees.
const (
	degree = math.Pi / 180
	radian = 180 / math.Pi
)

func ofFloat(f func(float64) float64) func(*native.Call) error {
	return func(c *native.Call) error { return c.Return(value.Float(f(c.Recv.Float()))) }
}

func ofFloats(f func(x, y float64) float64) func(*native.Call) error {
	return func(c *native.Call) error { return c.Return(value.Float(f(c.Recv.Float(), c.Rest[0].Float()))) }
}

func constant(f float64) func(*native.Call) error {
	return func(c *native.Call) error { return c.Return(value.Float(f)) }
}

func logBase(x, base float64) float64 { return value.Log(x) / value.Log(base) }

func absInt(c *native.Call) error {
	x := c.Recv.Int()
	if x == math.MinInt64 {
		return value.Arithmetic("integer overflow: abs(%d) does not fit 64 bits", x)
	}
	return c.Return(value.Int(max(x, -x)))
}

func signInt(c *native.Call) error {
	x := c.Recv.Int()
	return c.Return(value.Int(x>>63 | int64(uint64(-x)>>63)))
}

func signFloat(c *native.Call) error {
	switch x := c.Recv.Float(); {
	case x > 0:
		return c.Return(value.Int(1))
	case x < 0:
		return c.Return(value.Int(-1))
	case x == 0:
		return c.Return(value.Int(0))
	}
	return value.Arithmetic("NaN has no sign")
}

// maxInts and minInts also serve u8 values, which keep their kind.
func maxInts(c *native.Call) error {
	if c.Recv.Int() >= c.Rest[0].Int() {
		return c.Return(*c.Recv)
	}
	return c.Return(c.Rest[0])
}

func minInts(c *native.Call) error {
	if c.Recv.Int() <= c.Rest[0].Int() {
		return c.Return(*c.Recv)
	}
	return c.Return(c.Rest[0])
}

func asFloat(v value.Value) float64 {
	if v.IsFloat() {
		return v.Float()
	}
	return float64(v.Int())
}

// maxFloats prefers the second value when they cannot be compared.
func maxFloats(c *native.Call) error {
	x, y := asFloat(*c.Recv), asFloat(c.Rest[0])
	if x >= y {
		y = x
	}
	return c.Return(value.Float(y))
}

func minFloats(c *native.Call) error {
	x, y := asFloat(*c.Recv), asFloat(c.Rest[0])
	if x <= y {
		y = x
	}
	return c.Return(value.Float(y))
}

// bitsToInt serves integers, bytes and chars: their payload is the number.
func bitsToInt(c *native.Call) error { return c.Return(value.Int(int64(c.Recv.Bits))) }

func floatToInt(c *native.Call) error {
	const limit = 1 << 63
	switch x := c.Recv.Float(); {
	case x > limit || x < -limit:
		var t [32]byte
		return value.Arithmetic("integer overflow: %s does not fit 64 bits", value.AppendFloat(t[:0], x))
	case x == limit:
		return c.Return(value.Int(math.MaxInt64))
	case x != x:
		return c.Return(value.Int(0))
	default:
		return c.Return(value.Int(int64(x)))
	}
}

func toFloat(c *native.Call) error { return c.Return(value.Float(asFloat(*c.Recv))) }

// shownText is the start of s, for messages.
func shownText(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

func parseInt(c *native.Call) error {
	s, radix := c.Recv.Str(), int64(10)
	if len(c.Rest) > 0 {
		radix = c.Rest[0].Int()
	}
	if radix < 2 || radix > 36 {
		return value.Arithmetic("radix %d is not between 2 and 36", radix)
	}
	if err := chargeText(c, s); err != nil {
		return err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), int(radix), 64)
	if err != nil {
		if isRange(err) {
			return value.Arithmetic("%s does not fit 64 bits", shownText(s))
		}
		return value.Arithmetic("%s is not an integer in base %d", shownText(s), radix)
	}
	return c.Return(value.Int(n))
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

func parseFloat(c *native.Call) error {
	s := c.Recv.Str()
	if err := chargeText(c, s); err != nil {
		return err
	}
	t := strings.TrimSpace(s)
	if strings.EqualFold(strings.TrimLeft(t, "+-"), "nan") && len(t) <= 4 {
		return c.Return(value.Float(math.NaN()))
	}
	f, err := strconv.ParseFloat(t, 64)
	// Go also reads hexadecimal floats, which have an x.
	if err != nil && !isRange(err) || strings.ContainsAny(t, "xX_") {
		return value.Arithmetic("%s is not a number", shownText(s))
	}
	return c.Return(value.Float(f))
}

func inBase(base int) func(*native.Call) error {
	return func(c *native.Call) error {
		var room [64]byte
		v, err := c.Heap.CopyString(strconv.AppendUint(room[:0], c.Recv.Bits, base))
		c.Result = v
		return err
	}
}

func isZero(c *native.Call) error {
	if c.Recv.IsFloat() {
		return c.Return(value.Bool(c.Recv.Float() == 0))
	}
	return c.Return(value.Bool(c.Recv.Bits == 0))
}

func isOdd(c *native.Call) error  { return c.Return(value.Bool(c.Recv.Bits&1 != 0)) }
func isEven(c *native.Call) error { return c.Return(value.Bool(c.Recv.Bits&1 == 0)) }
