package value

import (
	"errors"
	"fmt"
)

// ErrNoRef is what ElemRef answers when an element has no address of its own:
// a character, a byte, a bit. The caller reads it with Index, changes the copy
// and writes it back with SetIndex. Compare with ==.
var ErrNoRef = errors.New("element has no address")

// Index is recv[idx] for the language's own types; both values must be plain.
// The result is a borrow: whoever keeps it calls Share.
//
// The error is an ErrIndexingType when recv cannot be indexed at all, an
// ErrMismatchDataType when idx has the wrong type, or that of an index outside.
func Index(h *Heap, recv, idx Value) (Value, error) {
	switch recv.Kind() {
	case KArray:
		e := recv.Array().E
		i, err := arrayIndex(len(e), idx)
		if err != nil {
			return Value{}, err
		}
		return e[i], nil
	case KMap:
		if !idx.Is(KString) {
			return Value{}, Mismatch("string", idx.TypeName())
		}
		v, _ := recv.Map().Get(idx.Str())
		return v, nil
	case KString:
		return indexString(h, recv, idx)
	case KBlob:
		b := recv.Blob().B
		i, err := arrayIndex(len(b), idx)
		if err != nil {
			return Value{}, err
		}
		return Int(int64(b[i])), nil
	case KInt:
		if idx.Is(KRange) {
			f, err := fieldOf(idx.Range())
			return Int(f.read(recv.Int())), err
		}
		bit, err := bitIndex(idx)
		return Bool(recv.Bits>>bit&1 != 0), err
	}
	return Value{}, notIndexable(recv, idx)
}

// SetIndex is (*recv)[idx] = v for the language's own types. What is shared
// behind *recv is replaced by a copy first. *recv and idx must be plain; v is
// stored as it is. A mismatch of v, as opposed to idx, has OfValue set.
//
// As in native Rhai the sizes of arrays and maps are not checked.
func SetIndex(h *Heap, m Meter, recv *Value, idx, v Value) error {
	switch recv.Kind() {
	case KArray:
		i, err := arrayIndex(len(recv.Array().E), idx)
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
		to, err := h.OwnMap(recv)
		if err != nil {
			return err
		}
		if i := to.Find(idx.Str(), -1); i >= 0 {
			to.vals[i] = v
			return nil
		}
		i, err := to.add(h, idx.Kept())
		if err == nil {
			to.vals[i] = v
		}
		return err
	case KString:
		return setString(h, m, recv, idx, v.Plain())
	case KBlob:
		return setByte(h, recv, idx, v.Plain())
	case KInt:
		return setBits(recv, idx, v.Plain())
	}
	return notIndexable(*recv, idx)
}

// ElemRef is the address of (*recv)[idx], for a path on which something will
// be changed; what is shared behind *recv is replaced by a copy first. It is
// nil when a map has no such key, and ErrNoRef is the error for types whose
// elements have no address. Both values must be plain. The address is good
// until the container next changes.
func ElemRef(h *Heap, recv *Value, idx Value) (*Value, error) {
	switch recv.Kind() {
	case KArray:
		i, err := arrayIndex(len(recv.Array().E), idx)
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
		// Owning a map keeps the numbers of its slots.
		i := recv.Map().Find(idx.Str(), -1)
		if i < 0 {
			return nil, nil
		}
		own, err := h.OwnMap(recv)
		if err != nil {
			return nil, err
		}
		return own.Slot(i), nil
	case KString, KBlob, KInt:
		return nil, ErrNoRef
	}
	return nil, notIndexable(*recv, idx)
}

func notIndexable(recv, idx Value) error {
	e := Errorf(ErrIndexingType, "a value of type %s cannot be indexed", recv.TypeName())
	e.Name = fmt.Sprintf("%s [%s]", recv.TypeName(), idx.TypeName())
	return e
}

// arrayIndex resolves an index into n elements; a negative one counts from the
// end.
func arrayIndex(n int, idx Value) (int, error) {
	if !idx.IsInt() {
		return 0, Mismatch("i64", idx.TypeName())
	}
	i, ok := StrictIndex(n, idx.Int())
	if !ok {
		return 0, ArrayBounds(idx.Int(), int64(n))
	}
	return i, nil
}

// StrictIndex resolves a position among n that may count from the end; ok is
// false when it is outside.
func StrictIndex(n int, i int64) (at int, ok bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), uint64(i) < uint64(n)
}

// valueMismatch is the error of a stored value of the wrong type.
func valueMismatch(want string, v Value) error {
	e := Mismatch(want, v.TypeName())
	e.OfValue = true
	return e
}

func setByte(h *Heap, recv *Value, idx, v Value) error {
	i, err := arrayIndex(len(recv.Blob().B), idx)
	if err != nil {
		return err
	}
	if !v.IsInt() {
		return valueMismatch("i64", v)
	}
	b, err := h.OwnBlob(recv)
	if err != nil {
		return err
	}
	b.B[i] = byte(v.Int())
	return nil
}
