package hostapi

import (
	"unicode/utf8"

	"github.com/picloud/picloud/rhai"
)

// bodyView is a body as scripts look at it.
type bodyView struct {
	raw    []byte
	text   string // the body, when isText
	isText bool
	looked bool // text and isText are known
}

// string is the body as a string; ok is false when it is not UTF-8.
func (b *bodyView) string() (s string, ok bool) {
	if !b.looked {
		b.looked = true
		if b.isText = utf8.Valid(b.raw); b.isText {
			b.text = string(b.raw)
		}
	}
	return b.text, b.isText
}

// natural is a string, or a blob when the body is not UTF-8.
func (b *bodyView) natural(c *rhai.Call) error {
	if err := work(c, 0, len(b.raw)); err != nil {
		return err
	}
	if s, ok := b.string(); ok {
		return returnText(c, s)
	}
	return returnBytes(c, b.raw)
}

func (b *bodyView) asBytes(c *rhai.Call) error {
	if err := work(c, 0, len(b.raw)); err != nil {
		return err
	}
	return returnBytes(c, b.raw)
}

func (b *bodyView) asText(c *rhai.Call) error {
	if err := work(c, len(b.raw), 3*len(b.raw)); err != nil {
		return err
	}
	if s, ok := b.string(); ok {
		return returnText(c, s)
	}
	return returnText(c, valid(string(b.raw)))
}
