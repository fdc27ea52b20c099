package value

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseJSON reads one JSON text (RFC 8259) of at most maxDepth nested arrays
// and objects. Whole numbers that fit are i64, all others f64; null is ().
// Ill-formed UTF-8, duplicate keys, lone surrogates and anything but white
// space behind the value are refused. Its errors are ErrRuntime and name line
// and column.
func ParseJSON(h *Heap, m Meter, text []byte, maxDepth int) (Value, error) {
	return parseJSON(h, m, text, maxDepth, false)
}

// ReadJSON is what parse_json does: as ParseJSON, but of a key that an object
// has twice the last value counts, as in native.
func ReadJSON(h *Heap, m Meter, text []byte, maxDepth int) (Value, error) {
	return parseJSON(h, m, text, maxDepth, true)
}

func parseJSON(h *Heap, m Meter, text []byte, maxDepth int, lastWins bool) (Value, error) {
	if err := charge(m, 1+len(text)/8); err != nil {
		return Value{}, err
	}
	p := jsonParser{heap: h, text: text, depth: maxDepth, lastWins: lastWins}
	if len(text) > 1 && (text[0] == '{' || text[0] == '[') {
		// Room for a small text, which then grows nothing.
		p.vals, p.keys, p.shapes = make([]Value, 0, 16), make([]string, 0, 16), make([]*jsonShape, 0, 4)
	}
	p.space()
	v, err := p.value()
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.at < len(text) {
		return Value{}, p.fail("expected the end of the text, found " + p.found())
	}
	return v, h.CheckSize(m, v)
}

type jsonParser struct {
	heap  *Heap
	text  []byte
	at    int
	depth int // levels that may still be opened
	level int
	// lastWins allows keys that stand twice in an object.
	lastWins bool

	// vals and keys are stacks of what open arrays and objects hold so far.
	vals []Value
	keys []string
	// scratch holds a string with escapes while it is decoded.
	scratch []byte
	// names are the keys seen, so that each is stored once.
	names map[string]string
	// shapes are the objects' keys last seen at each level: a list of objects
	// mostly repeats them.
	shapes []*jsonShape
	order  []int // scratch of shape
}

// jsonShape is the keys of an object: in the order of the text, in byte order,
// and where each key of the text goes in byte order.
type jsonShape struct {
	keys, sorted []string
	slot         []int
}

func (p *jsonParser) fail(msg string) error {
	line, col := 1, 1
	for _, r := range string(p.text[:min(p.at, len(p.text))]) {
		if r == '\n' {
			line, col = line+1, 1
		} else {
			col++
		}
	}
	msg = fmt.Sprintf("invalid JSON at line %d, column %d: %s", line, col, msg)
	e := Errorf(ErrRuntime, "%s", msg)
	e.Value = p.heap.NewString(msg)
	return e
}

// found describes what is at the current place.
func (p *jsonParser) found() string {
	if p.at >= len(p.text) {
		return "the end of the text"
	}
	r, n := utf8.DecodeRune(p.text[p.at:])
	if r == utf8.RuneError && n == 1 {
		return fmt.Sprintf("the byte 0x%02x, which is not UTF-8", p.text[p.at])
	}
	return strconv.QuoteRune(r)
}

func (p *jsonParser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\n', '\t', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *jsonParser) value() (Value, error) {
	if p.at >= len(p.text) {
		return Value{}, p.fail("expected a value, found the end of the text")
	}
	switch c := p.text[p.at]; c {
	case '{':
		return p.object()
	case '[':
		return p.array()
	case '"':
		b, err := p.string()
		if err != nil {
			return Value{}, err
		}
		if err := p.heap.checkString(len(b)); err != nil {
			return Value{}, err
		}
		return p.heap.CopyString(b)
	case 't':
		return p.word("true", Bool(true))
	case 'f':
		return p.word("false", Bool(false))
	case 'n':
		return p.word("null", Unit)
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return p.number()
		}
	}
	return Value{}, p.fail("expected a value, found " + p.found())
}

func (p *jsonParser) word(w string, v Value) (Value, error) {
	if end := p.at + len(w); end <= len(p.text) && string(p.text[p.at:end]) == w {
		p.at = end
		return v, nil
	}
	return Value{}, p.fail("expected `" + w + "`")
}

// digits moves behind a run of digits and reports whether there was one.
func (p *jsonParser) digits() bool {
	start := p.at
	for p.at < len(p.text) && p.text[p.at]-'0' <= 9 {
		p.at++
	}
	return p.at > start
}

func (p *jsonParser) number() (Value, error) {
	start := p.at
	neg := p.text[p.at] == '-'
	if neg {
		p.at++
	}
	first := p.at
	if !p.digits() {
		return Value{}, p.fail("expected a digit, found " + p.found())
	}
	if p.text[first] == '0' && p.at > first+1 {
		p.at = first
		return Value{}, p.fail("a number cannot start with a superfluous 0")
	}
	whole := true
	if p.at < len(p.text) && p.text[p.at] == '.' {
		whole = false
		p.at++
		if !p.digits() {
			return Value{}, p.fail("expected a digit after the decimal point, found " + p.found())
		}
	}
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		whole = false
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if !p.digits() {
			return Value{}, p.fail("expected a digit in the exponent, found " + p.found())
		}
	}
	return jsonNumber(p.text[start:p.at], neg, whole), nil
}

// jsonNumber converts a number whose form was checked.
func jsonNumber(text []byte, neg, whole bool) Value {
	digits := text
	if neg {
		digits = text[1:]
	}
	if whole && len(digits) <= 18 {
		n := int64(0)
		for _, c := range digits {
			n = n*10 + int64(c-'0')
		}
		if neg {
			n = -n
		}
		return Int(n)
	}
	if whole {
		if n, err := strconv.ParseInt(bytesText(text), 10, 64); err == nil {
			return Int(n)
		}
	}
	// The only error left is a range error, which comes with an infinity.
	f, _ := strconv.ParseFloat(bytesText(text), 64)
	return Float(f)
}

// string reads a string and gives its bytes, which are only good until the
// next call.
func (p *jsonParser) string() ([]byte, error) {
	start := p.at + 1
	ascii := true
	for i := start; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			s := p.text[start:i]
			if !ascii && !utf8.Valid(s) {
				return nil, p.badUTF8(start)
			}
			p.at = i + 1
			return s, nil
		case c == '\\':
			return p.escaped(start, i)
		case c < ' ':
			p.at = i
			return nil, p.fail(fmt.Sprintf("the control character %U must be escaped in a string", rune(c)))
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	p.at = len(p.text)
	return nil, p.fail("the string has no end: expected '\"'")
}

// badUTF8 is the error of the first ill-formed byte from start on.
func (p *jsonParser) badUTF8(start int) error {
	p.at = start
	for {
		r, n := utf8.DecodeRune(p.text[p.at:])
		if r == utf8.RuneError && n <= 1 {
			return p.fail("found " + p.found())
		}
		p.at += n
	}
}

// escaped reads a string whose first escape is at i.
func (p *jsonParser) escaped(start, i int) ([]byte, error) {
	b := append(p.scratch[:0], p.text[start:i]...)
	p.at = i
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			p.scratch = b
			if !utf8.Valid(b) {
				return nil, p.badUTF8(start)
			}
			return b, nil
		case c == '\\':
			var err error
			if b, err = p.escape(b); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, p.fail(fmt.Sprintf("the control character %U must be escaped in a string", rune(c)))
		default:
			b = append(b, c)
			p.at++
		}
	}
	return nil, p.fail("the string has no end: expected '\"'")
}

func (p *jsonParser) escape(b []byte) ([]byte, error) {
	c := byte(0)
	if p.at+1 < len(p.text) {
		c = p.text[p.at+1]
	}
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, err := p.unicode()
		if err != nil {
			return b, err
		}
		return utf8.AppendRune(b, r), nil
	default:
		p.at++
		return b, p.fail("expected an escape: one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX")
	}
	p.at += 2
	return append(b, c), nil
}

// unicode reads \uXXXX, or two of them that make a character together.
func (p *jsonParser) unicode() (rune, error) {
	r, ok := p.hex4(p.at)
	if !ok {
		return 0, p.fail("expected four hexadecimal digits after \\u")
	}
	if !utf16.IsSurrogate(r) {
		p.at += 6
		return r, nil
	}
	low, ok := p.hex4(p.at + 6)
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, p.fail("half a surrogate pair: \\uD800 to \\uDBFF and \\uDC00 to \\uDFFF only stand together")
	}
	p.at += 12
	return r, nil
}

func (p *jsonParser) hex4(at int) (rune, bool) {
	if at+6 > len(p.text) || p.text[at] != '\\' || p.text[at+1] != 'u' {
		return 0, false
	}
	r := rune(0)
	for _, c := range p.text[at+2 : at+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// open enters an array or object whose bracket is at the current place, and
// reports whether it is empty.
func (p *jsonParser) open(end byte) (empty bool, err error) {
	if p.level >= p.depth {
		return false, p.fail(fmt.Sprintf("nested more than %d levels deep", p.depth))
	}
	p.level++
	p.at++
	p.space()
	if p.at < len(p.text) && p.text[p.at] == end {
		p.at++
		p.level--
		return true, nil
	}
	return false, nil
}

// more moves behind a comma and reports true, or behind the end and reports
// false.
func (p *jsonParser) more(end byte) (bool, error) {
	p.space()
	if p.at < len(p.text) {
		switch p.text[p.at] {
		case ',':
			p.at++
			p.space()
			return true, nil
		case end:
			p.at++
			p.level--
			return false, nil
		}
	}
	return false, p.fail(fmt.Sprintf("expected ',' or %q, found %s", rune(end), p.found()))
}

func (p *jsonParser) array() (Value, error) {
	empty, err := p.open(']')
	if err != nil || empty {
		return p.heap.NewArray(nil), err
	}
	base := len(p.vals)
	for {
		v, err := p.value()
		if err != nil {
			return Value{}, err
		}
		p.vals = append(p.vals, v)
		more, err := p.more(']')
		if err != nil {
			return Value{}, err
		}
		if !more {
			break
		}
	}
	items := p.vals[base:]
	if err := p.heap.checkArray(len(items)); err != nil {
		return Value{}, err
	}
	e, err := p.heap.MakeElems(len(items))
	if err != nil {
		return Value{}, err
	}
	e = append(e, items...)
	p.drop(base)
	return p.heap.NewArray(e), nil
}

// drop takes the values from base on off the stack.
func (p *jsonParser) drop(base int) {
	clear(p.vals[base:])
	p.vals = p.vals[:base]
}

func (p *jsonParser) object() (Value, error) {
	empty, err := p.open('}')
	if err != nil {
		return Value{}, err
	}
	if empty {
		return p.heap.NewMap(), nil
	}
	for len(p.shapes) < p.level {
		p.shapes = append(p.shapes, nil)
	}
	shape := p.shapes[p.level-1]
	level, base, first := p.level, len(p.vals), len(p.keys)
	same := shape != nil // as the shape, so far
	for n := 0; ; n++ {
		key, err := p.key()
		if err != nil {
			return Value{}, err
		}
		name := ""
		if same && n < len(shape.keys) && string(key) == shape.keys[n] {
			name = shape.keys[n]
		} else {
			same = false
			name = p.name(key)
		}
		if err := p.colon(); err != nil {
			return Value{}, err
		}
		v, err := p.value()
		if err != nil {
			return Value{}, err
		}
		p.keys, p.vals = append(p.keys, name), append(p.vals, v)
		more, err := p.more('}')
		if err != nil {
			return Value{}, err
		}
		if !more {
			break
		}
	}
	keys := p.keys[first:]
	if err := p.heap.checkMap(len(keys)); err != nil {
		return Value{}, err
	}
	if !same || len(keys) != len(shape.keys) {
		if shape, err = p.shape(keys); err != nil {
			return Value{}, err
		}
		p.shapes[level-1] = shape
	}
	v := p.heap.NewMapOf(shape.sorted)
	vals := v.Map().Vals()
	for i, x := range p.vals[base:] {
		vals[shape.slot[i]] = x
	}
	p.drop(base)
	p.keys = p.keys[:first]
	return v, p.heap.Check()
}

func (p *jsonParser) key() ([]byte, error) {
	if p.at >= len(p.text) || p.text[p.at] != '"' {
		return nil, p.fail("expected a key in double quotes, found " + p.found())
	}
	return p.string()
}

func (p *jsonParser) colon() error {
	p.space()
	if p.at >= len(p.text) || p.text[p.at] != ':' {
		return p.fail("expected ':', found " + p.found())
	}
	p.at++
	p.space()
	return nil
}

// name is the key as a string, stored once for each parse.
func (p *jsonParser) name(key []byte) string {
	if s, ok := p.names[string(key)]; ok {
		return s
	}
	if p.names == nil {
		p.names = map[string]string{}
	}
	s := string(key)
	p.heap.Charge(len(s))
	p.names[s] = s
	return s
}

// shape sorts the keys of an object.
func (p *jsonParser) shape(keys []string) (*jsonShape, error) {
	n := len(keys)
	if err := p.heap.Reserve(n * (2*SizeKey + 8)); err != nil {
		return nil, err
	}
	if n > math.MaxInt32 {
		return nil, TooLarge("map", math.MaxInt32)
	}
	both := make([]string, 2*n)
	s := &jsonShape{keys: both[:n:n], sorted: both[n:], slot: make([]int, n)}
	copy(s.keys, keys)
	order := p.order[:0]
	for i := range n {
		order = append(order, i)
	}
	p.order = order
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	at := 0
	for _, i := range order {
		if at > 0 && s.sorted[at-1] == keys[i] {
			if !p.lastWins {
				return nil, p.fail(fmt.Sprintf("the object has the key %q twice", keys[i]))
			}
			at--
		}
		s.sorted[at], s.slot[i] = keys[i], at
		at++
	}
	s.sorted = s.sorted[:at]
	return s, nil
}
