package value

import "math"

func (h *Heap) checkArray(n int) error {
	if h.Sizes.Array > 0 && n > h.Sizes.Array {
		return TooLarge("array", h.Sizes.Array)
	}
	return nil
}

func addBlobs(h *Heap, m Meter, a, b Value) (Value, error) {
	if len(b.Blob().B) == 0 {
		return a.Share(), nil
	}
	if len(a.Blob().B) == 0 {
		return b.Share(), nil
	}
	return appendedBlob(h, m, a.Blob().B, bytesText(b.Blob().B))
}

func appendedBlob(h *Heap, m Meter, a []byte, b string) (Value, error) {
	n := len(a) + len(b)
	if err := chargeBytes(m, n); err != nil {
		return Value{}, err
	}
	if err := h.checkArray(n); err != nil {
		return Value{}, withoutPos(err)
	}
	if err := h.Reserve(n); err != nil {
		return Value{}, err
	}
	return h.NewBlob(append(append(make([]byte, 0, n), a...), b...)), nil
}

func addArrays(h *Heap, m Meter, a, b Value) (Value, error) {
	x, y := a.Array().E, b.Array().E
	if len(y) == 0 {
		return a.Share(), nil
	}
	if len(x) == 0 {
		return b.Share(), nil
	}
	if err := charge(m, len(x)+len(y)); err != nil {
		return Value{}, err
	}
	if err := h.checkArray(len(x) + len(y)); err != nil {
		return Value{}, err
	}
	e, err := h.MakeElems(len(x) + len(y))
	if err != nil {
		return Value{}, err
	}
	v := h.NewArray(appendShared(appendShared(e, x), y))
	return v, h.CheckSize(m, v)
}

func appendShared(dst, src []Value) []Value {
	for _, v := range src {
		dst = append(dst, v.Share())
	}
	return dst
}

func addMaps(h *Heap, m Meter, a, b Value) (Value, error) {
	if b.Map().Len() == 0 {
		return a.Share(), nil
	}
	if a.Map().Len() == 0 {
		return b.Share(), nil
	}
	sum := a.Share()
	if err := charge(m, a.Map().Len()); err != nil {
		return Value{}, err
	}
	if err := h.Mixin(m, &sum, b); err != nil {
		return Value{}, err
	}
	return sum, h.CheckSize(m, sum)
}

// Mixin sets all entries of src, a map, in the map *dst, which it owns first.
// The keys of *dst that are new cost memory and the others keep their place.
func (h *Heap) Mixin(m Meter, dst *Value, src Value) error {
	from := src.Map()
	if from.Len() == 0 || dst.Ref == src.Ref && dst.Ref.Flags&Shared == 0 {
		return nil
	}
	if err := charge(m, from.Len()); err != nil {
		return err
	}
	to, err := h.OwnMap(dst)
	if err != nil {
		return err
	}
	for k, v := range from.All() {
		if err := to.Set(h, k, v.Share()); err != nil {
			return err
		}
	}
	return nil
}

// addTime computes a timestamp plus or, by minus, less a number of seconds.
// Fractions count to the millisecond.
func addTime(h *Heap, t, secs Value, minus bool) (Value, error) {
	nanos := 0.0
	switch secs.Kind() {
	case KInt:
		nanos = float64(secs.Int()) * 1e9
	case KFloat:
		if s := secs.Float(); s == s {
			nanos = math.Trunc(s*1000) * 1e6
		}
	default:
		return Value{}, ErrNoOperator
	}
	if minus {
		nanos = -nanos
	}
	at := t.Time().Nanos
	if math.Abs(nanos) >= 1<<63 {
		return Value{}, timeOverflow(secs, minus)
	}
	d := int64(nanos)
	if secs.IsInt() {
		d = secs.Int() * 1e9
		if minus {
			d = -d
		}
	}
	sum := at + d
	if (sum > at) != (d > 0) && d != 0 {
		return Value{}, timeOverflow(secs, minus)
	}
	return h.NewTime(sum), nil
}

func timeOverflow(secs Value, minus bool) error {
	verb := "adding"
	if minus {
		verb = "subtracting"
	}
	var t [32]byte
	s, _ := AppendText(t[:0], nil, secs)
	return Arithmetic("timestamp overflow when %s %s seconds", verb, s)
}

// seconds is the time from b to a, both in nanoseconds.
func seconds(a, b int64) float64 {
	d := a - b
	return float64(d/1e9) + float64(d%1e9)/1e9
}
