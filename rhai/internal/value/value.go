package value

import (
	"math"
	"unsafe"
)

// Kind is the type of a Value as the machine distinguishes it.
type Kind uint8

// The kinds. Those from KString on live behind a heap object.
const (
	KUnit Kind = iota
	KBool
	KInt
	KFloat
	KChar
	KByte    // u8: only what iterating a blob yields
	KUnbound // the `this` of a call that has none; never visible to scripts

	KString
	KArray
	KBlob
	KMap
	KRange
	KFn
	KTime
	KIter
	KObject // a value of a host type
	KModule // an imported module; only in variables that scripts cannot read
	KCell   // a variable captured by closures; reads go through it
	KTagged // a scalar with a tag
	kindCount
)

// Kinds is a set of kinds, for signatures of native functions.
type Kinds uint32

// Set is the set of the given kinds.
func Set(kinds ...Kind) Kinds {
	var s Kinds
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Any accepts every kind a script can see.
const Any Kinds = 1<<kindCount - 1

// Has reports whether k is in s.
func (s Kinds) Has(k Kind) bool { return s>>k&1 != 0 }

var kindNames = [kindCount]string{
	KUnit: "()", KBool: "bool", KInt: "i64", KFloat: "f64", KChar: "char", KByte: "u8", KUnbound: "unbound",
	KString: "string", KArray: "array", KBlob: "blob", KMap: "map", KRange: "range", KFn: "Fn", KTime: "timestamp",
	KIter: "range", KObject: "object", KModule: "module", KCell: "shared", KTagged: "tagged",
}

// String is the name that type_of gives, but for inclusive ranges and host
// objects, whose name depends on the value: see Value.TypeName.
func (k Kind) String() string { return kindNames[k] }

// Header starts every heap object and tells what it is.
type Header struct {
	Kind  Kind
	Flags Flags
	Mark  uint32 // epoch of the last recount that visited the object
	Tag   int32  // the value's tag; only KTagged, arrays, maps, … carry one
}

// Flags of a heap object.
type Flags uint8

const (
	// Shared objects are reachable under more than one name: clone before
	// changing them.
	Shared Flags = 1 << iota
	// Immortal objects belong to no heap and are shared between goroutines;
	// their header is never written.
	Immortal
	// Locked cells are in use by a running method call.
	Locked
	// Const cells hold a captured constant.
	Const
	// Fleeting texts are gone at the next operation: they are for looking up,
	// and must be copied to be kept.
	Fleeting
)

// Tags of scalars: static headers whose address is the kind.
var (
	BoolTag    = Header{Kind: KBool}
	IntTag     = Header{Kind: KInt}
	FloatTag   = Header{Kind: KFloat}
	CharTag    = Header{Kind: KChar}
	ByteTag    = Header{Kind: KByte}
	UnboundTag = Header{Kind: KUnbound}
)

// Value is one Rhai value. The zero Value is (). Fields are exported for the
// machine's inner loop; everyone else uses the methods.
type Value struct {
	Ref  *Header // nil is (); the address of a static tag, or of a heap object
	Bits uint64  // payload of scalars; 0 for heap objects
}

// Constructors of scalars.

func Bool(b bool) Value {
	v := Value{Ref: &BoolTag}
	if b {
		v.Bits = 1
	}
	return v
}
func Int(i int64) Value     { return Value{&IntTag, uint64(i)} }
func Float(f float64) Value { return Value{&FloatTag, math.Float64bits(f)} }
func Char(r rune) Value     { return Value{&CharTag, uint64(r)} }
func Byte(b byte) Value     { return Value{&ByteTag, uint64(b)} }

// Unit is (), the zero Value.
var Unit = Value{}

// Unbound stands for a missing `this`.
func Unbound() Value { return Value{Ref: &UnboundTag} }

// Kind is v's kind; a tagged scalar and a captured variable answer KTagged and
// KCell: see Plain.
func (v Value) Kind() Kind {
	if v.Ref == nil {
		return KUnit
	}
	return v.Ref.Kind
}

// Plain is v without the wrappers a script cannot see: the content of a cell
// and a scalar without its tag.
func (v Value) Plain() Value {
	for v.Ref != nil && v.Ref.Kind >= KCell {
		if v.Ref.Kind == KCell {
			v = v.Cell().V
		} else {
			v = v.tagged().v
		}
	}
	return v
}

func (v Value) IsUnit() bool  { return v.Ref == nil }
func (v Value) IsInt() bool   { return v.Ref == &IntTag }
func (v Value) IsFloat() bool { return v.Ref == &FloatTag }
func (v Value) IsBool() bool  { return v.Ref == &BoolTag }
func (v Value) IsTrue() bool  { return v.Ref == &BoolTag && v.Bits != 0 }

// Is reports whether v is of kind k; () is KUnit.
func (v Value) Is(k Kind) bool { return v.Kind() == k }

// Accessors. Each must only be called on a value of its kind.

func (v Value) Int() int64     { return int64(v.Bits) }
func (v Value) Float() float64 { return math.Float64frombits(v.Bits) }
func (v Value) Bool() bool     { return v.Bits != 0 }
func (v Value) Char() rune     { return rune(v.Bits) }
func (v Value) Byte() byte     { return byte(v.Bits) }

func (v Value) Text() *String   { return (*String)(unsafe.Pointer(v.Ref)) }
func (v Value) Str() string     { return (*String)(unsafe.Pointer(v.Ref)).S }
func (v Value) Array() *Array   { return (*Array)(unsafe.Pointer(v.Ref)) }
func (v Value) Blob() *Blob     { return (*Blob)(unsafe.Pointer(v.Ref)) }
func (v Value) Map() *Map       { return (*Map)(unsafe.Pointer(v.Ref)) }
func (v Value) Range() *Range   { return (*Range)(unsafe.Pointer(v.Ref)) }
func (v Value) Fn() *Fn         { return (*Fn)(unsafe.Pointer(v.Ref)) }
func (v Value) Time() *Time     { return (*Time)(unsafe.Pointer(v.Ref)) }
func (v Value) Iter() *Iter     { return (*Iter)(unsafe.Pointer(v.Ref)) }
func (v Value) Object() *Object { return (*Object)(unsafe.Pointer(v.Ref)) }
func (v Value) Module() *Module { return (*Module)(unsafe.Pointer(v.Ref)) }
func (v Value) Cell() *Cell     { return (*Cell)(unsafe.Pointer(v.Ref)) }
func (v Value) tagged() *tagged { return (*tagged)(unsafe.Pointer(v.Ref)) }

// Put makes *v the value of *x. As with SetInt, what is of the same kind costs
// no write barrier, which is dear while the collector marks.
func (v *Value) Put(x *Value) {
	if v.Ref != x.Ref {
		v.Ref = x.Ref
	}
	v.Bits = x.Bits
}

// SetInt makes *v the integer i. The tag is only written when it differs,
// which spares the write barrier in loops.
func (v *Value) SetInt(i int64) {
	if v.Ref != &IntTag {
		v.Ref = &IntTag
	}
	v.Bits = uint64(i)
}

// SetFloat makes *v the float f.
func (v *Value) SetFloat(f float64) {
	if v.Ref != &FloatTag {
		v.Ref = &FloatTag
	}
	v.Bits = math.Float64bits(f)
}

// SetBool makes *v the bool b.
func (v *Value) SetBool(b bool) {
	if v.Ref != &BoolTag {
		v.Ref = &BoolTag
	}
	if b {
		v.Bits = 1
	} else {
		v.Bits = 0
	}
}

// Share marks v's object, if it has one, as reachable under two names, and
// returns v. It must be called wherever a second name for a value comes to
// exist: assignment, argument, element read, capture by value.
func (v Value) Share() Value {
	if v.Ref != nil && v.Ref.Kind >= KString && v.Ref.Flags&Shared == 0 {
		v.Ref.Flags |= Shared
	}
	return v
}

// TypeName is what type_of answers.
func (v Value) TypeName() string {
	v = v.Plain()
	switch v.Kind() {
	case KRange:
		if v.Range().Inclusive {
			return "range="
		}
	case KObject:
		return v.Object().Type.Name
	}
	return v.Kind().String()
}

// Tag is v's tag: 0 unless one was set.
func (v Value) Tag() int32 {
	if v.Ref != nil && v.Ref.Kind == KCell {
		return v.Cell().V.Tag()
	}
	if v.Ref == nil || v.Ref.Kind < KString {
		return 0
	}
	return v.Ref.Tag
}

// tagged is a scalar that carries a tag.
type tagged struct {
	Header
	v Value
}
