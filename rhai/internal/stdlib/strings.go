package stdlib

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

func texts(r *native.Registry) {
	property(r, def("len(text)", "The number of characters.", textLen, text))
	property(r, def("bytes(text)", "The number of bytes in UTF-8.", textBytes, text))
	property(r, def("is_empty(text)", "Whether the text is empty.", textEmpty, text))
	r.Add(
		def("contains(text, part)", "Whether the part occurs in the text.", textHas(strings.Contains), text, textual),
		def("starts_with(text, start)", "Whether the text begins with `start`.", textHas(strings.HasPrefix), text, textual),
		def("ends_with(text, end)", "Whether the text ends with `end`.", textHas(strings.HasSuffix), text, textual),
		def("index_of(text, part)", "The position of the first occurrence, or -1.", indexOf, text, textual),
		def("index_of(text, part, start)", "The position of the first occurrence from `start` on, or -1.", indexOf, text, textual, integer),
		def("get(text, index)", "A character, or () outside; negative positions count from the end.", textGet, text, integer),
		def("max(a, b)", "The text that sorts last.", maxText, text, text),
		def("min(a, b)", "The text that sorts first.", minText, text, text),
		def("to_chars(text)", "The characters as an array.", toChars, text),
		def("to_blob(text)", "The bytes of the text in UTF-8.", toBlob, text),
		def("to_upper(text)", "The text in upper case.", toUpper, text),
		def("to_lower(text)", "The text in lower case.", toLower, text),
		mutating("make_upper(text)", "Turns the text into upper case.", inPlace(toUpper), text),
		mutating("make_lower(text)", "Turns the text into lower case.", inPlace(toLower), text),
		mutating("append(text, item)", "Adds the item's text at the end.", appendText, text, anything),
		mutating("set(text, index, char)", "Replaces a character; nothing happens outside.", textSet, text, integer, char),
		mutating("clear(text)", "Empties the text.", clearText, text),
		mutating("trim(text)", "Removes white space at both ends.", trim, text),
		mutating("remove(text, part)", "Removes all occurrences of the part.", removeText, text, textual),
		mutating("replace(text, old, new)", "Replaces all occurrences of `old`.", replace, text, textual, textual),
		mutating("pad(text, length, padding)", "Extends the text at its end to `length` characters.", pad, text, integer, textual),
	)
	slices(r)
	splits(r)
}

// bytesPerOp is how many bytes are looked at or copied for one operation.
const bytesPerOp = 32

func chargeBytes(c *native.Call, n int) error {
	if n < bytesPerOp {
		return nil
	}
	return c.Env.Charge(n / bytesPerOp)
}

func chargeText(c *native.Call, s string) error { return chargeBytes(c, len(s)) }

// chars1 is room for the text of one character.
type char1 [utf8.UTFMax]byte

// textOf is the text of a string or char; buf must outlive it.
func textOf(v value.Value, buf *char1) string {
	if v.Is(value.KString) {
		return v.Str()
	}
	return string(buf[:utf8.EncodeRune(buf[:], v.Char())])
}

// returnText returns a copy of s, which is part of the receiver's text. Parts
// are copied because one small part would keep the whole text alive, unpaid.
func returnText(c *native.Call, s string) error {
	v, err := copyText(c, s)
	c.Result = v
	return err
}

func copyText(c *native.Call, s string) (value.Value, error) {
	if r := c.Recv; r.Is(value.KString) && len(s) == len(r.Str()) {
		return r.Share(), nil
	}
	return c.Heap.CopyString([]byte(s))
}

// setText makes s, part of the receiver's text, the receiver.
func setText(c *native.Call, s string) error {
	if len(s) == len(c.Recv.Str()) {
		return nil
	}
	v, err := c.Heap.CopyString([]byte(s))
	if err != nil {
		return err
	}
	*c.Recv = c.Heap.Retag(v, *c.Recv)
	return nil
}

// byteAt is the byte offset of character i, which is at most the length.
func byteAt(s *value.String, i int) int {
	if s.ASCII() {
		return i
	}
	text := s.S
	if n := s.Len(); i > n/2 {
		at := len(text)
		for ; i < n; i++ {
			at--
			for !utf8.RuneStart(text[at]) {
				at--
			}
		}
		return at
	}
	at := 0
	for ; i > 0; i-- {
		_, n := utf8.DecodeRuneInString(text[at:])
		at += n
	}
	return at
}

func textLen(c *native.Call) error {
	if err := chargeText(c, c.Recv.Str()); err != nil {
		return err
	}
	return c.Return(value.Int(int64(c.Recv.Text().Len())))
}

func textBytes(c *native.Call) error { return c.Return(value.Int(int64(len(c.Recv.Str())))) }

func textEmpty(c *native.Call) error { return c.Return(value.Bool(c.Recv.Str() == "")) }

func textHas(has func(s, part string) bool) func(*native.Call) error {
	return func(c *native.Call) error {
		var buf char1
		if err := chargeText(c, c.Recv.Str()); err != nil {
			return err
		}
		return c.Return(value.Bool(has(c.Recv.Str(), textOf(c.Rest[0], &buf))))
	}
}

// indexOf finds nothing in an empty text, not even the empty one.
func indexOf(c *native.Call) error {
	s := c.Recv.Text()
	c.Result = value.Int(-1)
	if s.S == "" {
		return nil
	}
	if err := chargeText(c, s.S); err != nil {
		return err
	}
	start, from := 0, 0
	if len(c.Rest) > 1 {
		i := c.Rest[1].Int()
		if i >= int64(s.Len()) {
			return nil
		}
		start, _ = offset(s.Len(), i, 0)
		from = byteAt(s, start)
	}
	var buf char1
	at := strings.Index(s.S[from:], textOf(c.Rest[0], &buf))
	if at < 0 {
		return nil
	}
	if s.ASCII() {
		return c.Return(value.Int(int64(start + at)))
	}
	return c.Return(value.Int(int64(start + utf8.RuneCountInString(s.S[from:from+at]))))
}

// charIndex resolves a position that may count from the end; ok is false
// outside.
func charIndex(s *value.String, i int64) (at int, ok bool) {
	n := int64(s.Len())
	if i < 0 {
		i += n
	}
	return int(i), i >= 0 && i < n
}

func textGet(c *native.Call) error {
	s := c.Recv.Text()
	if err := chargeText(c, s.S); err != nil {
		return err
	}
	i, ok := charIndex(s, c.Rest[0].Int())
	if !ok {
		return nil
	}
	r, _ := utf8.DecodeRuneInString(s.S[byteAt(s, i):])
	return c.Return(value.Char(r))
}

func textSet(c *native.Call) error {
	s := c.Recv.Text()
	if err := chargeText(c, s.S); err != nil {
		return err
	}
	i, ok := charIndex(s, c.Rest[0].Int())
	if !ok {
		return nil
	}
	at := byteAt(s, i)
	_, n := utf8.DecodeRuneInString(s.S[at:])
	var buf char1
	return storeText(c, s.S[:at], textOf(c.Rest[1], &buf), s.S[at+n:])
}

// storeText makes the parts, joined, the receiver.
func storeText(c *native.Call, parts ...string) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if err := roomFor(c, n); err != nil {
		return err
	}
	c.Heap.SetString(c.Recv, strings.Join(parts, ""))
	return nil
}

// roomFor bills a text of n bytes.
func roomFor(c *native.Call, n int) error {
	if limit := c.Heap.Sizes.String; limit > 0 && n > limit {
		return value.TooLarge("string", limit)
	}
	if err := chargeBytes(c, n); err != nil {
		return err
	}
	return c.Heap.Reserve(n)
}

func maxText(c *native.Call) error {
	if c.Recv.Str() >= c.Rest[0].Str() {
		return c.Return(c.Recv.Share())
	}
	return c.Return(c.Rest[0])
}

func minText(c *native.Call) error {
	if c.Recv.Str() <= c.Rest[0].Str() {
		return c.Return(c.Recv.Share())
	}
	return c.Return(c.Rest[0])
}

func toChars(c *native.Call) error {
	s := c.Recv.Text()
	if err := chargeText(c, s.S); err != nil {
		return err
	}
	if err := c.Env.Charge(s.Len()); err != nil {
		return err
	}
	e, err := newElems(c, s.Len())
	if err != nil {
		return err
	}
	for _, r := range s.S {
		e = append(e, value.Char(r))
	}
	return c.Return(c.Heap.NewArray(e))
}

// newElems makes room for an array of n elements.
func newElems(c *native.Call, n int) ([]value.Value, error) {
	if limit := c.Heap.Sizes.Array; limit > 0 && n > limit {
		return nil, value.TooLarge("array", limit)
	}
	return c.Heap.MakeElems(n)
}

func toBlob(c *native.Call) error {
	s := c.Recv.Str()
	if err := chargeText(c, s); err != nil {
		return err
	}
	if err := c.Heap.Reserve(len(s)); err != nil {
		return err
	}
	return c.Return(c.Heap.NewBlob([]byte(s)))
}

// inPlace turns a function that returns the new text into one that stores it.
func inPlace(f func(*native.Call) error) func(*native.Call) error {
	return func(c *native.Call) error {
		if err := f(c); err != nil {
			return err
		}
		*c.Recv = c.Heap.Retag(c.Result, *c.Recv)
		c.Result = value.Unit
		return nil
	}
}

func appendText(c *native.Call) error {
	return value.Assign(c.Heap, c.Env, syntax.OpAdd, c.Recv, c.Rest[0])
}

func clearText(c *native.Call) error { return setText(c, "") }

func trim(c *native.Call) error {
	if err := chargeText(c, c.Recv.Str()); err != nil {
		return err
	}
	return setText(c, strings.TrimSpace(c.Recv.Str()))
}

func removeText(c *native.Call) error {
	var buf char1
	v, err := c.Heap.Without(c.Env, *c.Recv, textOf(c.Rest[0], &buf))
	if err != nil {
		return err
	}
	if v.Ref != c.Recv.Ref {
		*c.Recv = c.Heap.Retag(v, *c.Recv)
	}
	return nil
}

// replace inserts `new` around every character when `old` is empty.
func replace(c *native.Call) error {
	s := c.Recv.Str()
	var buf1, buf2 char1
	old, repl := textOf(c.Rest[0], &buf1), textOf(c.Rest[1], &buf2)
	if err := chargeText(c, s); err != nil {
		return err
	}
	if s == "" {
		return nil
	}
	n := strings.Count(s, old)
	if n == 0 {
		return nil
	}
	// n is at most one more than len(s): the product cannot overflow before
	// the limits refuse it.
	if len(repl) > 0 && n > math.MaxInt/len(repl)-len(s) {
		return value.TooLarge("string", math.MaxInt)
	}
	if err := roomFor(c, len(s)+n*(len(repl)-len(old))); err != nil {
		return err
	}
	c.Heap.SetString(c.Recv, strings.ReplaceAll(s, old, repl))
	return nil
}

// pad repeats the padding and cuts it to fit. An empty padding adds nothing
// (in native Rhai it never returns).
func pad(c *native.Call) error {
	s, length := c.Recv.Text(), c.Rest[0].Int()
	if limit := c.Heap.Sizes.String; limit > 0 && length > int64(limit) {
		return value.TooLarge("string", limit)
	}
	if err := chargeText(c, s.S); err != nil {
		return err
	}
	var buf char1
	padding := textOf(c.Rest[1], &buf)
	missing := length - int64(s.Len())
	if missing <= 0 || padding == "" {
		return nil
	}
	unit := int64(utf8.RuneCountInString(padding))
	times, rest := missing/unit, missing%unit
	tail := prefix(padding, int(rest))
	if times > (math.MaxInt32<<16)/int64(len(padding)) {
		return value.TooLarge("string", math.MaxInt32<<16)
	}
	n := len(s.S) + int(times)*len(padding) + len(tail)
	if err := roomFor(c, n); err != nil {
		return err
	}
	var t strings.Builder
	t.Grow(n)
	t.WriteString(s.S)
	for range times {
		t.WriteString(padding)
	}
	t.WriteString(tail)
	c.Heap.SetString(c.Recv, t.String())
	return nil
}

// prefix is the first n characters of s.
func prefix(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
