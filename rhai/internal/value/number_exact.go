package value

import "math"

// The functions of this file agree with the C library, which native Rhai
// calls, to the last digit in practically all cases, where Go's package math
// is off by a unit or two: they calculate with twice the digits and round
// once. They cost a few hundred nanoseconds.

// twofold is the sum of two floats that do not overlap: 106 bits.
type twofold struct{ hi, lo float64 }

// Constants to 106 bits. The first half is written out; the rest is what is
// missing to the exact constant.
const (
	ln2Hi    = 0x1.62e42fefa39efp-1
	log10eHi = 0x1.bcb7b1526e50ep-2
	halfPiHi = 0x1.921fb54442d18p0
	halfPiLo = 0x1.1a62633145c07p-54
)

var (
	ln2    = twofold{ln2Hi, math.Ln2 - ln2Hi}
	log10e = twofold{log10eHi, math.Log10E - log10eHi}
)

func quickSum(a, b float64) twofold {
	s := a + b
	return twofold{s, b - (s - a)}
}

func sum(a, b float64) twofold {
	s := a + b
	t := s - a
	return twofold{s, (a - (s - t)) + (b - t)}
}

func product(a, b float64) twofold {
	p := a * b
	return twofold{p, math.FMA(a, b, -p)}
}

func (a twofold) plus(b twofold) twofold {
	s, t := sum(a.hi, b.hi), sum(a.lo, b.lo)
	s = quickSum(s.hi, s.lo+t.hi)
	return quickSum(s.hi, s.lo+t.lo)
}

func (a twofold) minus(b twofold) twofold { return a.plus(twofold{-b.hi, -b.lo}) }

func (a twofold) times(b twofold) twofold {
	p := product(a.hi, b.hi)
	return quickSum(p.hi, p.lo+(a.hi*b.lo+a.lo*b.hi))
}

func (a twofold) scaled(f float64) twofold {
	p := product(a.hi, f)
	return quickSum(p.hi, p.lo+a.lo*f)
}

func (a twofold) over(b twofold) twofold {
	q := a.hi / b.hi
	r := a.minus(b.scaled(q))
	q2 := r.hi / b.hi
	r = r.minus(b.scaled(q2))
	return quickSum(q, q2).plus(twofold{r.hi / b.hi, 0})
}

// over a power of two, exactly.
func (a twofold) half(n int) twofold { return twofold{math.Ldexp(a.hi, -n), math.Ldexp(a.lo, -n)} }

func (a twofold) round() float64 { return a.hi + a.lo }

// expWhole is e**a as a number near 1 and a power of two. |a| is below 2000.
func expWhole(a twofold) (m twofold, exponent int) {
	k := math.Round(a.hi / ln2.hi)
	const halvings = 8
	r := a.minus(ln2.scaled(k)).half(halvings)
	// e**r - 1 by its series: r is below 0.0014, so ten terms are enough.
	p := twofold{}
	for n := 10.0; n >= 1; n-- {
		p = p.plus(twofold{1, 0}).times(r.over(twofold{n, 0}))
	}
	for range halvings {
		p = p.plus(p).plus(p.times(p)) // (1+p)² - 1
	}
	return p.plus(twofold{1, 0}), int(k)
}

// logOf is the natural logarithm of a positive, finite x.
func logOf(x float64) twofold {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, k = m*2, k-1
	}
	// One step of Newton's method doubles the digits.
	guess := math.Log(m)
	e, exponent := expWhole(twofold{-guess, 0})
	t := e.half(-exponent).scaled(m).minus(twofold{1, 0})
	l := twofold{guess, 0}.plus(t.minus(t.times(t).half(1)))
	return ln2.scaled(float64(k)).plus(l)
}

// Exp is e**x.
func Exp(x float64) float64 {
	if !(math.Abs(x) < 700) || x == 0 {
		return math.Exp(x)
	}
	m, k := expWhole(twofold{x, 0})
	return math.Ldexp(m.round(), k)
}

// Log is the natural logarithm of x.
func Log(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) || x == 1 {
		return math.Log(x)
	}
	return logOf(x).round()
}

// Log10 is the logarithm of x to base 10.
func Log10(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) || x == 1 {
		return math.Log(x)
	}
	return logOf(x).times(log10e).round()
}

// Pow is x**y.
func Pow(x, y float64) float64 {
	if n := int64(y); float64(n) == y && n > -4096 && n < 4096 && n != 0 {
		if z := powWhole(x, n); math.Abs(z) > 0x1p-960 && math.Abs(z) < 0x1p1020 {
			return z
		}
	}
	z := math.Pow(x, y) // also decides all special cases
	if x > 0 && math.Abs(y) != 0.5 && z > 0x1p-1000 && z < 0x1p1020 && z != 1 {
		m, k := expWhole(logOf(x).scaled(y))
		return math.Ldexp(m.round(), k)
	}
	return z
}

// powWhole is x**n by repeated squaring. Its result is only good when nothing
// on the way overflowed or was subnormal.
func powWhole(x float64, n int64) float64 {
	k := max(n, -n)
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
		return z.round()
	}
	return twofold{1, 0}.over(z).round()
}

// largeAngle is where the reduction of angles would need more digits.
const largeAngle = 1 << 20

// turn reduces an angle to at most a quarter of π, and counts the quarter
// turns that were taken off.
func turn(x float64) (r twofold, quarters int) {
	k := math.Round(x / halfPiHi)
	const halfPiRest = math.Pi/2 - halfPiHi - halfPiLo
	r = product(-k, halfPiHi).plus(twofold{x, 0})
	r = r.plus(product(-k, halfPiLo)).plus(twofold{-k * halfPiRest, 0})
	return r, int(k) & 3
}

// series adds up first - first·r²/(n(n+1)) + …, the series of sine and cosine.
func series(first, r2 twofold, n float64) twofold {
	total, term := first, first
	for ; math.Abs(term.hi) > 0x1p-110*math.Abs(first.hi); n += 2 {
		term = term.times(r2).over(twofold{-n * (n + 1), 0})
		total = total.plus(term)
	}
	return total
}

func sinCos(x float64) (sin, cos twofold) {
	r, quarters := turn(x)
	r2 := r.times(r)
	sin, cos = series(r, r2, 2), series(twofold{1, 0}, r2, 1)
	if quarters&1 != 0 {
		sin, cos = cos, twofold{-sin.hi, -sin.lo}
	}
	if quarters&2 != 0 {
		sin, cos = twofold{-sin.hi, -sin.lo}, twofold{-cos.hi, -cos.lo}
	}
	return sin, cos
}

// ordinaryAngle reports whether sinCos is good for x.
func ordinaryAngle(x float64) bool {
	abs := math.Abs(x)
	return abs > 0x1p-300 && abs < largeAngle
}

// Sin is the sine of x, in radians.
func Sin(x float64) float64 {
	if !ordinaryAngle(x) {
		return math.Sin(x)
	}
	sin, _ := sinCos(x)
	return sin.round()
}

// Cos is the cosine of x, in radians.
func Cos(x float64) float64 {
	if !ordinaryAngle(x) {
		return math.Cos(x)
	}
	_, cos := sinCos(x)
	return cos.round()
}

// Tan is the tangent of x, in radians.
func Tan(x float64) float64 {
	if !ordinaryAngle(x) {
		return math.Tan(x)
	}
	sin, cos := sinCos(x)
	return sin.over(cos).round()
}

// Atan is the angle whose tangent is x.
func Atan(x float64) float64 {
	guess := math.Atan(x)
	if !ordinaryAngle(x) {
		return guess
	}
	// tan(a-b) = (tan a - tan b) / (1 + tan a · tan b), and the difference is
	// so small that it is its own tangent.
	sin, cos := sinCos(guess)
	num := cos.scaled(x).minus(sin)
	den := cos.plus(sin.scaled(x))
	return guess + num.round()/den.round()
}

// Asin is the angle whose sine is x.
func Asin(x float64) float64 {
	guess := math.Asin(x)
	if !ordinaryAngle(x) || !(math.Abs(x) < 0.9999) {
		return guess
	}
	sin, cos := sinCos(guess)
	return guess + twofold{x, 0}.minus(sin).round()/cos.hi
}

// Acos is the angle whose cosine is x.
func Acos(x float64) float64 {
	guess := math.Acos(x)
	if !(math.Abs(x) < 0.9999) {
		return guess
	}
	sin, cos := sinCos(guess)
	return guess + cos.minus(twofold{x, 0}).round()/sin.hi
}
