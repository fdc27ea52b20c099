package hostapi

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// The content types of responses whose script names none.
const (
	typeText  = "text/plain; charset=utf-8"
	typeHTML  = "text/html; charset=utf-8"
	typeJSON  = "application/json"
	typeBytes = "application/octet-stream"
)

// answer is a response while a script makes it. Its methods change it and
// return it, so that calls can be chained or not.
type answer struct {
	status  int
	header  http.Header
	written int // fields and bytes in header so far
	bytes   int
	body    []byte
	stream  *picloud.TopicStream // what goes on in place of a body; nil for nothing
}

// addResponses registers the constructors of responses and their methods.
func addResponses(m *rhai.Module) {
	m.Func("response", params(rhai.IntType), func(c *rhai.Call) error { return respond(c, number(c, 0), "", nil) }, "a response without a body")
	m.Func("response", params(rhai.IntType, rhai.AnyType), func(c *rhai.Call) error {
		kind, body, err := bodyOf(c, c.Arg(1))
		if err != nil {
			return err
		}
		return respond(c, number(c, 0), kind, body)
	}, "a response with a status and a body, which is read as a returned value is")
	for _, with := range []bool{false, true} {
		for _, t := range params(plain(), fieldsType, formType) {
			m.Func("json", withStatus(t, with), respondJSON, "a JSON response, also for a string")
		}
		m.Func("text", withStatus(plain(), with), func(c *rhai.Call) error { return respondText(c, typeText) }, "a text response")
		m.Func("html", withStatus(plain(), with), func(c *rhai.Call) error { return respondText(c, typeHTML) }, "an HTML response")
		m.Func("redirect", withStatus(rhai.StringType, with), redirect, "a redirect, by default with status 303")
	}
	m.Func("status", params(responseType, rhai.IntType), func(c *rhai.Call) error {
		if err := receiver[*answer](c).setStatus(c, number(c, 1)); err != nil {
			return err
		}
		return c.Return(c.Arg(0))
	}, "sets the status")
	m.Getter(responseType, "status", func(c *rhai.Call) error { return c.Return(rhai.Int(int64(receiver[*answer](c).status))) })
	m.Func("header", params(responseType, rhai.StringType, rhai.AnyType), func(c *rhai.Call) error {
		value, err := c.Text(c.Arg(2))
		if err != nil {
			return err
		}
		if err := receiver[*answer](c).add(c, text(c, 1), value); err != nil {
			return err
		}
		return c.Return(c.Arg(0))
	}, "adds a header; several of one name keep their order")
	addCookie(m)
}

// withStatus is the parameters of a constructor, with or without a status.
func withStatus(first rhai.Type, with bool) []rhai.Type {
	if with {
		return params(first, rhai.IntType)
	}
	return params(first)
}

// statusArg is the status that a constructor was given as its second argument.
func statusArg(c *rhai.Call, otherwise int64) int64 {
	if c.N() > 1 {
		return number(c, 1)
	}
	return otherwise
}

// plain is a parameter that takes whatever is no host value. Without it
// json(x) would stand in the way of req.json().
func plain() rhai.Type {
	t := rhai.UnitType
	for _, u := range params(rhai.BoolType, rhai.NumberType, rhai.CharType, rhai.StringType, rhai.ArrayType, rhai.BlobType, rhai.MapType, rhai.FnType) {
		t = t.Or(u)
	}
	return t
}

// respond returns a new response.
func respond(c *rhai.Call, status int64, contentType string, body []byte) error {
	a := &answer{header: http.Header{}, body: body}
	if err := a.setStatus(c, status); err != nil {
		return err
	}
	if contentType != "" {
		a.header["Content-Type"] = []string{contentType}
	}
	return returnAnswer(c, a)
}

func returnAnswer(c *rhai.Call, a *answer) error {
	v, err := c.Object(responseType, a, objectSize+len(a.body))
	if err != nil {
		return err
	}
	return c.Return(v)
}

func respondJSON(c *rhai.Call) error {
	body, err := encode(c, c.Arg(0))
	if err != nil {
		return err
	}
	return respond(c, statusArg(c, http.StatusOK), typeJSON, body)
}

func respondText(c *rhai.Call, contentType string) error {
	s, err := c.Text(c.Arg(0))
	if err != nil {
		return err
	}
	if err := work(c, 0, len(s)); err != nil {
		return err
	}
	return respond(c, statusArg(c, http.StatusOK), contentType, []byte(s))
}

// redirect answers with 303 unless told otherwise: whatever the method was,
// the client gets the new place.
func redirect(c *rhai.Call) error {
	status := statusArg(c, http.StatusSeeOther)
	if status < 300 || status > 399 || status == http.StatusNotModified {
		return c.Fail("%d is not the status of a redirect (301, 302, 303, 307, 308)", status)
	}
	target := text(c, 0)
	if err := work(c, len(target), 3*len(target)); err != nil {
		return err
	}
	if u, err := url.Parse(target); err != nil || target == "" || strings.EqualFold(u.Scheme, "javascript") {
		return c.Fail("%q is not a URL to redirect to", clip(target))
	}
	a := &answer{status: int(status), header: http.Header{}}
	if err := a.add(c, "Location", asciiURL(target)); err != nil {
		return err
	}
	return returnAnswer(c, a)
}

// asciiURL escapes what a Location cannot hold and leaves the rest alone.
func asciiURL(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func (a *answer) setStatus(c *rhai.Call, status int64) error {
	if status < 200 || status > 599 {
		return c.Fail("%d is not the status of a response (200 to 599)", status)
	}
	a.status = int(status)
	return nil
}

// add puts a header in. A Content-Type replaces the one before it: a response
// has one.
func (a *answer) add(c *rhai.Call, name, value string) error {
	if err := work(c, len(name), len(value)); err != nil {
		return err
	}
	if why := picloud.RefuseHeader(name, value); why != "" {
		return c.Fail("the header %q cannot be set: %s", clip(name), why)
	}
	a.written++
	a.bytes += len(name) + len(value)
	if a.written > picloud.MaxHeaderFields || a.bytes > picloud.MaxHeaderBytes {
		return c.Fail("the response has too many headers: at most %d with %d bytes are allowed", picloud.MaxHeaderFields, picloud.MaxHeaderBytes)
	}
	name = http.CanonicalHeaderKey(name)
	if name == "Content-Type" || name == "Location" {
		a.header[name] = []string{value}
		return nil
	}
	a.header[name] = append(a.header[name], value)
	return nil
}

// bodyOf is a value as a body and its content type: "" for no body.
func bodyOf(c *rhai.Call, v rhai.Value) (contentType string, body []byte, err error) {
	switch v.Kind() {
	case rhai.UnitKind:
		return "", nil, nil
	case rhai.StringKind, rhai.BlobKind:
		s, isText := v.AsString()
		b, _ := v.AsBytes()
		if err := work(c, 0, len(s)+len(b)); err != nil {
			return "", nil, err
		}
		if isText {
			return typeText, []byte(s), nil
		}
		return typeBytes, bytes.Clone(b), nil
	}
	body, err = encode(c, v)
	return typeJSON, body, err
}
