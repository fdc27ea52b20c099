package value

import "unicode/utf8"

// markEvery is the number of characters from one mark to the next. Finding a
// character decodes that many at most; the marks take a sixteenth of the
// text's size.
const markEvery = 64

// Offset is the byte at which character i of s starts, len(s.S) for i = Len.
// Its time does not depend on the length of s but for the first call: long
// texts other than ASCII keep the offset of every 64th character.
func (s *String) Offset(h *Heap, i int) int {
	if s.ASCII() {
		return i
	}
	at := 0
	if len(s.S) > 2*markEvery {
		if k := i / markEvery; k < len(s.marks(h, k)) {
			at, i = int(s.buf.marks[k]), i%markEvery
		}
	}
	for ; i > 0; i-- {
		at += charSize(s.S, at)
	}
	return at
}

// marks gives the offsets of every 64th character, at least up to mark k.
// Strings that share a buffer share them: one starts with the other. Strings
// that belong to no heap have none but those made by Static.
func (s *String) marks(h *Heap, k int) []uint32 {
	if s.buf == nil {
		if s.Flags&Immortal != 0 {
			return nil
		}
		s.buf = &stringBuf{}
	}
	b := s.buf
	if k < len(b.marks) || s.Flags&Immortal != 0 {
		return b.marks
	}
	if b.marks == nil {
		n := len(s.S)/markEvery + 1
		h.Charge(4 * n)
		b.marks = append(make([]uint32, 0, n), 0)
	}
	at := int(b.marks[len(b.marks)-1])
	for len(b.marks) <= k {
		for range markEvery {
			at += charSize(s.S, at)
		}
		b.marks = append(b.marks, uint32(at))
	}
	return b.marks
}

func charSize(s string, at int) int {
	if s[at] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s[at:])
	return n
}
