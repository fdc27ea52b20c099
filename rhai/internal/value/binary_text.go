package value

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// charText is the text of c, stored in buf.
func charText(buf *[4]byte, c rune) string {
	n := utf8.EncodeRune(buf[:], c)
	return unsafe.String(&buf[0], n)
}

// addString computes a + b where at least one is a string.
func addString(h *Heap, m Meter, a, b Value) (Value, error) {
	ka, kb := a.Kind(), b.Kind()
	switch {
	case kb == KUnit:
		return a.Share(), nil
	case ka == KUnit:
		return b.Share(), nil
	case ka == KString && kb == KString:
		return concat(h, m, a.Str(), b.Str(), true)
	case kb == KChar:
		var buf [4]byte
		return concat(h, m, a.Str(), charText(&buf, b.Char()), true)
	case ka == KChar:
		var buf [4]byte
		return concat(h, m, charText(&buf, a.Char()), b.Str(), true)
	}
	var room [64]byte
	if ka == KString {
		t, err := operandText(h, room[:0], m, b)
		if err != nil {
			return Value{}, err
		}
		return concat(h, m, a.Str(), bytesText(t), false)
	}
	t, err := operandText(h, room[:0], m, a)
	if err != nil {
		return Value{}, err
	}
	return concat(h, m, bytesText(t), b.Str(), false)
}

func concat(h *Heap, m Meter, a, b string, builtin bool) (Value, error) {
	if err := chargeBytes(m, len(a)+len(b)); err != nil {
		return Value{}, err
	}
	v, err := h.Concat(a, b)
	if err != nil && builtin {
		err = withoutPos(err)
	}
	return v, err
}

// operandText is what `+` adds to a string for v.
func operandText(h *Heap, dst []byte, m Meter, v Value) ([]byte, error) {
	if v.Is(KBlob) {
		if err := chargeBytes(m, len(v.Blob().B)); err != nil {
			return nil, err
		}
		return append(dst, LossyUTF8(v.Blob().B)...), nil
	}
	return h.AppendText(dst, m, v)
}

// bytesText looks at b as a string; b must not change while it is in use.
func bytesText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// subtractString removes all occurrences of b, a string or char, from a.
func subtractString(h *Heap, m Meter, a, b Value) (Value, error) {
	var buf [4]byte
	cut := ""
	switch b.Kind() {
	case KString:
		if a.Str() == "" {
			return b.Share(), nil // as native has it
		}
		cut = b.Str()
	case KChar:
		cut = charText(&buf, b.Char())
	default:
		return Value{}, ErrNoOperator
	}
	return h.Without(m, a, cut)
}

// Without is the string s without all occurrences of cut.
func (h *Heap) Without(m Meter, s Value, cut string) (Value, error) {
	text := s.Str()
	if err := chargeBytes(m, len(text)); err != nil {
		return Value{}, err
	}
	if cut == "" || !strings.Contains(text, cut) {
		return s.Share(), nil
	}
	if err := h.Reserve(len(text)); err != nil {
		return Value{}, err
	}
	return h.NewString(strings.ReplaceAll(text, cut, "")), nil
}

// LossyUTF8 is b as text; each ill-formed part becomes one U+FFFD, where a
// part is the longest start of some well-formed character.
func LossyUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var t strings.Builder
	t.Grow(len(b) + 8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			n = badPart(b)
			r = utf8.RuneError
		}
		t.WriteRune(r)
		b = b[n:]
	}
	return t.String()
}

// badPart is how many bytes of b, which starts with an ill-formed character,
// the decoder would have read before it saw the fault.
func badPart(b []byte) int {
	lo, hi, need := byte(0x80), byte(0xbf), 0
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		need = 1
	case c >= 0xe0 && c <= 0xef:
		need = 2
		if c == 0xe0 {
			lo = 0xa0
		} else if c == 0xed {
			hi = 0x9f
		}
	case c >= 0xf0 && c <= 0xf4:
		need = 3
		if c == 0xf0 {
			lo = 0x90
		} else if c == 0xf4 {
			hi = 0x8f
		}
	}
	n := 1
	for n <= need && n < len(b) && b[n] >= lo && b[n] <= hi {
		lo, hi = 0x80, 0xbf
		n++
	}
	return n
}
