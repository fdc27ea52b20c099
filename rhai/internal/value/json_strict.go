package value

import (
	"encoding/base64"
	"math"
	"unicode/utf8"
)

// AppendStrictJSON appends v as JSON that every reader accepts (RFC 8259).
//
// () is null, a char a string of one character, a u8 a number, a blob a string
// in standard base64. Floats keep a point or an exponent, so that they are read
// as floats again; NaN and the infinities, which JSON lacks, are null. Function
// pointers, ranges, iterators, timestamps and host objects are errors that name
// where they are: there is no form that a reader could be expected to
// understand.
func AppendStrictJSON(dst []byte, m Meter, v Value) ([]byte, error) {
	p := printer{meter: m, dst: dst, paid: cap(dst)}
	err := p.strict(v)
	return p.dst, err
}

// StrictJSONOf is AppendStrictJSON's text as a string that the heap pays for.
func (h *Heap) StrictJSONOf(m Meter, v Value) (Value, error) {
	var room [128]byte
	p := printer{heap: h, meter: m, dst: room[:0], paid: len(room)}
	if err := p.strict(v); err != nil {
		return Value{}, err
	}
	return p.string(len(room))
}

func (p *printer) strict(v Value) error {
	v = v.Plain()
	switch v.Kind() {
	case KUnit:
		return p.lit("null")
	case KString:
		return p.strictText(v.Str())
	case KChar:
		var buf [4]byte
		return p.strictText(charText(&buf, v.Char()))
	case KFloat:
		return p.strictFloat(v.Float())
	case KBool, KInt, KByte:
		return p.value(v, true)
	case KBlob:
		return p.base64(v.Blob().B)
	case KArray:
		return p.strictArray(v.Array().E)
	case KMap:
		return p.strictObject(v.Map())
	}
	return Errorf(ErrRuntime, "a value of type %s has no form in JSON", v.TypeName())
}

func (p *printer) strictFloat(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return p.lit("null")
	}
	if err := p.room(scalarRoom); err != nil {
		return err
	}
	p.dst = AppendFloatDebug(p.dst, f)
	return nil
}

func (p *printer) base64(b []byte) error {
	if err := p.room(2 + base64.StdEncoding.EncodedLen(len(b))); err != nil {
		return err
	}
	p.dst = append(p.dst, '"')
	p.dst = base64.StdEncoding.AppendEncode(p.dst, b)
	p.dst = append(p.dst, '"')
	return nil
}

func (p *printer) strictArray(items []Value) error {
	if err := p.enter(1); err != nil {
		return err
	}
	if err := p.lit("["); err != nil {
		return err
	}
	for i, x := range items {
		if err := p.item(i, len(items)); err != nil {
			return err
		}
		if err := p.strict(x); err != nil {
			return within(err, "element", i, "")
		}
	}
	p.depth--
	return p.lit("]")
}

func (p *printer) strictObject(m *Map) error {
	if err := p.enter(1); err != nil {
		return err
	}
	if err := p.lit("{"); err != nil {
		return err
	}
	for i := range m.Len() {
		if err := p.item(i, m.Len()); err != nil {
			return err
		}
		slot := m.At(i)
		if err := p.strictText(m.Key(slot)); err != nil {
			return err
		}
		if err := p.lit(":"); err != nil {
			return err
		}
		if err := p.strict(*m.Slot(slot)); err != nil {
			return within(err, "property", 0, m.Key(slot))
		}
	}
	p.depth--
	return p.lit("}")
}

// within adds the way to the value that cannot be written.
func within(err error, what string, i int, key string) error {
	e, ok := err.(*Error)
	if !ok || e.Kind != ErrRuntime || len(e.Msg) > 300 {
		return err
	}
	if what == "element" {
		return Errorf(ErrRuntime, "in element %d: %s", i, e.Msg)
	}
	return Errorf(ErrRuntime, "in property %q: %s", key, e.Msg)
}

func (p *printer) strictText(s string) error {
	if err := p.room(2); err != nil {
		return err
	}
	p.dst = append(p.dst, '"')
	const piece = 256
	for len(s) > 0 {
		n := cutText(s, piece)
		// Six bytes at most for one: \u001f.
		if err := p.room(6*n + 1); err != nil {
			return err
		}
		p.dst = appendJSONText(p.dst, s[:n])
		s = s[n:]
	}
	p.dst = append(p.dst, '"')
	return nil
}

func appendJSONText(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plainASCII(c) || c == 0x7f {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			// Scripts cannot make ill-formed text; embedders might.
			if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendJSONEscape(dst, c)
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

func appendJSONEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\ufffd"...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
