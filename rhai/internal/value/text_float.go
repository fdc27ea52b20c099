package value

import (
	"math"
	"strconv"
)

// Printed floats are written plainly between these magnitudes. Native compares
// with limits of single precision, so 9999999999999.0 is already too large.
var (
	maxPlainFloat = float64(float32(1e13))
	minPlainFloat = float64(float32(1e-13))
)

// AppendFloat appends f as print shows it.
func AppendFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case abs == 0:
		return append(dst, "0.0"...) // also for -0.0
	case abs > maxPlainFloat || abs < minPlainFloat:
		return appendExponent(dst, f)
	}
	return appendPlain(dst, f)
}

// AppendFloatDebug appends f as to_debug shows it.
func AppendFloatDebug(dst []byte, f float64) []byte {
	if abs := math.Abs(f); abs != 0 && (abs >= 1e16 || abs < 1e-4) {
		return appendExponent(dst, f)
	}
	return appendPlain(dst, f)
}

func appendPlain(dst []byte, f float64) []byte {
	if f != f {
		return append(dst, "NaN"...)
	}
	if i := int64(f); float64(i) == f && (i != 0 || !math.Signbit(f)) {
		// Below 2^53 the digits of the integer are the shortest ones.
		if -1<<53 < i && i < 1<<53 {
			return append(strconv.AppendInt(dst, i, 10), ".0"...)
		}
	}
	start := len(dst)
	dst = appendShortest(dst, f, 'f')
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// appendExponent appends f like 1e13 and 9.5e-14: the exponent has neither a
// plus nor leading zeros.
func appendExponent(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) {
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "inf"...)
	}
	start := len(dst)
	dst = appendShortest(dst, f, 'e')
	for i := len(dst) - 1; i > start; i-- {
		if dst[i] != 'e' {
			continue
		}
		exp, keep := i+1, i+1
		if dst[exp] == '-' {
			keep++
		}
		exp++
		for exp < len(dst)-1 && dst[exp] == '0' {
			exp++
		}
		return append(dst[:keep], dst[exp:]...)
	}
	return dst
}

// appendShortest appends the fewest digits that f can be read back from, as
// strconv does, but for ties: when two texts of that length are equally near,
// Go takes the even one and Rust the larger. That can only happen with 16
// digits, which are sometimes more than a float holds.
func appendShortest(dst []byte, f float64, format byte) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	const most = 16
	if len(dst)-start <= most {
		return dst
	}
	digits, last := 0, 0
	for i, c := range dst[start:] {
		if c == 'e' {
			break
		}
		if c > '0' && c <= '9' || c == '0' && digits > 0 {
			digits++
			last = start + i
		}
	}
	if digits == most && dst[last]&1 == 0 && isTie(f, dst[last]) {
		dst[last]++
	}
	return dst
}

// isTie reports whether the digits of f are the 16 shortest ones, the last of
// which is given, and a 5.
func isTie(f float64, last byte) bool {
	var room [64]byte
	// Sign, digit, point, 15 digits, the 5, and enough zeros to be sure.
	exact := strconv.AppendFloat(room[:0], math.Abs(f), 'e', 40, 64)
	if exact[16] != last || exact[17] != '5' {
		return false
	}
	for _, c := range exact[18:42] {
		if c != '0' {
			return false
		}
	}
	return true
}
