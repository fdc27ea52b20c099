package value

import (
	"math"
	"math/big"
	"testing"
)

// TestExpLogAgainstBig checks e**x and ln against 200-bit arithmetic.
func TestExpLogAgainstBig(t *testing.T) {
	for i := range 400 {
		x := math.Sin(float64(i)*12.9898) * math.Pow(10, float64(i%5-2))
		if got, want := Exp(x), bigExp(x); got != want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
		y := math.Abs(x) * math.Pow(10, float64(i%40-20))
		if y == 0 {
			continue
		}
		// ln is right when e**ln is nearest: compare with both neighbours.
		l := Log(y)
		for _, n := range []float64{math.Nextafter(l, math.Inf(1)), math.Nextafter(l, math.Inf(-1))} {
			if logMiss(n, y).Cmp(logMiss(l, y)) < 0 {
				t.Errorf("ln(%v) = %v, but %v is nearer", y, l, n)
			}
		}
	}
}

const bigBits = 200

func bigFloat(x float64) *big.Float { return new(big.Float).SetPrec(bigBits).SetFloat64(x) }

// bigExpOf is e**x to 200 bits: the series of x/2^20, squared 20 times.
func bigExpOf(x *big.Float) *big.Float {
	r := new(big.Float).SetPrec(bigBits+40).SetMantExp(x, -20)
	total, term := bigFloat(1).SetPrec(bigBits+40), bigFloat(1).SetPrec(bigBits+40)
	for n := 1; n < 40; n++ {
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetInt64(int64(n)))
		total.Add(total, term)
	}
	for range 20 {
		total.Mul(total, total)
	}
	return total
}

func bigExp(x float64) float64 {
	f, _ := bigExpOf(bigFloat(x)).Float64()
	return f
}

// logMiss is the size of y/e**l - 1, which is how far l is from ln(y).
func logMiss(l, y float64) *big.Float {
	q := new(big.Float).Quo(bigFloat(y), bigExpOf(bigFloat(l)))
	return q.Abs(q.Sub(q, bigFloat(1)))
}

func TestExactFunctions(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"ln 10", Log(10), 2.302585092994046}, {"ln 0", Log(0), math.Inf(-1)}, {"ln -1", Log(-1), math.NaN()}, {"ln 1", Log(1), 0},
		{"log10 1000", Log10(1000), 3}, {"log10 1e-7", Log10(1e-7), -7}, {"log10 1e300", Log10(1e300), 300}, {"log10 9.9e-14", Log10(9.9e-14), -13.00436480540245},
		{"exp 1", Exp(1), math.E}, {"exp 0", Exp(0), 1}, {"exp 710", Exp(710), math.Inf(1)}, {"exp -800", Exp(-800), 0}, {"exp 1.5", Exp(1.5), 4.4816890703380645},
		{"2 ** 0.5", Pow(2, 0.5), math.Sqrt2}, {"1.5 ** -2.5", Pow(1.5, -2.5), 0.36288736930121157}, {"1e13 ** 0.1", Pow(1e13, 0.1), 19.9526231496888},
		{"0 ** -1", Pow(0, -1), math.Inf(1)}, {"-8 ** 1/3", Pow(-8, 1.0/3), math.NaN()}, {"inf ** 0.3", Pow(math.Inf(1), 0.3), math.Inf(1)},
		{"1 ** nan", Pow(1, math.NaN()), 1}, {"10 ** 400", Pow(10, 400), math.Inf(1)}, {"2 ** -1074", Pow(2, -1074), 5e-324}, {"-2 ** 3", Pow(-2, 3), -8},
		{"sin 1", Sin(1), 0.8414709848078965}, {"sin pi", Sin(math.Pi), 1.2246467991473532e-16}, {"sin -0", Sin(math.Copysign(0, -1)), 0},
		{"cos 1", Cos(1), 0.5403023058681398}, {"cos pi/2", Cos(math.Pi / 2), 6.123233995736766e-17}, {"tan 1", Tan(1), 1.5574077246549023},
		{"tan pi/4", Tan(math.Pi / 4), 0.9999999999999999}, {"atan 1", Atan(1), math.Pi / 4}, {"asin 0.5", Asin(0.5), 0.5235987755982989}, {"acos 0.5", Acos(0.5), 1.0471975511965979},
		{"acos 2", Acos(2), math.NaN()}, {"atan inf", Atan(math.Inf(1)), math.Pi / 2}, {"sin inf", Sin(math.Inf(1)), math.NaN()},
	} {
		if c.got != c.want && !(c.got != c.got && c.want != c.want) {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
}

func BenchmarkPow(b *testing.B) {
	for b.Loop() {
		Pow(1.05, 2.5)
	}
}
