package value

import (
	"iter"
	"slices"
	"strings"
	"unsafe"
)

// smallMap is the number of entries up to which a map is a sorted list that is
// searched; beyond it gets an index.
const smallMap = 16

// Map is a string-keyed map whose iteration order is the keys' byte order.
//
// Small maps are two slices sorted by key. The key slice is shared between
// maps made by one literal and between clones (keysShared), and is copied
// before it changes. Large maps have an index from key to slot; their slots
// are in order of insertion and the sorted order is made when asked for.
type Map struct {
	Header
	keysShared bool
	keys       []string
	vals       []Value
	index      *keyIndex
	order      []int32 // slots in key order; nil when not known
	counted    int32   // Len when CheckSize last counted what is inside
}

type map4 struct {
	Map
	room [4]Value
}

// NewMap makes an empty map.
func (h *Heap) NewMap() Value {
	h.Charge(SizeObject + 48)
	m := &Map{Header: Header{Kind: KMap}}
	return Value{Ref: &m.Header}
}

// NewMapOf makes a map with the given keys, which must be sorted, distinct and
// never changed by the caller, and room for their values: the caller fills
// Vals in the same order.
func (h *Heap) NewMapOf(keys []string) Value {
	n := len(keys)
	h.Charge(SizeObject + 48 + n*SizeValue)
	var m *Map
	if n <= 4 {
		m4 := &map4{}
		m4.vals = m4.room[:n]
		m = &m4.Map
	} else {
		m = &Map{vals: make([]Value, n)}
	}
	m.Kind = KMap
	m.keys, m.keysShared = keys, true
	if n > smallMap {
		m.buildIndex(h)
	}
	return Value{Ref: &m.Header}
}

// Vals is the values of a map made by NewMapOf, in the order of its keys.
func (m *Map) Vals() []Value { return m.vals }

// Len is the number of entries.
func (m *Map) Len() int { return len(m.vals) }

// Key is the key of slot i; slots are numbered 0 to Len-1.
func (m *Map) Key(i int) string { return m.keys[i] }

// Slot gives the value of slot i for reading or, in an owned map, writing.
func (m *Map) Slot(i int) *Value { return &m.vals[i] }

// Find is the slot of key k, or -1. hint is a slot to try first; any value is
// allowed.
func (m *Map) Find(k string, hint int) int {
	if uint(hint) < uint(len(m.keys)) && m.keys[hint] == k {
		return hint
	}
	if m.index != nil {
		return m.index.find(m.keys, k)
	}
	for i, key := range m.keys {
		if key == k {
			return i
		}
	}
	return -1
}

// Get is the value of k; ok is false when there is none.
func (m *Map) Get(k string) (v Value, ok bool) {
	if i := m.Find(k, -1); i >= 0 {
		return m.vals[i], true
	}
	return Value{}, false
}

// Ensure gives the slot of key k in a map that is owned, adding () under k
// when it is new.
func (m *Map) Ensure(h *Heap, k string, hint int) (int, error) {
	if i := m.Find(k, hint); i >= 0 {
		return i, nil
	}
	return m.add(h, k)
}

// add makes a slot for k, which is not there yet.
func (m *Map) add(h *Heap, k string) (int, error) {
	h.Charge(SizeKey + SizeValue + len(k))
	if m.index != nil {
		return m.addIndexed(h, k)
	}
	at, _ := slices.BinarySearch(m.keys, k)
	if m.keysShared {
		m.keys = append(make([]string, 0, max(4, len(m.keys)+2)), m.keys...)
		m.keysShared = false
	}
	m.keys = slices.Insert(m.keys, at, k)
	m.vals = slices.Insert(m.vals, at, Value{})
	if len(m.keys) > smallMap {
		m.buildIndex(h)
	}
	return at, nil
}

func (m *Map) addIndexed(h *Heap, k string) (int, error) {
	m.unshareKeys()
	if len(m.keys) == cap(m.keys) {
		n := 2 * cap(m.keys)
		if err := h.Reserve(n * (SizeKey + SizeValue)); err != nil {
			return 0, err
		}
		h.Refund(len(m.keys) * (SizeKey + SizeValue))
		m.keys = append(make([]string, 0, n), m.keys...)
		m.vals = append(make([]Value, 0, n), m.vals...)
	}
	i := len(m.keys)
	m.keys = append(m.keys, k)
	m.vals = append(m.vals, Value{})
	m.index.add(k, i)
	if m.order != nil && (i == 0 || m.keys[m.order[i-1]] < k) {
		m.order = append(m.order, int32(i))
	} else {
		m.order = nil
	}
	return i, nil
}

func (m *Map) unshareKeys() {
	if m.keysShared {
		m.keys = slices.Clone(m.keys)
		m.keysShared = false
	}
}

func (m *Map) buildIndex(h *Heap) {
	h.Charge(len(m.keys) * SizeKey)
	m.index = newKeyIndex(m.keys)
}

// Set stores v under k in an owned map.
func (m *Map) Set(h *Heap, k string, v Value) error {
	i, err := m.Ensure(h, k, -1)
	if err != nil {
		return err
	}
	m.vals[i] = v
	return nil
}

// Delete removes k from an owned map and returns its value, or ().
func (m *Map) Delete(k string) Value {
	i := m.Find(k, -1)
	if i < 0 {
		return Value{}
	}
	v := m.vals[i]
	m.unshareKeys()
	if m.index == nil {
		m.keys = slices.Delete(m.keys, i, i+1)
		m.vals = slices.Delete(m.vals, i, i+1)
		return v
	}
	// The last slot takes the place of the one that goes.
	last := len(m.keys) - 1
	m.index.remove(m.keys, k)
	if i != last {
		m.index.move(m.keys, m.keys[last], i)
		m.keys[i], m.vals[i] = m.keys[last], m.vals[last]
	}
	m.keys[last], m.vals[last] = "", Value{}
	m.keys, m.vals = m.keys[:last], m.vals[:last]
	m.order = nil
	return v
}

// Clear removes all entries of an owned map.
func (m *Map) Clear() { m.keysShared, m.keys, m.vals, m.index, m.order = false, nil, nil, nil, nil }

// sorted is the slots in key order, or nil when the slots are in key order.
func (m *Map) sorted() []int32 {
	if m.index == nil {
		return nil
	}
	if m.order == nil && len(m.keys) > 0 {
		order := make([]int32, len(m.keys))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(a, b int32) int { return strings.Compare(m.keys[a], m.keys[b]) })
		m.order = order
	}
	return m.order
}

// At is the slot of the i-th entry in key order.
func (m *Map) At(i int) int {
	if o := m.sorted(); o != nil {
		return int(o[i])
	}
	return i
}

// All yields the entries in key order. The map must not change meanwhile.
func (m *Map) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		order := m.sorted()
		for i := range m.vals {
			if order != nil {
				i = int(order[i])
			}
			if !yield(m.keys[i], m.vals[i]) {
				return
			}
		}
	}
}

// OwnMap makes *v, a map, safe to change.
func (h *Heap) OwnMap(v *Value) (*Map, error) {
	m := v.Map()
	if m.Flags&Shared == 0 {
		return m, nil
	}
	n := len(m.vals)
	work := n / copiedPerOp
	if m.index != nil {
		work = 2 * n // the index is built again
	}
	if err := charge(h.Meter, work); err != nil {
		return nil, err
	}
	if err := h.Reserve(SizeObject + 48 + n*(SizeValue+SizeKey)); err != nil {
		return nil, err
	}
	c := &Map{Header: Header{Kind: KMap, Tag: m.Tag}, vals: make([]Value, n, n+n/4)}
	for i, x := range m.vals {
		c.vals[i] = x.Share()
	}
	if m.index == nil {
		m.keysShared = true
		c.keys, c.keysShared = m.keys, true
	} else {
		c.keys = slices.Clone(m.keys)
		c.index = &keyIndex{seed: m.index.seed, slots: slices.Clone(m.index.slots), n: m.index.n}
		c.order = slices.Clone(m.order)
	}
	*v = Value{Ref: &c.Header}
	return c, nil
}

func (m *Map) payload() int64 {
	n := int64(48 + cap(m.vals)*SizeValue)
	for _, k := range m.keys {
		n += SizeKey + int64(len(k))
	}
	if m.index != nil {
		n += int64(len(m.keys)) * SizeKey
	}
	return n
}

// KeyHint remembers where a key was found the last time: in the next map of
// the same shape, it is there again. The zero KeyHint remembers nothing.
type KeyHint struct {
	text *byte // of the key: texts never change, so the same bytes are the same key
	size int32 // of the key, plus one
	slot int32
}

// Forget lets go of the key, but not of where it was.
func (h *KeyHint) Forget() { h.text, h.size = nil, 0 }

// Hinted gives the value where the hint says it is, for reading or, in an
// owned map, writing; nil when something else is there.
func (m *Map) Hinted(h *KeyHint) *Value {
	if i := uint(h.slot); i < uint(len(m.keys)) {
		if k := &m.keys[i]; unsafe.StringData(*k) == h.text && len(*k)+1 == int(h.size) {
			return &m.vals[i]
		}
	}
	return nil
}

// Lookup gives the value of key k for reading or, in an owned map, writing; nil
// when there is none. hint is that of all look-ups of k at one place.
func (m *Map) Lookup(k string, hint *KeyHint) *Value {
	if v := m.Hinted(hint); v != nil {
		return v
	}
	i := m.Find(k, int(hint.slot))
	if i < 0 {
		return nil
	}
	own := m.keys[i]
	*hint = KeyHint{unsafe.StringData(own), int32(len(own)) + 1, int32(i)}
	return &m.vals[i]
}

// FirstKeys is the first n keys of a map made by NewMapOf.
func (m *Map) FirstKeys(n int) []string { return m.keys[:n] }
