package value

import (
	"encoding/base64"
	"math"
	"strconv"
)

// AppendJSON appends v as to_json writes it, as native does when it is built
// with its metadata feature: always JSON, and never refused. A blob is an array
// of numbers, a function pointer its name or, curried, an array of the name and
// the arguments; ranges, timestamps and the like are the text that print shows.
// AppendStrictJSON is for who would rather have an error.
//
// The text is not charged to a heap, only bounded; see Heap.JSONOf.
func AppendJSON(dst []byte, m Meter, v Value) ([]byte, error) {
	p := printer{meter: m, dst: dst, paid: cap(dst), lax: true}
	err := p.json(v)
	return p.dst, err
}

// JSONOf is the string that to_json gives for v.
func (h *Heap) JSONOf(m Meter, v Value) (Value, error) {
	var room [128]byte
	p := printer{heap: h, meter: m, dst: room[:0], paid: len(room), lax: true}
	if err := p.json(v); err != nil {
		return Value{}, err
	}
	return p.string(len(room))
}

// AppendStrictJSON appends v as JSON that every reader accepts (RFC 8259).
//
// () is null, a char a string of one character, a u8 a number, a blob a string
// in standard base64. Floats keep a point or an exponent, so that they are read
// as floats again; NaN and the infinities, which JSON lacks, are null. Function
// pointers, ranges, iterators, timestamps and host objects are errors that name
// where they are: there is no form that a reader could be expected to
// understand.
func AppendStrictJSON(dst []byte, m Meter, v Value) ([]byte, error) {
	p := printer{meter: m, dst: dst, paid: cap(dst)}
	err := p.json(v)
	return p.dst, err
}

func (p *printer) json(v Value) error {
	v = v.Plain()
	switch v.Kind() {
	case KUnit:
		return p.lit("null")
	case KString:
		return p.jsonText(v.Str())
	case KChar:
		var buf [4]byte
		return p.jsonText(charText(&buf, v.Char()))
	case KFloat:
		return p.jsonFloat(v.Float())
	case KBool, KInt, KByte:
		return p.value(v, true)
	case KBlob:
		return p.jsonBlob(v.Blob().B)
	case KArray:
		return p.jsonArray(v.Array().E)
	case KMap:
		return p.jsonObject(v.Map())
	}
	return p.jsonOther(v)
}

// jsonOther writes a value that JSON has no form for.
func (p *printer) jsonOther(v Value) error {
	if !p.lax {
		return Errorf(ErrRuntime, "a value of type %s has no form in JSON", v.TypeName())
	}
	if v.Is(KFn) {
		return p.jsonFn(v.Fn())
	}
	text, err := Text(p.meter, v)
	if err != nil {
		return err
	}
	return p.jsonText(text)
}

func (p *printer) jsonFloat(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return p.lit("null")
	}
	if err := p.room(scalarRoom); err != nil {
		return err
	}
	p.dst = AppendFloatDebug(p.dst, f)
	return nil
}

func (p *printer) jsonArray(items []Value) error {
	if err := p.enter(1); err != nil {
		return err
	}
	if err := p.lit("["); err != nil {
		return err
	}
	for i, x := range items {
		if err := p.item(i, len(items)); err != nil {
			return err
		}
		if err := p.json(x); err != nil {
			return within(err, "element", i, "")
		}
	}
	p.depth--
	return p.lit("]")
}

// item starts item i of n: it bills items in batches and writes the comma.
func (p *printer) item(i, n int) error {
	const batch = 64
	if i%batch == 0 {
		if err := charge(p.meter, min(batch, n-i)); err != nil {
			return err
		}
	}
	if i == 0 {
		return nil
	}
	return p.lit(",")
}

func (p *printer) jsonObject(m *Map) error {
	if err := p.enter(1); err != nil {
		return err
	}
	if err := p.lit("{"); err != nil {
		return err
	}
	for i := range m.Len() {
		if err := p.item(i, m.Len()); err != nil {
			return err
		}
		slot := m.At(i)
		if err := p.jsonText(m.Key(slot)); err != nil {
			return err
		}
		if err := p.lit(":"); err != nil {
			return err
		}
		if err := p.json(*m.Slot(slot)); err != nil {
			return within(err, "property", 0, m.Key(slot))
		}
	}
	p.depth--
	return p.lit("}")
}

// within adds the way to the value that cannot be written.
func within(err error, what string, i int, key string) error {
	e, ok := err.(*Error)
	if !ok || e.Kind != ErrRuntime || len(e.Msg) > 300 {
		return err
	}
	if what == "element" {
		return Errorf(ErrRuntime, "in element %d: %s", i, e.Msg)
	}
	return Errorf(ErrRuntime, "in property %q: %s", key, e.Msg)
}

func (p *printer) jsonBlob(b []byte) error {
	if p.lax {
		return p.jsonBytes(b)
	}
	if err := p.room(2 + base64.StdEncoding.EncodedLen(len(b))); err != nil {
		return err
	}
	p.dst = append(p.dst, '"')
	p.dst = base64.StdEncoding.AppendEncode(p.dst, b)
	p.dst = append(p.dst, '"')
	return nil
}

func (p *printer) jsonBytes(b []byte) error {
	if err := p.room(2 + 4*len(b)); err != nil {
		return err
	}
	p.dst = append(p.dst, '[')
	for i, x := range b {
		if i > 0 {
			p.dst = append(p.dst, ',')
		}
		p.dst = strconv.AppendUint(p.dst, uint64(x), 10)
	}
	p.dst = append(p.dst, ']')
	return nil
}

func (p *printer) jsonFn(f *Fn) error {
	if len(f.Curry) == 0 {
		return p.jsonText(f.Name)
	}
	if err := p.enter(1 + len(f.Curry)); err != nil {
		return err
	}
	if err := p.lit("["); err != nil {
		return err
	}
	if err := p.jsonText(f.Name); err != nil {
		return err
	}
	for _, x := range f.Curry {
		if err := p.lit(","); err != nil {
			return err
		}
		if err := p.json(x); err != nil {
			return err
		}
	}
	p.depth--
	return p.lit("]")
}
