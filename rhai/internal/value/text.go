package value

import (
	"strconv"
	"unicode/utf8"
)

// maxText bounds a text that no Heap pays for.
const maxText = 256 << 20

// AppendText appends v as print and to_string show it. It is for values known
// to be small, or read by the embedder: the text is not charged to a heap, only
// bounded (256 MiB); see Heap.AppendText.
func AppendText(dst []byte, m Meter, v Value) ([]byte, error) {
	return appendValue(nil, dst, m, v, false)
}

// AppendDebug appends v as to_debug shows it, which is also how it looks inside
// a printed array or map.
func AppendDebug(dst []byte, m Meter, v Value) ([]byte, error) {
	return appendValue(nil, dst, m, v, true)
}

// Text is v as print shows it; see AppendText.
func Text(m Meter, v Value) (string, error) {
	if v.Is(KString) {
		return v.Str(), nil
	}
	var room [64]byte
	b, err := AppendText(room[:0], m, v)
	return string(b), err
}

// Debug is v as to_debug shows it; see AppendText.
func Debug(m Meter, v Value) (string, error) {
	var room [64]byte
	b, err := AppendDebug(room[:0], m, v)
	return string(b), err
}

// AppendText appends v as print shows it, and charges the text to the heap
// while it grows.
func (h *Heap) AppendText(dst []byte, m Meter, v Value) ([]byte, error) {
	return appendValue(h, dst, m, v, false)
}

// AppendPaid is AppendText for a buffer that is used again and again: paid is
// how many bytes of it are charged to the heap, whatever room it has, so that
// what a text costs does not hang on the texts before. The caller gives it
// back.
func (h *Heap) AppendPaid(dst []byte, paid *int, m Meter, v Value) ([]byte, error) {
	p := printer{heap: h, meter: m, dst: dst, paid: *paid}
	err := p.value(v, false)
	*paid = p.paid
	return p.dst, err
}

// AppendDebug appends v as to_debug shows it, and charges the text to the heap
// while it grows.
func (h *Heap) AppendDebug(dst []byte, m Meter, v Value) ([]byte, error) {
	return appendValue(h, dst, m, v, true)
}

// TextOf is the string that to_string gives for v; v itself when it is one.
func (h *Heap) TextOf(m Meter, v Value) (Value, error) {
	if v.Is(KString) {
		return v.Share(), nil
	}
	return h.textValue(m, v, false)
}

// DebugOf is the string that to_debug gives for v.
func (h *Heap) DebugOf(m Meter, v Value) (Value, error) { return h.textValue(m, v, true) }

func (h *Heap) textValue(m Meter, v Value, debug bool) (Value, error) {
	var room [128]byte
	p := printer{heap: h, meter: m, dst: room[:0], paid: len(room)}
	if err := p.value(v, debug); err != nil {
		return Value{}, err
	}
	return p.string(len(room))
}

func appendValue(h *Heap, dst []byte, m Meter, v Value, debug bool) ([]byte, error) {
	p := printer{heap: h, meter: m, dst: dst, paid: cap(dst)}
	err := p.value(v, debug)
	return p.dst, err
}

// printer builds a text, asking for memory and operations before it uses them.
type printer struct {
	heap  *Heap // may be nil
	meter Meter
	dst   []byte
	paid  int // bytes of dst that are paid for
	depth int
	lax   bool // as JSON: write what has no form in it in some way
}

// string turns the text into a value; stack is the size of the buffer it was
// begun in.
func (p *printer) string(stack int) (Value, error) {
	if p.paid <= stack {
		return p.heap.CopyString(p.dst)
	}
	return p.heap.NewString(bytesText(p.dst)), nil
}

// room makes sure that n more bytes fit. What is appended between two calls
// may be a few bytes more than announced.
func (p *printer) room(n int) error {
	need := len(p.dst) + n
	if need <= p.paid {
		return nil
	}
	if p.heap == nil {
		if need > maxText {
			return TooLarge("text", maxText)
		}
	} else if err := p.heap.checkString(len(p.dst)); err != nil {
		return err
	}
	if err := charge(p.meter, n/8); err != nil {
		return err
	}
	grown := max(2*need, 64)
	if need > 1<<20 {
		grown = need + need/4
	}
	// While it is copied, the text takes the old room and the new.
	if p.heap != nil {
		if err := p.heap.Reserve(grown); err != nil {
			return err
		}
		p.heap.Refund(p.paid)
	}
	if cap(p.dst) < grown {
		p.dst = append(make([]byte, 0, grown), p.dst...)
	}
	p.paid = grown
	return nil
}

// scalarRoom is more than the text of any scalar, range or timestamp needs.
const scalarRoom = 64

func (p *printer) value(v Value, debug bool) error {
	v = v.Plain()
	switch v.Kind() {
	case KString:
		return p.text(v.Str(), debug)
	case KArray:
		return p.array(v.Array().E)
	case KMap:
		return p.object(v.Map())
	case KBlob:
		return p.blob(v.Blob().B)
	case KFn:
		return p.fn(v.Fn())
	case KObject:
		if o := v.Object(); o.Type.Show != nil {
			return p.text(o.Type.Show(o.Data), false)
		}
	}
	if err := p.room(scalarRoom); err != nil {
		return err
	}
	p.dst = appendScalar(p.dst, v, debug)
	return nil
}

func appendScalar(dst []byte, v Value, debug bool) []byte {
	switch v.Kind() {
	case KUnit:
		if !debug {
			return dst
		}
	case KBool:
		return strconv.AppendBool(dst, v.Bool())
	case KInt:
		return strconv.AppendInt(dst, v.Int(), 10)
	case KByte:
		return strconv.AppendInt(dst, int64(v.Byte()), 10)
	case KFloat:
		if debug {
			return AppendFloatDebug(dst, v.Float())
		}
		return AppendFloat(dst, v.Float())
	case KChar:
		return utf8.AppendRune(dst, v.Char())
	case KRange:
		return appendRange(dst, v.Range())
	case KTime:
		return append(dst, "<timestamp>"...)
	}
	return append(dst, v.TypeName()...)
}

func appendRange(dst []byte, r *Range) []byte {
	dst = strconv.AppendInt(dst, r.Start, 10)
	dst = append(dst, ".."...)
	if r.Inclusive {
		dst = append(dst, '=')
	}
	if r.End != maxInt {
		dst = strconv.AppendInt(dst, r.End, 10)
	}
	return dst
}

func (p *printer) text(s string, quoted bool) error {
	if !quoted {
		if err := p.room(len(s)); err != nil {
			return err
		}
		p.dst = append(p.dst, s...)
		return nil
	}
	// Long texts go in pieces: an escape can be ten times as long as what it
	// stands for.
	const piece = 256
	if err := p.room(1); err != nil {
		return err
	}
	p.dst = append(p.dst, '"')
	for len(s) > 0 {
		n := cutText(s, piece)
		if err := p.room(escapedLen(s[:n]) + 2); err != nil {
			return err
		}
		p.dst = appendEscaped(p.dst, s[:n])
		s = s[n:]
	}
	if err := p.room(1); err != nil {
		return err
	}
	p.dst = append(p.dst, '"')
	return nil
}

// cutText is the length of the longest start of s of whole characters that is
// at most n bytes long.
func cutText(s string, n int) int {
	if len(s) <= n {
		return len(s)
	}
	for n > 1 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

func (p *printer) enter(n int) error {
	if p.depth++; p.depth > maxNesting {
		return tooDeep()
	}
	return charge(p.meter, n)
}

// lit appends punctuation, which may be as long as scalarRoom.
func (p *printer) lit(s string) error {
	if err := p.room(len(s)); err != nil {
		return err
	}
	p.dst = append(p.dst, s...)
	return nil
}

func (p *printer) array(items []Value) error {
	if err := p.enter(1); err != nil {
		return err
	}
	if err := p.lit("["); err != nil {
		return err
	}
	for i, x := range items {
		if i%64 == 0 {
			if err := charge(p.meter, min(64, len(items)-i)); err != nil {
				return err
			}
		}
		if i > 0 {
			if err := p.lit(", "); err != nil {
				return err
			}
		}
		if err := p.value(x, true); err != nil {
			return err
		}
	}
	p.depth--
	return p.lit("]")
}

func (p *printer) object(m *Map) error {
	if err := p.enter(1); err != nil {
		return err
	}
	if err := p.lit("#{"); err != nil {
		return err
	}
	for i := range m.Len() {
		if err := charge(p.meter, 1); err != nil {
			return err
		}
		if i > 0 {
			if err := p.lit(", "); err != nil {
				return err
			}
		}
		slot := m.At(i)
		if err := p.text(m.Key(slot), true); err != nil {
			return err
		}
		if err := p.lit(": "); err != nil {
			return err
		}
		if err := p.value(*m.Slot(slot), true); err != nil {
			return err
		}
	}
	p.depth--
	return p.lit("}")
}

const hexDigits = "0123456789abcdef"

func (p *printer) blob(b []byte) error {
	if err := p.room(2 + 2*len(b) + len(b)/8); err != nil {
		return err
	}
	p.dst = append(p.dst, '[')
	for i, x := range b {
		if i > 0 && i%8 == 0 {
			p.dst = append(p.dst, ' ')
		}
		p.dst = append(p.dst, hexDigits[x>>4], hexDigits[x&15])
	}
	p.dst = append(p.dst, ']')
	return nil
}

func (p *printer) fn(f *Fn) error {
	if err := p.room(len(f.Name) + 4); err != nil {
		return err
	}
	p.dst = append(p.dst, "Fn("...)
	p.dst = append(p.dst, f.Name...)
	p.dst = append(p.dst, ')')
	return nil
}
