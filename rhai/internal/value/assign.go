package value

import (
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// Assign computes `*dst op= b`. *dst must be plain but for a tag, which it
// keeps, and b plain. Strings, arrays, blobs and maps grow in place; when they
// are shared the object behind *dst is replaced by a copy first. It returns
// ErrNoOperator when the language has no such operator for the types.
//
// It checks sizes where native does; `array += array` is checked before, not
// after, so that it may pass the limit once.
func Assign(h *Heap, m Meter, op syntax.Op, dst *Value, b Value) error {
	a := *dst
	if op == syntax.OpAdd {
		switch a.Kind() {
		case KString:
			return assignString(h, m, dst, b)
		case KArray:
			return assignArray(h, m, dst, b)
		case KBlob:
			if done, err := assignBlob(h, m, dst, b); done || err != nil {
				return err
			}
		case KMap:
			if b.Is(KMap) {
				if err := h.Mixin(m, dst, b); err != nil {
					return err
				}
				return h.CheckSize(m, *dst)
			}
		case KTagged:
			a = a.Plain()
		}
		if a.Is(KChar) && b.Is(KString) && b.Str() == "" {
			return nil // stays a char
		}
	}
	v, err := Binary(h, m, op, a.Plain(), b)
	if err != nil {
		if e, ok := err.(*Error); ok {
			e.NoPos = false
		}
		return err
	}
	*dst = h.Retag(v, *dst)
	return nil
}

func assignString(h *Heap, m Meter, dst *Value, b Value) error {
	var char [4]byte
	text := ""
	switch b.Kind() {
	case KUnit:
		return nil
	case KString:
		text = b.Str()
	case KChar:
		text = charText(&char, b.Char())
	default:
		var room [64]byte
		t, err := operandText(h, room[:0], m, b)
		if err != nil {
			return err
		}
		text = bytesText(t)
	}
	if err := chargeBytes(m, len(text)); err != nil {
		return err
	}
	return h.AppendString(dst, text)
}

func assignArray(h *Heap, m Meter, dst *Value, b Value) error {
	if !b.Is(KArray) {
		a, err := h.OwnArray(dst)
		if err != nil {
			return err
		}
		if err := a.Append(h, b.Share()); err != nil {
			return err
		}
		return h.CheckSize(m, *dst)
	}
	// A view of b's elements now: b may be *dst itself.
	more := b.Array().E
	if len(more) == 0 {
		return nil
	}
	if err := h.CheckSize(m, *dst); err != nil {
		return err
	}
	if err := charge(m, len(more)); err != nil {
		return err
	}
	a, err := h.OwnArray(dst)
	if err != nil {
		return err
	}
	if err := a.Grow(h, len(more)); err != nil {
		return err
	}
	a.E = appendShared(a.E, more)
	return nil
}

// assignBlob appends to a blob; done is false when b is nothing to append.
func assignBlob(h *Heap, m Meter, dst *Value, b Value) (done bool, err error) {
	var char [4]byte
	more := ""
	switch b.Kind() {
	case KInt:
		char[0] = byte(b.Int())
		more = bytesText(char[:1])
	case KChar:
		more = charText(&char, b.Char())
	case KString:
		more = b.Str()
	case KBlob:
		more = bytesText(b.Blob().B)
	default:
		return false, nil
	}
	return true, h.AppendBlob(m, dst, more)
}

// AppendBlob adds bytes at the end of *dst, a blob, which it owns first.
func (h *Heap) AppendBlob(m Meter, dst *Value, more string) error {
	if err := chargeBytes(m, len(more)); err != nil {
		return err
	}
	n := len(dst.Blob().B) + len(more)
	if err := h.checkArray(n); err != nil {
		return err
	}
	b, err := h.OwnBlob(dst)
	if err != nil {
		return err
	}
	if n > cap(b.B) {
		c := max(n, 16, 2*cap(b.B))
		if err := h.Reserve(c); err != nil {
			return err
		}
		h.Refund(cap(b.B))
		b.B = append(make([]byte, 0, c), b.B...)
	}
	b.B = append(b.B, more...)
	return nil
}
