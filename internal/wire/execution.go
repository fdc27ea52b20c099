package wire

import (
	"bytes"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// maxRequestFields is above what a request's head of 64 KiB can hold.
	maxRequestFields = 32 << 10
	maxParams        = 1 << 10
	maxRunText       = 3<<20 + journalRoom // an environment, a header, the body of an event, and a journal
)

// appendExecution writes an execution and how long its caller will wait for
// it, 0 for as long as it takes. The body comes last, behind everything that
// is text.
func appendExecution(b []byte, x *picloud.Execution, wait time.Duration) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = appendInt(b, int64(wait))
	for _, s := range [...]string{x.ID, x.AppID, x.App, x.Script, x.Hash, string(x.Trigger)} {
		b = appendText(b, s)
	}
	b = appendInt(b, int64(x.Version))
	b = appendLimits(b, &x.Limits)
	b = appendStrings(b, x.Env)
	if b = appendBool(b, x.Event != nil); x.Event != nil {
		b = appendEvent(b, x.Event)
	}
	b = appendReplay(appendBool(b, x.KeepJournal), x.Replay)
	b = appendBool(b, x.Request != nil)
	var body []byte
	if q := x.Request; q != nil {
		b = appendRequest(b, q)
		body = q.Body
	}
	return appendBody(b, start, body)
}

func appendRequest(b []byte, q *picloud.Request) []byte {
	for _, s := range [...]string{q.Method, q.Scheme, q.Host, q.Path, q.RawQuery, q.IP} {
		b = appendText(b, s)
	}
	b = appendCount(b, len(q.Params))
	for _, p := range q.Params {
		b = appendText(appendText(b, p.Name), p.Value)
	}
	b = appendHeader(b, q.Header)
	b = appendCaller(b, q.Auth)
	return appendBool(b, q.Body != nil)
}

func appendCaller(b []byte, c *picloud.Caller) []byte {
	b = appendBool(b, c != nil)
	if c == nil {
		return b
	}
	for _, s := range [...]string{string(c.Kind), c.User, c.Key, c.Role} {
		b = appendText(b, s)
	}
	return b
}

func (d *decoder) caller() *picloud.Caller {
	if !d.bool() {
		return nil
	}
	return &picloud.Caller{Kind: picloud.PrincipalKind(d.text()), User: d.text(), Key: d.text(), Role: d.text()}
}

// decodeExecution reads an execution. It shares memory with b only if that is
// owned.
func decodeExecution(b []byte, owned bool) (x *picloud.Execution, wait time.Duration, err error) {
	text, body, err := splitBody(b, maxRunText)
	if err != nil {
		return nil, 0, err
	}
	d := &decoder{s: text}
	x = new(picloud.Execution)
	wait = time.Duration(d.int())
	for _, s := range [...]*string{&x.ID, &x.AppID, &x.App, &x.Script, &x.Hash} {
		*s = d.text()
	}
	x.Trigger = picloud.Trigger(d.text())
	x.Version = d.small()
	d.limits(&x.Limits)
	x.Env = d.strings(picloud.MaxEnvEntries)
	if d.bool() {
		x.Event = d.event()
	}
	x.KeepJournal, x.Replay = d.bool(), d.replay()
	if d.bool() {
		x.Request = d.request(body, owned)
	}
	return x, wait, d.done()
}

func (d *decoder) request(body []byte, owned bool) *picloud.Request {
	q := new(picloud.Request)
	for _, s := range [...]*string{&q.Method, &q.Scheme, &q.Host, &q.Path, &q.RawQuery, &q.IP} {
		*s = d.text()
	}
	n := d.count(2)
	if n > maxParams {
		d.fail("%d parameters", n)
		return nil
	}
	if n > 0 {
		q.Params = make([]picloud.Param, n)
	}
	for i := range q.Params {
		q.Params[i] = picloud.Param{Name: d.text(), Value: d.text()}
	}
	q.Header = d.header(maxRequestFields)
	q.Auth = d.caller()
	q.Body = d.body(body, owned)
	return q
}

// appendLimits writes all limits in their order.
func appendLimits(b []byte, l *picloud.Limits) []byte {
	for _, v := range limits(l) {
		b = appendInt(b, *v)
	}
	return b
}

func (d *decoder) limits(l *picloud.Limits) {
	for _, v := range limits(l) {
		*v = d.int()
	}
}

// limits lists the limits; a test sees to it that none is missing.
func limits(l *picloud.Limits) [17]*int64 {
	return [...]*int64{
		&l.WallTimeMS, &l.EventWallTimeMS, &l.Operations, &l.MemoryBytes, &l.CallDepth, &l.ExprDepth, &l.StringBytes,
		&l.ArrayItems, &l.MapEntries, &l.RequestBytes, &l.ResponseBytes, &l.LogBytes, &l.Concurrency, &l.Queue,
		&l.OutboundCalls, &l.OutboundBytes, &l.OutboundTimeMS,
	}
}

// appendBody ends a payload that began at start with four bytes for the length
// of its text, which is what has been appended since.
func appendBody(b []byte, start int, body []byte) []byte {
	n := len(b) - start - 4
	b[start], b[start+1], b[start+2], b[start+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	return append(b, body...)
}

// splitBody takes apart what appendBody has put together, with a text of at
// most so many bytes. The text is a copy.
func splitBody(b []byte, most int) (text string, body []byte, err error) {
	if len(b) < 4 {
		return "", nil, broken("a payload of %d bytes", len(b))
	}
	n := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
	if n > uint64(len(b)-4) || n > uint64(most) {
		return "", nil, broken("a text of %d bytes in %d", n, len(b)-4)
	}
	return string(b[4 : 4+n]), b[4+n:], nil
}

// body reads whether there is a body, and is that of splitBody.
func (d *decoder) body(body []byte, owned bool) []byte {
	switch {
	case !d.bool():
		if len(body) > 0 {
			d.fail("a body of %d bytes where there is none", len(body))
		}
		return nil
	case len(body) == 0:
		return []byte{}
	case owned:
		return body
	}
	return bytes.Clone(body)
}
