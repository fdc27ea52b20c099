package value

import "fmt"

// Equal is `a == b` for plain values. It returns ErrNoOperator when the
// language cannot compare a with b; when that is so of something inside them,
// the error is native's: an ErrFunctionNotFound.
func Equal(m Meter, a, b Value) (bool, error) { return equal(m, a, b, 0) }

// EqualItem is how functions that search arrays compare: a pair of different
// types that `==` has no meaning for is unequal, one of the same type is an
// error. The values need not be plain.
func EqualItem(m Meter, a, b Value) (bool, error) {
	a, b = a.Plain(), b.Plain()
	eq, err := equal(m, a, b, 0)
	if err == ErrNoOperator {
		return false, elementError(a, b, err)
	}
	return eq, err
}

func notEqual(m Meter, a, b Value) (bool, error) {
	if a.Is(KRange) && b.Is(KRange) && a.Range().Inclusive != b.Range().Inclusive {
		return true, nil // although native has no == for them
	}
	eq, err := Equal(m, a, b)
	return !eq, err
}

func equal(m Meter, a, b Value, depth int) (bool, error) {
	ka, kb := a.Kind(), b.Kind()
	if ka != kb {
		return equalKinds(m, a, b)
	}
	switch ka {
	case KUnit:
		return true, nil
	case KBool, KInt, KChar, KByte:
		return a.Bits == b.Bits, nil
	case KFloat:
		return floatEqual(a.Float(), b.Float()), nil
	case KString:
		if err := chargeBytes(m, min(len(a.Str()), len(b.Str()))); err != nil {
			return false, err
		}
		return a.Str() == b.Str(), nil
	case KBlob:
		x, y := a.Blob().B, b.Blob().B
		if err := chargeBytes(m, min(len(x), len(y))); err != nil {
			return false, err
		}
		return string(x) == string(y), nil
	case KArray:
		return equalArrays(m, a.Array().E, b.Array().E, depth)
	case KMap:
		return equalMaps(m, a.Map(), b.Map(), depth)
	case KRange:
		x, y := a.Range(), b.Range()
		if x.Inclusive == y.Inclusive {
			return x.Start == y.Start && x.End == y.End, nil
		}
	case KTime:
		return a.Time().Nanos == b.Time().Nanos, nil
	}
	if sameType(a, b) || ka == KRange {
		return false, ErrNoOperator
	}
	return false, nil
}

// equalKinds compares values of different kinds.
func equalKinds(m Meter, a, b Value) (bool, error) {
	ka, kb := a.Kind(), b.Kind()
	switch {
	case ka == KInt && kb == KFloat:
		return floatEqual(float64(a.Int()), b.Float()), nil
	case ka == KFloat && kb == KInt:
		return floatEqual(a.Float(), float64(b.Int())), nil
	case ka == KChar && kb == KString:
		return charIs(a.Char(), b.Str()), nil
	case ka == KString && kb == KChar:
		return charIs(b.Char(), a.Str()), nil
	case apart(ka, kb):
		return false, ErrNoOperator
	}
	return false, nil
}

// apart reports whether two different kinds cannot even be compared with the
// result "unequal".
func apart(a, b Kind) bool { return numeric(a) && numeric(b) || a == KBlob && b == KChar }

func charIs(c rune, s string) bool {
	var buf [4]byte
	return charText(&buf, c) == s
}

func numeric(k Kind) bool { return k == KInt || k == KFloat || k == KByte }

// sameType reports whether native holds a and b to be of one type. It tells
// apart what type_of does not: iterators by what they yield.
func sameType(a, b Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case KRange:
		return a.Range().Inclusive == b.Range().Inclusive
	case KIter:
		x, y := a.Iter(), b.Iter()
		return x.Of == y.Of && x.From.Kind() == y.From.Kind()
	case KObject:
		return a.Object().Type == b.Object().Type
	}
	return true
}

func equalArrays(m Meter, x, y []Value, depth int) (bool, error) {
	if len(x) != len(y) {
		return false, nil
	}
	if depth >= maxNesting {
		return false, tooDeep()
	}
	const batch = 64 // so that unequal arrays are not billed to their ends
	for i := range x {
		if i%batch == 0 {
			if err := charge(m, min(batch, len(x)-i)); err != nil {
				return false, err
			}
		}
		a, b := x[i].Plain(), y[i].Plain()
		eq, err := equal(m, a, b, depth+1)
		if err != nil {
			return false, elementError(a, b, err)
		}
		if !eq {
			return false, nil
		}
	}
	return true, nil
}

// elementError is what comparing two elements of arrays fails with: nothing,
// which makes them unequal, unless they are of one type without `==`. What
// cannot be compared deeper inside, native takes for unequal, too.
func elementError(a, b Value, err error) error {
	if err == ErrNoOperator {
		if sameType(a, b) {
			return notComparable(a, b)
		}
		return nil
	}
	if e, ok := err.(*Error); ok && e.Kind == ErrFunctionNotFound {
		return nil
	}
	return err
}

func notComparable(a, b Value) error {
	return NotFound(fmt.Sprintf("== (%s, %s)", a.TypeName(), b.TypeName()))
}

func equalMaps(m Meter, x, y *Map, depth int) (bool, error) {
	if x.Len() != y.Len() {
		return false, nil
	}
	if depth >= maxNesting {
		return false, tooDeep()
	}
	// In key order, because what is compared first decides between unequal and
	// an error.
	for i := range x.Len() {
		if err := charge(m, 1); err != nil {
			return false, err
		}
		slot := x.At(i)
		j := y.Find(x.Key(slot), slot)
		if j < 0 {
			return false, nil
		}
		a, b := x.Slot(slot).Plain(), y.Slot(j).Plain()
		eq, err := equal(m, a, b, depth+1)
		if err == ErrNoOperator {
			err = notComparable(a, b)
		}
		if !eq || err != nil {
			return false, err
		}
	}
	return true, nil
}
