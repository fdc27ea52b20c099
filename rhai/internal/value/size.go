package value

// CheckSize fails with ErrDataTooLarge when v, together with all that is inside
// it, is above h.Sizes. Arrays count their elements and those of arrays in
// them, a blob inside counts one more than its bytes; maps count entries;
// strings count bytes, keys excluded.
//
// Large values with values inside are not counted again until they have grown
// by an eighth: otherwise a script that fills an array would do quadratic work.
func (h *Heap) CheckSize(m Meter, v Value) error {
	if h.Sizes == (Sizes{}) || v.Ref == nil || v.Ref.Kind < KString {
		return nil
	}
	return h.checkPlain(m, v.Plain())
}

func (h *Heap) checkPlain(m Meter, v Value) error {
	switch v.Kind() {
	case KString:
		return h.checkString(len(v.Str()))
	case KBlob:
		return h.checkArray(len(v.Blob().B))
	case KArray:
		a := v.Array()
		return h.checkNested(m, v, len(a.E), &a.counted)
	case KMap:
		return h.checkNested(m, v, v.Map().Len(), &v.Map().counted)
	}
	return nil
}

// CheckLiteral is CheckSize for a value that a literal has just made: a blob in
// it counts its bytes only, as in native.
func (h *Heap) CheckLiteral(m Meter, v Value) error {
	if h.Sizes == (Sizes{}) {
		return nil
	}
	s := sizer{heap: h, meter: m, literal: true}
	return s.count(v)
}

// alwaysCounted is the number of values inside up to which a size is exact at
// every check.
const alwaysCounted = 1024

// checkNested checks an array or map of n entries. *counted is n at the last
// count of a large value.
func (h *Heap) checkNested(m Meter, v Value, n int, counted *int32) error {
	if last := int(*counted); last > 0 && n <= last+last/8 {
		if v.Is(KMap) {
			return h.checkMap(n)
		}
		return h.checkArray(n)
	}
	s := sizer{heap: h, meter: m, todo: h.todo[:0]}
	err := s.count(v)
	if err == nil && cap(s.todo) <= alwaysCounted {
		h.todo = s.todo[:0]
	}
	if err != nil {
		return err
	}
	if (s.visited > alwaysCounted || s.visited > 32 && s.small()) && v.Ref.Flags&Immortal == 0 {
		*counted = int32(n)
	}
	return nil
}

// small reports whether the value is far below every limit.
func (s *sizer) small() bool {
	z := &s.heap.Sizes
	far := func(n, limit int) bool { return limit == 0 || n < limit/16 }
	return far(s.strings, z.String) && far(s.elems, z.Array) && far(s.fields, z.Map)
}

func (h *Heap) checkMap(n int) error {
	if h.Sizes.Map > 0 && n > h.Sizes.Map {
		return TooLarge("map", h.Sizes.Map)
	}
	return nil
}

// sizer adds up the sizes of everything inside a value. It keeps its own list
// of what is left to do: values may be nested deeper than Go's stack goes.
type sizer struct {
	heap                   *Heap
	meter                  Meter
	todo                   []Value
	strings, elems, fields int
	visited                int
	literal                bool
}

func (s *sizer) count(v Value) error {
	for {
		if err := s.container(v); err != nil {
			return err
		}
		last := len(s.todo) - 1
		if last < 0 {
			return nil
		}
		v, s.todo[last] = s.todo[last], Value{}
		s.todo = s.todo[:last]
	}
}

func (s *sizer) container(v Value) error {
	var items []Value
	if v.Is(KArray) {
		items = v.Array().E
		s.elems += len(items)
	} else {
		items = v.Map().vals
		s.fields += len(items)
	}
	// Totals first, so that a value which is far too large is not walked.
	if err := s.check(); err != nil {
		return err
	}
	s.visited += len(items)
	if err := charge(s.meter, 1+len(items)/8); err != nil {
		return err
	}
	for _, x := range items {
		if x.Ref == nil || x.Ref.Kind < KString {
			continue
		}
		switch x = x.Plain(); x.Kind() {
		case KString:
			s.strings += len(x.Str())
		case KBlob:
			s.elems += len(x.Blob().B)
			if !s.literal {
				s.elems++
			}
		case KArray, KMap:
			s.todo = append(s.todo, x)
		}
	}
	return s.check()
}

func (s *sizer) check() error {
	if err := s.heap.checkString(s.strings); err != nil {
		return err
	}
	if err := s.heap.checkArray(s.elems); err != nil {
		return err
	}
	return s.heap.checkMap(s.fields)
}
