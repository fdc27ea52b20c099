package value

import (
	"errors"
	"math"
	"unicode/utf8"
)

// ErrNoRef reports that what an index names has no address: a character, a
// byte, a bit. Compare with ==.
var ErrNoRef = errors.New("no address")

// Index reads recv[idx]. The result is a borrow: who keeps it must Share it.
// Both values must be plain.
func Index(h *Heap, recv, idx Value) (Value, error) {
	switch recv.Kind() {
	case KArray:
		i, err := position(idx, len(recv.Array().E), ArrayBounds)
		if err != nil {
			return Unit, err
		}
		return recv.Array().E[i], nil
	case KMap:
		if !idx.Is(KString) {
			return Unit, Mismatch("string", idx.TypeName())
		}
		v, _ := recv.Map().Get(idx.Str())
		return v, nil
	case KBlob:
		i, err := position(idx, len(recv.Blob().B), ArrayBounds)
		if err != nil {
			return Unit, err
		}
		return Int(int64(recv.Blob().B[i])), nil
	case KString:
		return indexString(h, recv, idx)
	case KInt:
		return indexBits(recv.Int(), idx)
	}
	return Unit, notIndexable(recv)
}

func notIndexable(v Value) *Error {
	e := Errorf(ErrIndexingType, "a value of type %s cannot be indexed", v.TypeName())
	e.Name = v.TypeName()
	return e
}

// position is the index of an element, counted from the end when negative.
func position(idx Value, n int, bounds func(index, length int64) *Error) (int, error) {
	if !idx.IsInt() {
		return 0, Mismatch("i64", idx.TypeName())
	}
	i := idx.Int()
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		return 0, bounds(idx.Int(), int64(n))
	}
	return int(i), nil
}

func indexString(h *Heap, recv, idx Value) (Value, error) {
	s := recv.Text()
	if idx.Is(KRange) {
		from, to, inclusive, err := slice(s, idx.Range())
		if err != nil {
			return Unit, err
		}
		n := s.Len()
		if from == 0 && (to >= n || inclusive && to >= n-1) {
			return recv, nil
		}
		take := max(to-from, 0)
		if inclusive && to > from {
			// A range of one character gives none: native's way.
			take++
		}
		return h.Substring(recv, from, take)
	}
	i, err := position(idx, s.Len(), StringBounds)
	if err != nil {
		return Unit, err
	}
	return Char(s.At(i)), nil
}

// slice is a range of characters of s. The end may lie beyond the string.
func slice(s *String, r *Range) (from, to int, inclusive bool, err error) {
	if len(s.S) == 0 {
		return 0, 0, false, nil
	}
	start, end, n := r.Start, r.End, int64(s.Len())
	if start < 0 {
		if start += n; start < 0 {
			return 0, 0, false, StringBounds(r.Start, n)
		}
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	return int(min(start, math.MaxInt32)), int(min(end, math.MaxInt32)), r.Inclusive, nil
}

// At is character i, which must exist.
func (s *String) At(i int) rune {
	if s.ASCII() {
		return rune(s.S[i])
	}
	r, _ := utf8.DecodeRuneInString(s.S[s.Offset(i):])
	return r
}

// Offset is the byte at which character i starts, the end for an i that is too
// large.
func (s *String) Offset(i int) int {
	if s.ASCII() {
		return min(i, len(s.S))
	}
	at := 0
	for ; i > 0 && at < len(s.S); i-- {
		_, n := utf8.DecodeRuneInString(s.S[at:])
		at += n
	}
	return at
}

// Substring is n characters of the string v from character from on, as many as
// there are. It shares v's bytes.
func (h *Heap) Substring(v Value, from, n int) (Value, error) {
	s := v.Text()
	start := s.Offset(from)
	rest := &String{S: s.S[start:], runes: int32(max(s.Len()-from, 0))}
	return h.CopyString([]byte(rest.S[:rest.Offset(n)]))
}

// bitRange is the shift and mask of a range of bits of an integer.
func bitRange(r *Range) (shift uint, mask int64, err error) {
	start, end := r.Start, r.End
	if end == math.MaxInt64 {
		end = 64
		if r.Inclusive {
			end = 63
		}
	}
	if start < 0 || start >= 64 {
		return 0, 0, BitBounds(start)
	}
	if r.Inclusive {
		if end < 0 || end >= 64 {
			return 0, 0, BitBounds(end)
		}
		end++
	} else if end < 0 || end > 64 {
		return 0, 0, BitBounds(end)
	}
	if end <= start {
		return 0, 0, nil
	}
	if end-start == 64 {
		return 0, -1, nil
	}
	return uint(start), int64(uint64(1)<<uint(end-start)-1) << uint(start), nil
}

func indexBits(n int64, idx Value) (Value, error) {
	if idx.Is(KRange) {
		shift, mask, err := bitRange(idx.Range())
		return Int(n & mask >> shift), err
	}
	i, err := position(idx, 64, func(index, _ int64) *Error { return BitBounds(index) })
	if err != nil {
		return Unit, err
	}
	return Bool(n>>uint(i)&1 != 0), nil
}

// WrongValue is the error of assigning a value of the wrong type to an
// element; it belongs to the value, not to the index.
type WrongValue struct{ *Error }

func (w WrongValue) Unwrap() error { return w.Error }

func wrongValue(want string, v Value) error { return WrongValue{Mismatch(want, v.TypeName())} }

// SetIndex sets (*recv)[idx] = v; recv is made safe to change first. recv and
// idx must be plain.
func SetIndex(h *Heap, m Meter, recv *Value, idx, v Value) error {
	switch recv.Kind() {
	case KArray:
		i, err := position(idx, len(recv.Array().E), ArrayBounds)
		if err != nil {
			return err
		}
		a, err := h.OwnArray(recv)
		if err != nil {
			return err
		}
		a.E[i] = v
		return nil
	case KMap:
		if !idx.Is(KString) {
			return Mismatch("string", idx.TypeName())
		}
		mp, err := h.OwnMap(recv)
		if err != nil {
			return err
		}
		return mp.Set(h, idx.Str(), v)
	case KBlob:
		i, err := position(idx, len(recv.Blob().B), ArrayBounds)
		if err != nil {
			return err
		}
		if v = v.Plain(); !v.IsInt() {
			return wrongValue("i64", v)
		}
		b, err := h.OwnBlob(recv)
		if err != nil {
			return err
		}
		b.B[i] = byte(v.Int())
		return nil
	case KString:
		return setString(h, m, recv, idx, v.Plain())
	case KInt:
		return setBits(recv, idx, v.Plain())
	}
	return notIndexable(*recv)
}

func setString(h *Heap, m Meter, recv *Value, idx, v Value) error {
	s := recv.Text()
	var from, to int
	var text []byte
	if idx.Is(KRange) {
		start, end, inclusive, err := slice(s, idx.Range())
		if err != nil {
			return err
		}
		if inclusive {
			end++
		}
		from, to = start, end
		if text, err = AppendText(nil, m, v); err != nil {
			return err
		}
	} else {
		if _, err := position(idx, s.Len(), StringBounds); err != nil {
			return err
		}
		if !v.Is(KChar) {
			return wrongValue("char", v)
		}
		// A negative index writes that far from the front: native's way.
		i := idx.Int()
		if i < 0 {
			i = -i
		}
		if from, to = int(i), int(i)+1; from >= s.Len() {
			return nil
		}
		text = utf8.AppendRune(nil, v.Char())
	}
	head, tail := s.S[:s.Offset(from)], s.S[s.Offset(to):]
	n := len(head) + len(text) + len(tail)
	if err := h.checkString(n); err != nil {
		return err
	}
	if err := h.Reserve(n); err != nil {
		return err
	}
	if err := chargeBytes(m, n); err != nil {
		return err
	}
	h.SetString(recv, head+string(text)+tail)
	return nil
}

func setBits(recv *Value, idx, v Value) error {
	n := recv.Int()
	if idx.Is(KRange) {
		shift, mask, err := bitRange(idx.Range())
		if err != nil {
			return err
		}
		if !v.IsInt() {
			return wrongValue("i64", v)
		}
		*recv = Int(n&^mask | v.Int()<<shift&mask)
		return nil
	}
	i, err := position(idx, 64, func(index, _ int64) *Error { return BitBounds(index) })
	if err != nil {
		return err
	}
	if !v.IsBool() {
		return wrongValue("bool", v)
	}
	bit := int64(1) << uint(i)
	if v.Bool() {
		*recv = Int(n | bit)
	} else {
		*recv = Int(n &^ bit)
	}
	return nil
}

// ElemRef is the address of (*recv)[idx], after recv was made safe to change.
// It is nil for a key that a map does not have; ErrNoRef when the element has
// no address of its own.
func ElemRef(h *Heap, recv *Value, idx Value) (*Value, error) {
	switch recv.Kind() {
	case KArray:
		i, err := position(idx, len(recv.Array().E), ArrayBounds)
		if err != nil {
			return nil, err
		}
		a, err := h.OwnArray(recv)
		if err != nil {
			return nil, err
		}
		return &a.E[i], nil
	case KMap:
		if !idx.Is(KString) {
			return nil, Mismatch("string", idx.TypeName())
		}
		m, err := h.OwnMap(recv)
		if err != nil {
			return nil, err
		}
		if i := m.Find(idx.Str(), -1); i >= 0 {
			return m.Slot(i), nil
		}
		return nil, nil
	case KBlob, KString, KInt:
		return nil, ErrNoRef
	}
	return nil, notIndexable(*recv)
}
