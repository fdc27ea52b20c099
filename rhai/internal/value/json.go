package value

import (
	"strconv"
)

// AppendJSON appends v as native's to_json writes it, which is not always
// JSON: chars are in single quotes, floats may be NaN or inf, strings have
// Rust's escapes, ranges look like 1..3. A blob is an array of numbers, a
// function pointer its name or, curried, an array of the name and the
// arguments. For JSON proper see AppendStrictJSON.
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
		return p.jsonObject(v.Map(), p.json)
	case KBlob:
		return p.jsonBytes(v.Blob().B)
	case KFn:
		return p.jsonFn(v.Fn())
	case KChar:
		return p.jsonChar(v.Char())
	}
	return p.value(v, true)
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

// jsonObject writes m with keys in Rust's escapes, and values by write.
func (p *printer) jsonObject(m *Map, write func(Value) error) error {
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
		if err := p.text(m.Key(slot), true); err != nil {
			return err
		}
		if err := p.lit(":"); err != nil {
			return err
		}
		if err := write(*m.Slot(slot)); err != nil {
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
		return p.text(f.Name, true)
	}
	if err := p.enter(1 + len(f.Curry)); err != nil {
		return err
	}
	if err := p.lit("["); err != nil {
		return err
	}
	if err := p.text(f.Name, true); err != nil {
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

// jsonChar writes a char as Rust's debug format does: in single quotes, which
// are escaped in place of double ones.
func (p *printer) jsonChar(r rune) error {
	if err := p.room(scalarRoom); err != nil {
		return err
	}
	p.dst = append(p.dst, '\'')
	switch r {
	case '\'':
		p.dst = append(p.dst, `\'`...)
	case '"':
		p.dst = append(p.dst, '"')
	default:
		p.dst = appendEscaped(p.dst, string(r))
	}
	p.dst = append(p.dst, '\'')
	return nil
}
