package hostapi

import (
	"math"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// hidden is a text with secrets in it, as scripts hold it: only its pieces are
// here, and not what the secrets are. It is put together by the host.
type hidden struct{ pieces picloud.Pieces }

// hiddenOf is the hidden text that a value is, or nil.
func hiddenOf(v rhai.Value) *hidden {
	h, _ := v.Object().(*hidden)
	return h
}

// plainSecret is the name of the secret that a value is, nothing added.
func plainSecret(v rhai.Value) (name string, ok bool) {
	h := hiddenOf(v)
	if h == nil || len(h.pieces) != 1 || h.pieces[0].As != picloud.AsIs || h.pieces[0].Secret == "" {
		return "", false
	}
	return h.pieces[0].Secret, true
}

// pieces is a text in parts: a string, a blob, or a text with secrets.
func pieces(c *rhai.Call, v rhai.Value) (picloud.Pieces, bool, error) {
	if h := hiddenOf(v); h != nil {
		return h.pieces, true, nil
	}
	if b, ok := v.AsBytes(); ok {
		return picloud.Plain(string(b)), true, work(c, len(b), len(b))
	}
	s, ok := v.AsString()
	if !ok {
		return nil, false, nil
	}
	if err := work(c, len(s), 0); err != nil {
		return nil, true, err
	}
	return picloud.Plain(s), true, noMark(c, s)
}

// noMark refuses text that holds what stands for a secret of this run: it was
// meant to be the secret itself.
func noMark(c *rhai.Call, s string) error {
	for _, name := range invocation(c).secrets {
		if strings.Contains(s, picloud.SecretMark(name)) {
			return c.Fail("this text holds %s and not the secret itself: join them with +, as in \"Bearer \" + s, and not within a string", picloud.SecretMark(name))
		}
	}
	return nil
}

// jsonPieces is a value as JSON, with secrets in it.
func jsonPieces(c *rhai.Call, v rhai.Value) (picloud.Pieces, error) {
	var cuts []cut
	e := encoder{max: math.MaxInt32, room: c.Room, charge: c.Charge, hide: &cuts}
	if err := e.value(v, 0); err != nil {
		return nil, err
	}
	text := string(e.buf)
	if err := noMark(c, text); err != nil {
		return nil, err
	}
	var list picloud.Pieces
	from := 0
	for _, at := range cuts {
		list = append(append(list, picloud.Plain(text[from:at.at])...), at.pieces...)
		from = at.at
	}
	return append(list, picloud.Plain(text[from:])...), nil
}

// cut is where in a JSON text a secret belongs.
type cut struct {
	at     int
	pieces picloud.Pieces
}

// secret writes a text with secrets: where that is allowed as a place to be
// filled, else not at all.
func (e *encoder) secret(h *hidden) error {
	if e.hide == nil {
		return errSecretJSON
	}
	name, ok := "", len(h.pieces) == 1 && h.pieces[0].As == picloud.AsIs
	if ok {
		name = h.pieces[0].Secret
	}
	if name == "" {
		return errSecretPart
	}
	*e.hide = append(*e.hide, cut{len(e.buf), picloud.Pieces{{Secret: name, As: picloud.AsJSON}}})
	return nil
}
