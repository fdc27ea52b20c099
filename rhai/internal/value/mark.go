package value

// Marker adds up the size of all objects reachable from the values it is
// given, each object once. It uses the objects' mark fields, so one Marker at
// a time may run on a heap, and it needs no memory but a work list.
type Marker struct {
	epoch uint32
	size  int64
	todo  []Value
}

// NewMarker starts a count over h's objects.
func (h *Heap) NewMarker() *Marker {
	h.epoch++
	return &Marker{epoch: h.epoch}
}

// Visit adds v and all that is reachable from it.
func (m *Marker) Visit(v Value) {
	m.push(v)
	for len(m.todo) > 0 {
		last := len(m.todo) - 1
		v, m.todo = m.todo[last], m.todo[:last]
		m.children(v)
	}
}

// Size is the number of bytes counted so far.
func (m *Marker) Size() int64 { return m.size }

func (m *Marker) push(v Value) {
	if v.Ref == nil || v.Ref.Kind < KString || v.Ref.Flags&Immortal != 0 || v.Ref.Mark == m.epoch {
		return
	}
	v.Ref.Mark = m.epoch
	m.todo = append(m.todo, v)
}

func (m *Marker) all(vs []Value) {
	for _, v := range vs {
		m.push(v)
	}
}

func (m *Marker) children(v Value) {
	m.size += SizeObject
	switch v.Ref.Kind {
	case KString:
		m.size += int64(len(v.Str()))
	case KArray:
		m.size += int64(v.Array().room()) * SizeValue
		m.all(v.Array().E)
	case KBlob:
		m.size += int64(cap(v.Blob().B))
	case KMap:
		m.size += v.Map().payload()
		m.all(v.Map().vals)
	case KFn:
		m.size += int64(len(v.Fn().Curry)) * SizeValue
		m.all(v.Fn().Curry)
	case KIter:
		m.push(v.Iter().Source)
	case KObject:
		if t, ok := v.Object().Data.(interface{ Visit(func(Value)) }); ok {
			t.Visit(m.push)
		}
	case KModule:
		v.Module().Visit(m.push)
	case KCell:
		m.push(v.Cell().V)
	case KTagged:
		m.push(v.tagged().v)
	}
}
