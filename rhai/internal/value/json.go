package value

import (
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
	p := printer{meter: m, dst: dst, paid: cap(dst)}
	err := p.json(v)
	return p.dst, err
}

// JSONOf is the string that to_json gives for v.
func (h *Heap) JSONOf(m Meter, v Value) (Value, error) {
	var room [128]byte
	p := printer{heap: h, meter: m, dst: room[:0], paid: len(room)}
	if err := p.json(v); err != nil {
		return Value{}, err
	}
	return p.string(len(room))
}

func (p *printer) json(v Value) error {
	v = v.Plain()
	switch v.Kind() {
	case KUnit:
		return p.lit("null")
	case KArray:
		return p.jsonArray(v.Array().E)
	case KMap:
		return p.jsonObject(v.Map())
	case KBlob:
		return p.jsonBytes(v.Blob().B)
	case KFn:
		return p.jsonFn(v.Fn())
	case KBool, KInt, KByte, KFloat, KString, KChar:
		return p.strict(v)
	}
	text, err := Text(p.meter, v)
	if err != nil {
		return err
	}
	return p.strictText(text)
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
			return err
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
		if err := p.strictText(m.Key(slot)); err != nil {
			return err
		}
		if err := p.lit(":"); err != nil {
			return err
		}
		if err := p.json(*m.Slot(slot)); err != nil {
			return err
		}
	}
	p.depth--
	return p.lit("}")
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
		return p.strictText(f.Name)
	}
	if err := p.enter(1 + len(f.Curry)); err != nil {
		return err
	}
	if err := p.lit("["); err != nil {
		return err
	}
	if err := p.strictText(f.Name); err != nil {
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
