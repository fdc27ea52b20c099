package value

import "math"

// Pow is x**y. For whole y of moderate size it calculates with twice the
// digits, because math.Pow is off by a unit or two in the last place where the
// C library, which native Rhai calls, is not.
func Pow(x, y float64) float64 {
	if n := int64(y); float64(n) == y && n > -4096 && n < 4096 && n != 0 {
		if z := powWhole(x, n); z != 0 && !math.IsInf(z, 0) && z == z && math.Abs(z) > 0x1p-960 {
			return z
		}
	}
	return math.Pow(x, y)
}

// powWhole is x**n by repeated squaring of a number kept as a sum hi+lo. Its
// result is only good when nothing on the way overflowed or was subnormal.
func powWhole(x float64, n int64) float64 {
	k := n
	if n < 0 {
		k = -n
	}
	z, p := twofold{hi: 1}, twofold{hi: x}
	for {
		if k&1 != 0 {
			z = z.times(p)
		}
		if k >>= 1; k == 0 {
			break
		}
		p = p.times(p)
	}
	if n > 0 {
		return z.hi
	}
	return z.inverse()
}

// twofold is the sum of two floats that do not overlap.
type twofold struct{ hi, lo float64 }

func (a twofold) times(b twofold) twofold {
	p := a.hi * b.hi
	e := math.FMA(a.hi, b.hi, -p)
	e += a.hi*b.lo + a.lo*b.hi
	hi := p + e
	return twofold{hi, e - (hi - p)}
}

func (a twofold) inverse() float64 {
	q := 1 / a.hi
	r := math.FMA(-q, a.hi, 1) - q*a.lo
	return q + r*q
}
