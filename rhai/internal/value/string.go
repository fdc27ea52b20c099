package value

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// String is a text. Its bytes never change; appending may extend the buffer
// behind them when this string ends where the buffer does, which makes
// building a string in a loop linear.
type String struct {
	Header
	runes int32 // number of characters, -1 when not counted yet
	S     string
	buf   *stringBuf
}

// stringBuf is a growing buffer that one or more strings look into; len(b) is
// the end of the longest of them. See String.Offset for the marks.
type stringBuf struct {
	b     []byte
	marks []uint32
}

// inlineBytes is the longest text stored beside its header, in one allocation.
const inlineBytes = 24

type shortString struct {
	String
	text [inlineBytes]byte
}

// NewString makes a string of s without copying s.
func (h *Heap) NewString(s string) Value {
	h.Charge(SizeObject)
	x := &String{Header: Header{Kind: KString}, runes: -1, S: s}
	return Value{Ref: &x.Header}
}

// CopyString makes a string of b, which it copies.
func (h *Heap) CopyString(b []byte) (Value, error) {
	if len(b) <= inlineBytes {
		h.Charge(SizeObject + inlineBytes)
		x := &shortString{String: String{Header: Header{Kind: KString}, runes: -1}}
		n := copy(x.text[:], b)
		x.S = unsafe.String(&x.text[0], n)
		return Value{Ref: &x.Header}, nil
	}
	if err := h.Reserve(SizeObject + len(b)); err != nil {
		return Value{}, err
	}
	x := &String{Header: Header{Kind: KString}, runes: -1, S: string(b)}
	return Value{Ref: &x.Header}, nil
}

// SetFleeting makes s the text b, without copying b, for the next operation to
// look something up by.
func (s *String) SetFleeting(b []byte) Value {
	*s = String{Header: Header{Kind: KString, Flags: Fleeting}, runes: -1, S: unsafe.String(unsafe.SliceData(b), len(b))}
	return Value{Ref: &s.Header}
}

// Kept is the text of v, a string, to be kept.
func (v Value) Kept() string {
	if v.Ref.Flags&Fleeting != 0 {
		return strings.Clone(v.Str())
	}
	return v.Str()
}

// Static makes a string that belongs to no heap and may be shared between
// goroutines: the constants of programs.
func Static(s string) Value {
	x := &String{Header: Header{Kind: KString}, S: s}
	x.runes = int32(utf8.RuneCountInString(s))
	x.Offset(new(Heap), x.Len()) // sets all marks, as nobody may later
	x.Flags = Shared | Immortal
	return Value{Ref: &x.Header}
}

// Len is the number of characters. It is counted once.
func (s *String) Len() int {
	if s.runes < 0 {
		s.runes = int32(utf8.RuneCountInString(s.S))
	}
	return int(s.runes)
}

// ASCII reports whether character i is byte i.
func (s *String) ASCII() bool { return s.Len() == len(s.S) }

// Concat is a + b as a new string.
func (h *Heap) Concat(a, b string) (Value, error) {
	n := len(a) + len(b)
	if err := h.checkString(n); err != nil {
		return Value{}, err
	}
	if n <= inlineBytes {
		h.Charge(SizeObject + inlineBytes)
		x := &shortString{String: String{Header: Header{Kind: KString}, runes: -1}}
		copy(x.text[copy(x.text[:], a):], b)
		x.S = unsafe.String(&x.text[0], n)
		return Value{Ref: &x.Header}, nil
	}
	if err := h.Reserve(SizeObject + n); err != nil {
		return Value{}, err
	}
	x := &String{Header: Header{Kind: KString}, runes: -1, S: a + b}
	return Value{Ref: &x.Header}, nil
}

func (h *Heap) checkString(n int) error {
	if h.Sizes.String > 0 && n > h.Sizes.String {
		return TooLarge("string", h.Sizes.String)
	}
	return nil
}

// AppendString extends the string in *v by t, in place where it can: amortised
// constant time a byte. *v keeps its tag.
func (h *Heap) AppendString(v *Value, t string) error {
	s := v.Text()
	if len(t) == 0 {
		return nil
	}
	n := len(s.S) + len(t)
	if err := h.checkString(n); err != nil {
		return err
	}
	buf := s.buf
	if buf == nil || len(buf.b) != len(s.S) || cap(buf.b) < n {
		c := max(n*2, 64)
		if n > 1<<20 {
			c = n + n/4
		}
		if err := h.Reserve(c); err != nil {
			return err
		}
		if buf != nil {
			h.Refund(cap(buf.b))
		}
		buf = &stringBuf{b: append(make([]byte, 0, c), s.S...)}
	}
	buf.b = append(buf.b, t...)
	runes := s.runes
	if runes >= 0 {
		runes += int32(utf8.RuneCountInString(t))
	}
	whole := unsafe.String(unsafe.SliceData(buf.b), n)
	if s.Flags&Shared == 0 {
		s.S, s.buf, s.runes = whole, buf, runes
		return nil
	}
	h.Charge(SizeObject)
	x := &String{Header: Header{Kind: KString, Tag: s.Tag}, runes: runes, S: whole, buf: buf}
	*v = Value{Ref: &x.Header}
	return nil
}

// SetString replaces the text of the string in *v, keeping its tag. The bytes
// of t must be paid for.
func (h *Heap) SetString(v *Value, t string) {
	tag := v.Ref.Tag
	*v = h.NewString(t)
	v.Ref.Tag = tag
}
