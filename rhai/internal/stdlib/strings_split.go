package stdlib

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// splits registers what cuts a text into an array.
func splits(r *native.Registry) {
	r.Add(
		def("split(text)", "The words of the text: what is between white space.", splitWords, text),
		def("split(text, index)", "The text before and from a character on, as an array of two.", splitAt, text, integer),
		def("split(text, delimiter)", "The parts between delimiters.", split, text, textual),
		def("split(text, delimiter, count)", "The parts between delimiters, at most `count`.", split, text, textual, integer),
		def("split_rev(text, delimiter)", "The parts between delimiters, from the last to the first.", splitRev, text, textual),
		def("split_rev(text, delimiter, count)", "The parts between delimiters from the end, at most `count`.", splitRev, text, textual, integer),
	)
}

// pieces collects the parts of a text.
type pieces struct {
	c *native.Call
	e []value.Value
}

// newPieces bills the split of the receiver into n parts.
func newPieces(c *native.Call, n int) (*pieces, error) {
	if err := c.Env.Charge(n + len(c.Recv.Str())/bytesPerOp); err != nil {
		return nil, err
	}
	e, err := newElems(c, n)
	return &pieces{c: c, e: e}, err
}

func (p *pieces) add(s string) error {
	v, err := copyText(p.c, s)
	p.e = append(p.e, v)
	return err
}

func (p *pieces) done() error { return p.c.Return(p.c.Heap.NewArray(p.e)) }

// whole returns the receiver as an array's only element.
func whole(c *native.Call) error {
	p, err := newPieces(c, 1)
	if err != nil {
		return err
	}
	p.e = append(p.e, c.Recv.Share())
	return p.done()
}

func splitWords(c *native.Call) error {
	s := c.Recv.Str()
	if s == "" {
		return whole(c)
	}
	if err := c.Env.Charge(1 + len(s)/bytesPerOp); err != nil {
		return err
	}
	n, inside := 0, false
	for _, r := range s {
		space := unicode.IsSpace(r)
		if !space && !inside {
			n++
		}
		inside = !space
	}
	p, err := newPieces(c, n)
	if err != nil {
		return err
	}
	for word := range strings.FieldsSeq(s) {
		if err := p.add(word); err != nil {
			return err
		}
	}
	return p.done()
}

// splitAt counts from the end when the position is not positive, so that 0 is
// the end.
func splitAt(c *native.Call) error {
	s, i := c.Recv.Text(), c.Rest[0].Int()
	p, err := newPieces(c, 2)
	if err != nil {
		return err
	}
	n := int64(s.Len())
	if i <= 0 {
		i = max(i+n, 0)
	}
	at := byteAt(s, int(min(i, n)))
	if err := p.add(s.S[:at]); err != nil {
		return err
	}
	if err := p.add(s.S[at:]); err != nil {
		return err
	}
	return p.done()
}

// splitArgs is the delimiter and the largest number of parts.
func splitArgs(c *native.Call, buf *char1) (delim string, most int) {
	most = math.MaxInt
	if len(c.Rest) > 1 {
		most = int(c.Rest[1].Int())
	}
	return textOf(c.Rest[0], buf), most
}

// countParts is the number of parts, at most `most`; 1 means that the text is
// not split. It bills the search.
func countParts(c *native.Call, s, delim string, most int) (int, error) {
	if err := c.Env.Charge(1 + len(s)/bytesPerOp); err != nil {
		return 0, err
	}
	if s == "" || most <= 1 {
		return 1, nil
	}
	// An empty delimiter is found around every character.
	return min(strings.Count(s, delim)+1, most), nil
}

func split(c *native.Call) error {
	var buf char1
	s := c.Recv.Str()
	delim, most := splitArgs(c, &buf)
	n, err := countParts(c, s, delim, most)
	if err != nil {
		return err
	}
	if n == 1 {
		return whole(c)
	}
	p, err := newPieces(c, n)
	if err != nil {
		return err
	}
	if delim == "" {
		// The first cut is before the first character.
		if err := p.add(""); err != nil {
			return err
		}
	}
	for len(p.e) < n-1 {
		at, width := strings.Index(s, delim), len(delim)
		if delim == "" {
			_, at = utf8.DecodeRuneInString(s)
		}
		if err := p.add(s[:at]); err != nil {
			return err
		}
		s = s[at+width:]
	}
	if err := p.add(s); err != nil {
		return err
	}
	return p.done()
}

func splitRev(c *native.Call) error {
	var buf char1
	s := c.Recv.Str()
	delim, most := splitArgs(c, &buf)
	n, err := countParts(c, s, delim, most)
	if err != nil {
		return err
	}
	if n == 1 {
		return whole(c)
	}
	p, err := newPieces(c, n)
	if err != nil {
		return err
	}
	if delim == "" {
		if err := p.add(""); err != nil {
			return err
		}
	}
	for len(p.e) < n-1 {
		at, width := strings.LastIndex(s, delim), len(delim)
		if delim == "" {
			_, width = utf8.DecodeLastRuneInString(s)
			at = len(s) - width
			if err := p.add(s[at:]); err != nil {
				return err
			}
			s = s[:at]
			continue
		}
		if err := p.add(s[at+width:]); err != nil {
			return err
		}
		s = s[:at]
	}
	if err := p.add(s); err != nil {
		return err
	}
	return p.done()
}
