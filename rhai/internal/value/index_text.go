package value

import (
	"unicode/utf8"
	"unsafe"
)

// indexString is s[idx]: a character or, for a range, a part of the text.
func indexString(h *Heap, recv, idx Value) (Value, error) {
	s := recv.Text()
	switch idx.Kind() {
	case KInt:
		i, ok := StrictIndex(s.Len(), idx.Int())
		if !ok {
			return Value{}, StringBounds(idx.Int(), int64(s.Len()))
		}
		if s.ASCII() {
			return Char(rune(s.S[i])), nil
		}
		r, _ := utf8.DecodeRuneInString(s.S[s.Offset(h, i):])
		return Char(r), nil
	case KRange:
		p, err := partOf(s.Len(), idx.Range())
		if err != nil {
			return Value{}, err
		}
		from, to := p.read()
		if from == 0 && to == s.Len() {
			return recv, nil
		}
		return h.cut(s, from, to)
	}
	return Value{}, Mismatch("i64", idx.TypeName())
}

// cut is the text of characters from to to (exclusive) of s as a new string.
func (h *Heap) cut(s *String, from, to int) (Value, error) {
	part := s.S[s.Offset(h, from):s.Offset(h, to)]
	if err := chargeBytes(h.Meter, len(part)); err != nil {
		return Value{}, err
	}
	return h.CopyString(textBytes(part))
}

// textBytes is the bytes of s, which must not be written.
func textBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textPart is the characters of a string that a range selects.
type textPart struct {
	length     int   // of the string
	start, end int64 // not below 0, but maybe behind the end of the string
	inclusive  bool
}

// partOf resolves a range on a string of n characters. Negative ends count
// from the end of the string; a start before the string is an error, an end
// there is 0.
func partOf(n int, r *Range) (textPart, error) {
	if n == 0 {
		return textPart{}, nil
	}
	p := textPart{length: n, start: r.Start, end: r.End, inclusive: r.Inclusive}
	if p.start < 0 {
		if p.start += int64(n); p.start < 0 {
			return textPart{}, StringBounds(r.Start, int64(n))
		}
	}
	if p.end < 0 {
		p.end = max(p.end+int64(n), 0)
	}
	return p, nil
}

// read is the characters that reading gives. As in native Rhai, an inclusive
// range is empty unless its end is behind its start, but for a whole string.
func (p textPart) read() (from, to int) {
	n := int64(p.length)
	end := p.end
	if p.inclusive && (p.end > p.start || p.start == 0 && p.end >= n-1) {
		end = min(p.end, n-1) + 1
	}
	start := min(p.start, n)
	return int(start), int(min(max(end, start), n))
}

// write is the end of the first and the start of the second part that stay
// when the text is replaced. As in native Rhai they overlap when a range ends
// before it starts.
func (p textPart) write() (head, tail int) {
	n := int64(p.length)
	head = int(min(p.start, n))
	switch {
	case n == 0:
		return 0, 0
	case p.inclusive:
		return head, int(min(p.end, n-1)) + 1
	}
	return head, int(min(p.end, n))
}

// setString replaces a character, or the characters of a range by the text of
// v.
func setString(h *Heap, m Meter, recv *Value, idx, v Value) error {
	s := recv.Text()
	switch idx.Kind() {
	case KInt:
		return setChar(h, m, recv, idx.Int(), v)
	case KRange:
		p, err := partOf(s.Len(), idx.Range())
		if err != nil {
			return err
		}
		head, tail := p.write()
		return h.replacePart(m, recv, head, tail, v)
	}
	return Mismatch("i64", idx.TypeName())
}

// setChar sets one character. As in native Rhai a negative index is checked
// counting from the end, and then counts from the start.
func setChar(h *Heap, m Meter, recv *Value, i int64, v Value) error {
	s := recv.Text()
	if _, ok := StrictIndex(s.Len(), i); !ok {
		return StringBounds(i, int64(s.Len()))
	}
	if !v.Is(KChar) {
		return valueMismatch("char", v)
	}
	if i = max(i, -i); i >= int64(s.Len()) {
		return nil
	}
	return h.replacePart(m, recv, int(i), int(i)+1, v)
}

// replacePart puts the text of v between the first head characters of the
// string *recv and those from tail on.
func (h *Heap) replacePart(m Meter, recv *Value, head, tail int, v Value) error {
	var room [64]byte
	mid, err := room[:0], error(nil)
	if v.Is(KString) {
		mid = textBytes(v.Str())
	} else if mid, err = h.AppendText(mid, m, v); err != nil {
		return err
	}
	s := recv.Text()
	before, after := s.S[:s.Offset(h, head)], s.S[s.Offset(h, tail):]
	n := len(before) + len(mid) + len(after)
	if err := chargeBytes(m, n); err != nil {
		return err
	}
	if err := h.Reserve(n); err != nil {
		return err
	}
	b := make([]byte, 0, n)
	b = append(append(append(b, before...), mid...), after...)
	h.SetString(recv, bytesText(b))
	return nil
}
