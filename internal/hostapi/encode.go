package hostapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai"
)

// maxNesting bounds how deep a value that becomes JSON may nest, so that a
// value cannot use up the stack.
const maxNesting = 64

// errTooLong ends an encoding that went over its bound.
var errTooLong = errors.New("the JSON is too long")

// Secrets have a JSON form only where they are sent, and only by themselves.
var (
	errSecretJSON = errors.New("a secret has no JSON form: it can be sent with http, and signed with, but not shown or kept")
	errSecretPart = errors.New("a secret in JSON is a string of its own, with nothing added")
)

// encoder writes values as JSON (RFC 8259). Whatever the value, its work is in
// proportion to what it writes: a few values that contain each other many
// times over are stopped by max.
type encoder struct {
	buf []byte
	max int // bytes that may be written; more is errTooLong
	// room, when set, is asked before the buffer grows to a size, and charge
	// before a number of values or bytes is written.
	room   func(size int) error
	charge func(operations int) error
	// exact refuses what would not come back as it was: blobs.
	exact bool
	// hide takes where secrets belong; nil: they have no place in it.
	hide *[]cut
}

// encode is v as JSON within a call, billed.
func encode(c *rhai.Call, v rhai.Value) ([]byte, error) {
	e := encoder{max: math.MaxInt32, room: c.Room, charge: c.Charge}
	if err := e.value(v, 0); err != nil {
		return nil, err
	}
	return e.buf, nil
}

// need makes room for n more bytes.
func (e *encoder) need(n int) error {
	if n > e.max-len(e.buf) {
		return errTooLong
	}
	if len(e.buf)+n <= cap(e.buf) {
		return nil
	}
	size := max(64, 2*cap(e.buf), len(e.buf)+n)
	if e.room != nil && size > 1<<10 {
		if err := e.room(size); err != nil {
			return err
		}
	}
	e.buf = slices.Grow(e.buf, size-len(e.buf))
	return nil
}

func (e *encoder) raw(s string) error {
	if err := e.need(len(s)); err != nil {
		return err
	}
	e.buf = append(e.buf, s...)
	return nil
}

func (e *encoder) value(v rhai.Value, nesting int) error {
	if nesting > maxNesting {
		return fmt.Errorf("the value nests more than %d levels deep, which is too deep for JSON", maxNesting)
	}
	if e.charge != nil {
		if err := e.charge(1); err != nil {
			return err
		}
	}
	switch v.Kind() {
	case rhai.UnitKind:
		return e.raw("null")
	case rhai.BoolKind:
		b, _ := v.AsBool()
		return e.raw(strconv.FormatBool(b))
	case rhai.IntKind, rhai.ByteKind:
		n, _ := v.AsInt()
		if err := e.need(20); err != nil {
			return err
		}
		e.buf = strconv.AppendInt(e.buf, n, 10)
		return nil
	case rhai.FloatKind:
		f, _ := v.AsFloat()
		return e.float(f)
	case rhai.CharKind:
		r, _ := v.AsChar()
		return e.text(string(r))
	case rhai.StringKind:
		s, _ := v.AsString()
		return e.text(s)
	case rhai.BlobKind:
		b, _ := v.AsBytes()
		return e.blob(b)
	case rhai.ArrayKind:
		return e.array(v, nesting)
	case rhai.MapKind:
		return e.entries(v, nesting)
	}
	if f := fieldsOf(v); f != nil {
		return e.fields(f)
	}
	if h := hiddenOf(v); h != nil {
		return e.secret(h)
	}
	if v.Kind() == rhai.FnKind {
		return errors.New("a function has no JSON form")
	}
	return fmt.Errorf("a value of type %s has no JSON form", v.TypeName())
}

// float writes 1.0 as 1.0, so that a reader can tell it from the integer.
func (e *encoder) float(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("%v is not a number that JSON has", f)
	}
	if err := e.need(32); err != nil {
		return err
	}
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	start := len(e.buf)
	e.buf = strconv.AppendFloat(e.buf, f, format, -1, 64)
	if format == 'f' && !slices.Contains(e.buf[start:], '.') {
		e.buf = append(e.buf, ".0"...)
	}
	return nil
}

func (e *encoder) blob(b []byte) error {
	if e.exact {
		return errors.New("a blob within a map or an array has no JSON form: keep it by itself, or as base64")
	}
	n := base64.StdEncoding.EncodedLen(len(b))
	if err := e.bill(n); err != nil {
		return err
	}
	if err := e.need(n + 2); err != nil {
		return err
	}
	e.buf = append(e.buf, '"')
	e.buf = base64.StdEncoding.AppendEncode(e.buf, b)
	e.buf = append(e.buf, '"')
	return nil
}

func (e *encoder) bill(bytes int) error {
	if e.charge == nil || bytes < bytesPerOperation {
		return nil
	}
	return e.charge(bytes / bytesPerOperation)
}

func (e *encoder) array(v rhai.Value, nesting int) error {
	sep := "["
	for x := range v.Elems() {
		if err := e.raw(sep); err != nil {
			return err
		}
		if err := e.value(x, nesting+1); err != nil {
			return err
		}
		sep = ","
	}
	if sep == "[" {
		return e.raw("[]")
	}
	return e.raw("]")
}

func (e *encoder) entries(v rhai.Value, nesting int) error {
	sep := "{"
	for key, x := range v.Entries() {
		if err := e.member(sep, key); err != nil {
			return err
		}
		if err := e.value(x, nesting+1); err != nil {
			return err
		}
		sep = ","
	}
	if sep == "{" {
		return e.raw("{}")
	}
	return e.raw("}")
}

// fields writes the first value of each name.
func (e *encoder) fields(f *fields) error {
	sep := "{"
	for _, name := range f.names() {
		if err := e.member(sep, name); err != nil {
			return err
		}
		if err := e.text(f.first(name)); err != nil {
			return err
		}
		sep = ","
	}
	if sep == "{" {
		return e.raw("{}")
	}
	return e.raw("}")
}

func (e *encoder) member(sep, key string) error {
	if err := e.raw(sep); err != nil {
		return err
	}
	if err := e.text(key); err != nil {
		return err
	}
	return e.raw(":")
}

// text writes a string. Characters are written as they are but for those that
// JSON has no place for; U+2028 and U+2029 are escaped because JavaScript once
// took them for line ends.
func (e *encoder) text(s string) error {
	if err := e.bill(len(s)); err != nil {
		return err
	}
	if err := e.need(len(s) + 2); err != nil {
		return err
	}
	e.buf = append(e.buf, '"')
	start := 0
	for i := 0; i < len(s); {
		escaped, width := escape(s[i:])
		if escaped == "" {
			i += width
			continue
		}
		// What is left must still fit beside the escape.
		if err := e.need(len(s) - start + len(escaped) + 1); err != nil {
			return err
		}
		e.buf = append(append(e.buf, s[start:i]...), escaped...)
		i += width
		start = i
	}
	if err := e.need(len(s) - start + 1); err != nil {
		return err
	}
	e.buf = append(append(e.buf, s[start:]...), '"')
	return nil
}

const hexDigits = "0123456789abcdef"

// escape is how the first character of s is written, or "" for as it is, and
// its width in s.
func escape(s string) (escaped string, width int) {
	switch c := s[0]; {
	case c == '"':
		return `\"`, 1
	case c == '\\':
		return `\\`, 1
	case c == '\n':
		return `\n`, 1
	case c == '\r':
		return `\r`, 1
	case c == '\t':
		return `\t`, 1
	case c < 0x20:
		return string([]byte{'\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15]}), 1
	case c < utf8.RuneSelf:
		return "", 1
	}
	r, width := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && width == 1:
		return "\\ufffd", 1
	case r == '\u2028':
		return `\u2028`, width
	case r == '\u2029':
		return `\u2029`, width
	}
	return "", width
}
