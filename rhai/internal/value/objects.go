package value

import (
	"unicode/utf8"
	"unsafe"
)

// Array is a sequence of values.
type Array struct {
	Header
	E []Value
	// counted is len(E) when CheckSize last counted what is inside.
	counted int32
	// front is the number of elements that Shift has cut off before E, whose
	// room is still held.
	front int32
}

// NewArray makes an array of the given elements, which it takes over.
func (h *Heap) NewArray(e []Value) Value {
	h.Charge(SizeObject)
	a := &Array{Header: Header{Kind: KArray}, E: e}
	return Value{Ref: &a.Header}
}

// MakeElems allocates room for n elements, length 0.
func (h *Heap) MakeElems(n int) ([]Value, error) {
	if err := h.Reserve(n * SizeValue); err != nil {
		return nil, err
	}
	return make([]Value, 0, n), nil
}

// Append adds v at the end of a, which must be owned.
func (a *Array) Append(h *Heap, v Value) error {
	if len(a.E) == cap(a.E) {
		if err := a.Grow(h, 1); err != nil {
			return err
		}
	}
	a.E = append(a.E, v)
	return nil
}

// Grow makes room for n more elements.
func (a *Array) Grow(h *Heap, n int) error {
	need := len(a.E) + n
	if need <= cap(a.E) {
		return nil
	}
	c := max(need, 4, cap(a.E)*2)
	if cap(a.E) > 1024 {
		c = max(need, cap(a.E)+cap(a.E)/4+192)
	}
	if err := h.Reserve(c * SizeValue); err != nil {
		return err
	}
	h.Refund(a.room() * SizeValue)
	a.move(c)
	return nil
}

// move puts the elements into new room for c.
func (a *Array) move(c int) {
	e := make([]Value, len(a.E), c)
	copy(e, a.E)
	a.E, a.front = e, 0
}

// room is the number of elements that a holds memory for.
func (a *Array) room() int { return cap(a.E) + int(a.front) }

// Shift removes the first element of a, which must be owned and not empty, and
// returns it, in amortised constant time: the elements move down only when
// less than half of the room is in use.
func (a *Array) Shift(h *Heap) Value {
	const spared = 32 // room so small that nobody minds
	v := a.E[0]
	a.E[0] = Value{}
	a.E = a.E[1:]
	a.front++
	if int(a.front) > len(a.E)+spared {
		h.Refund((a.room() - len(a.E)) * SizeValue)
		a.move(len(a.E))
	}
	return v
}

// copiedPerOp is the number of elements that an operation pays to copy.
const copiedPerOp = 4

// OwnArray makes *v, an array, safe to change: a shared array is replaced by a
// copy whose elements are marked shared.
func (h *Heap) OwnArray(v *Value) (*Array, error) {
	a := v.Array()
	if a.Flags&Shared == 0 {
		return a, nil
	}
	if err := charge(h.Meter, len(a.E)/copiedPerOp); err != nil {
		return nil, err
	}
	e, err := h.MakeElems(len(a.E))
	if err != nil {
		return nil, err
	}
	e = e[:len(a.E)]
	for i, x := range a.E {
		e[i] = x.Share()
	}
	*v = h.NewArray(e)
	v.Array().Tag = a.Tag
	return v.Array(), nil
}

// Blob is a sequence of bytes.
type Blob struct {
	Header
	B []byte
}

// NewBlob makes a blob of b, which it takes over and which must be paid for.
func (h *Heap) NewBlob(b []byte) Value {
	h.Charge(SizeObject)
	x := &Blob{Header: Header{Kind: KBlob}, B: b}
	return Value{Ref: &x.Header}
}

// OwnBlob makes *v, a blob, safe to change.
func (h *Heap) OwnBlob(v *Value) (*Blob, error) {
	b := v.Blob()
	if b.Flags&Shared == 0 {
		return b, nil
	}
	if err := chargeBytes(h.Meter, len(b.B)); err != nil {
		return nil, err
	}
	if err := h.Reserve(len(b.B)); err != nil {
		return nil, err
	}
	*v = h.NewBlob(append(make([]byte, 0, len(b.B)), b.B...))
	v.Blob().Tag = b.Tag
	return v.Blob(), nil
}

// Range is `Start..End` or, Inclusive, `Start..=End`. Immutable.
type Range struct {
	Header
	Start, End int64
	Inclusive  bool
}

// NewRange makes a range.
func (h *Heap) NewRange(start, end int64, inclusive bool) Value {
	h.Charge(SizeObject)
	r := &Range{Header: Header{Kind: KRange}, Start: start, End: end, Inclusive: inclusive}
	return Value{Ref: &r.Header}
}

// Fn is a function pointer, curried arguments included. Immutable.
type Fn struct {
	Header
	Name  string
	Curry []Value
	// Code is the machine's own handle of a script function, or nil when the
	// function is looked up by name at each call.
	Code any
}

// NewFn makes a function pointer.
func (h *Heap) NewFn(name string, curry []Value, code any) Value {
	h.Charge(SizeObject + len(curry)*SizeValue)
	f := &Fn{Header: Header{Kind: KFn}, Name: name, Curry: curry, Code: code}
	return Value{Ref: &f.Header}
}

// Anonymous reports whether f points to a closure.
func (f *Fn) Anonymous() bool { return len(f.Name) > 5 && f.Name[:5] == "anon$" }

// Captured reports whether the function holds the variable c.
func (f *Fn) Captured(c *Cell) bool {
	for _, v := range f.Curry {
		if v.Ref == &c.Header {
			return true
		}
	}
	return false
}

// Time is a moment, in nanoseconds since an origin that the embedder's clock
// chooses. Immutable.
type Time struct {
	Header
	Nanos int64
}

// NewTime makes a timestamp.
func (h *Heap) NewTime(nanos int64) Value {
	h.Charge(SizeObject)
	t := &Time{Header: Header{Kind: KTime}, Nanos: nanos}
	return Value{Ref: &t.Header}
}

// Iter is an opaque sequence: what range(a, b, step), chars() and bits()
// return. It is immutable; each `for` walks it anew from the start.
type Iter struct {
	Header
	Of IterOf
	// Source is the string (IterChars), or the first value (the others).
	Source Value
	// From and To are the stepped range's ends, or a position and a count of
	// chars or bits.
	From, To, Step Value
	// steps is the number of items of a stepped range of integers, else 0.
	steps uint64
}

// IterOf says what an Iter yields.
type IterOf uint8

const (
	IterStep  IterOf = iota // From, From+Step, … before To: all i64, f64 or u8
	IterChars               // To.Int() chars of Source from char From.Int()
	IterBits                // To.Int() bits of Source.Int() from bit From.Int()
)

// NewIter makes a sequence.
func (h *Heap) NewIter(it Iter) Value {
	h.Charge(SizeObject + 64)
	it.Header = Header{Kind: KIter}
	if it.Of == IterStep && it.From.IsInt() {
		it.steps = steps(it.From.Int(), it.To.Int(), it.Step.Int())
	}
	return Value{Ref: &it.Header}
}

// ObjectType describes a type of the host. Compare by address.
type ObjectType struct {
	Name string
	// Show is the text of a value, where it is made a part of one; nil: the
	// name of the type.
	Show func(data any) string
}

// Object is a value of a host type; scripts only reach it through the
// functions registered for its type. Copies share Data.
type Object struct {
	Header
	Type *ObjectType
	Data any
}

// NewObject makes a host value; size is what Data is charged, in bytes.
func (h *Heap) NewObject(t *ObjectType, data any, size int) Value {
	h.Charge(SizeObject + size)
	o := &Object{Header: Header{Kind: KObject}, Type: t, Data: data}
	return Value{Ref: &o.Header}
}

// Module is an imported module.
type Module struct {
	Header
	Data  any
	Visit func(func(Value))
}

// NewModule makes a module value.
func (h *Heap) NewModule(data any, visit func(func(Value))) Value {
	h.Charge(SizeObject)
	m := &Module{Header: Header{Kind: KModule}, Data: data, Visit: visit}
	return Value{Ref: &m.Header}
}

// Cell is a variable that closures have captured.
type Cell struct {
	Header
	V Value
}

// NewCell moves v into a new cell.
func (h *Heap) NewCell(v Value) Value {
	h.Charge(SizeObject)
	c := &Cell{Header: Header{Kind: KCell}, V: v}
	return Value{Ref: &c.Header}
}

// SetTag makes *v carry the tag. v must be owned by the caller: a shared
// object is cloned first.
func (h *Heap) SetTag(v *Value, tag int32) error {
	switch k := v.Kind(); {
	case k == KCell:
		return h.SetTag(&v.Cell().V, tag)
	case k == KTagged:
		return h.tagScalar(v, v.tagged().v, tag)
	case k < KString:
		return h.tagScalar(v, *v, tag)
	}
	if err := h.Own(v); err != nil {
		return err
	}
	v.Ref.Tag = tag
	return nil
}

func (h *Heap) tagScalar(dst *Value, v Value, tag int32) error {
	if tag == 0 {
		*dst = v
		return nil
	}
	h.Charge(SizeObject)
	t := &tagged{Header: Header{Kind: KTagged, Tag: tag}, v: v}
	*dst = Value{Ref: &t.Header}
	return nil
}

// Retag is v with the tag that old carries: what op-assignment keeps.
func (h *Heap) Retag(v, old Value) Value {
	if tag := old.Tag(); tag != 0 {
		// The value was just made, so it is ours; the error can only come from
		// cloning a shared object, and then the tag is lost with it.
		_ = h.SetTag(&v, tag)
	}
	return v
}

// Own replaces a shared object behind *v by a copy, one level deep.
func (h *Heap) Own(v *Value) error {
	if v.Ref == nil || v.Ref.Kind < KString || v.Ref.Flags&Shared == 0 {
		return nil
	}
	switch v.Ref.Kind {
	case KString:
		tag := v.Ref.Tag
		*v = h.NewString(v.Str())
		v.Ref.Tag = tag
		return nil
	case KArray:
		_, err := h.OwnArray(v)
		return err
	case KBlob:
		_, err := h.OwnBlob(v)
		return err
	case KMap:
		_, err := h.OwnMap(v)
		return err
	}
	h.Charge(SizeObject)
	switch v.Ref.Kind {
	case KRange:
		*v = clone(v.Range())
	case KFn:
		*v = clone(v.Fn())
	case KTime:
		*v = clone(v.Time())
	case KIter:
		*v = clone(v.Iter())
	case KObject:
		*v = clone(v.Object())
	case KTagged:
		*v = clone(v.tagged())
	}
	return nil
}

// clone copies an object whose first field is a Header.
func clone[T any](p *T) Value {
	c := new(T)
	*c = *p
	hd := (*Header)(unsafe.Pointer(c))
	hd.Flags &^= Shared | Immortal
	return Value{Ref: hd}
}

// steps is how many numbers there are from one on, in steps, before another.
func steps(from, to, step int64) uint64 {
	switch {
	case step > 0 && from < to:
		return (uint64(to)-uint64(from)-1)/uint64(step) + 1
	case step < 0 && from > to:
		return (uint64(from)-uint64(to)-1)/-uint64(step) + 1
	}
	return 0
}

// NextInt is At for the stepped ranges of integers, to which it is an answer; ok
// is false for others, and at the end.
func (it *Iter) NextInt(at *Value) (n int64, ok bool) {
	i := at.Bits
	if i >= it.steps {
		return 0, false
	}
	at.Bits++
	return int64(it.From.Bits + i*it.Step.Bits), true
}

// At gives the item of the sequence at position *at, an integer that starts at
// 0, and moves the position on; ok is false at the end.
func (it *Iter) At(at *Value) (v Value, ok bool) {
	i := at.Int()
	switch it.Of {
	case IterStep:
		if it.From.IsFloat() {
			return it.stepFloat(at)
		}
		if it.From.IsInt() {
			n, ok := it.NextInt(at)
			return Int(n), ok
		}
		v, ok = it.step(i)
	case IterChars:
		return it.char(at)
	case IterBits:
		if i < it.To.Int() {
			v, ok = Bool(uint64(it.Source.Int())>>uint64(it.From.Int()+i)&1 != 0), true
		}
	}
	if ok {
		at.Bits++
	}
	return v, ok
}

// step gives number i of a stepped range of bytes. The current number is
// computed anew from the start, so that the position is all the state there is.
func (it *Iter) step(i int64) (Value, bool) {
	if !it.From.Is(KByte) {
		return Unit, false
	}
	x := int64(it.From.Byte()) + i*int64(it.Step.Byte())
	return Byte(byte(x)), x < int64(it.To.Byte())
}

// stepFloat gives the next number of a range of floats; after the first, the
// position is the number given last.
func (it *Iter) stepFloat(at *Value) (Value, bool) {
	to, step := it.To.Float(), it.Step.Float()
	x := it.From.Float()
	if at.IsFloat() {
		x = at.Float() + step
	}
	*at = Float(x)
	return *at, step > 0 && x < to || step < 0 && x > to
}

// char gives the next character; the position holds the byte offset in its
// low half and the number of characters done in its high half.
func (it *Iter) char(at *Value) (Value, bool) {
	s := it.Source.Str()
	off, done := int(uint32(at.Bits)), int64(at.Bits>>32)
	if done == 0 {
		for range it.From.Int() {
			_, n := utf8.DecodeRuneInString(s[off:])
			off += n
		}
	}
	if done >= it.To.Int() || off >= len(s) {
		return Unit, false
	}
	r, n := utf8.DecodeRuneInString(s[off:])
	at.Bits = uint64(done+1)<<32 | uint64(off+n)
	return Char(r), true
}
