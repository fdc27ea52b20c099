package httpd

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxBuffered is how much of an answer waits for the handler to end before it
// leaves as chunks. What a handler writes in one piece with its Content-Length
// leaves at once, whatever its size.
const maxBuffered = 4 << 10

// response is the answer to one request.
type response struct {
	c           *conn
	header      http.Header
	status      int     // 0 until WriteHeader
	out         []byte  // what waits to be sent: head and body, or a part of the body
	room        *[]byte // where out is from, to be given back
	length      int64   // as the handler announced it; -1
	written     int64
	sent        bool // the head has left
	chunks      bool
	close       bool // the connection ends with this answer
	ownDeadline bool // the handler has set one for writing
	err         error
}

func (w *response) begin() {
	*w = response{c: w.c, header: w.header, length: -1, close: w.c.request.Close}
	w.room = buffers.Get().(*[]byte)
	w.out = (*w.room)[:0]
}

// buffers are where answers are put together.
var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 2*maxBuffered)) }}

func (w *response) release() {
	if len(w.header) > 32 {
		w.header = make(http.Header, 8)
	} else {
		clear(w.header)
	}
	if w.room != nil {
		*w.room = w.out[:0]
		if cap(w.out) <= 4*maxBuffered {
			buffers.Put(w.room)
		}
		w.room, w.out = nil, nil
	}
}

// Header implements http.ResponseWriter. Its values are not changed or kept.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. Informational statuses are not
// sent.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	if v := w.header["Content-Length"]; len(v) > 0 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			w.length = n
		}
	}
	for _, v := range w.header["Connection"] {
		w.close = w.close || strings.EqualFold(v, "close")
	}
}

// bodyless reports whether HTTP gives the answer no body.
func (w *response) bodyless() bool {
	return w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case w.bodyless():
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	if w.c.request.Method == http.MethodHead {
		return len(p), nil
	}
	if len(w.out)+len(p) <= maxBuffered {
		w.out = append(w.out, p...)
		return len(p), nil
	}
	if w.err = w.through(p); w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// through sends what waits and then p.
func (w *response) through(p []byte) error {
	waiting := w.out
	if !w.sent {
		head := w.appendHead(make([]byte, 0, 512), w.length < 0)
		if !w.chunks {
			w.out = w.out[:0]
			return w.c.send(head, waiting, p)
		}
		if err := w.c.send(head); err != nil {
			return err
		}
	}
	w.out = w.out[:0]
	if !w.chunks {
		return w.c.send(waiting, p)
	}
	if len(waiting)+len(p) == 0 {
		return nil
	}
	size := strconv.AppendInt(nil, int64(len(waiting)+len(p)), 16)
	return w.c.send(append(size, "\r\n"...), waiting, p, []byte("\r\n"))
}

// FlushError sends what has been written, for http.ResponseController.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.err == nil && (!w.sent || len(w.out) > 0) {
		w.err = w.through(nil)
	}
	return w.err
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// SetReadDeadline is for http.ResponseController: it bounds the reading of the
// body, until the request is over.
func (w *response) SetReadDeadline(t time.Time) error {
	w.c.bodyBy = t
	return nil
}

// SetWriteDeadline is for http.ResponseController. A zero time means the
// server's own bound again.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.ownDeadline = !t.IsZero()
	w.c.writeBy = t
	return w.c.net.SetWriteDeadline(t)
}

// finish sends the rest.
func (w *response) finish() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.err != nil {
		return w.err
	}
	if w.ownDeadline {
		_ = w.SetWriteDeadline(time.Time{})
	}
	if w.sent {
		return w.finishSent()
	}
	if w.length < 0 && !w.bodyless() {
		w.length = w.written
	} else if w.length > w.written && !w.bodyless() && w.c.request.Method != http.MethodHead {
		return errShort
	}
	// The head goes before the body that is there already: one copy of at most
	// a buffer, and one write.
	body := len(w.out)
	w.out = w.appendHead(w.out, false)
	head := w.out[body:]
	if body == 0 {
		return w.c.send(head)
	}
	w.out = append(w.out, w.out[:body]...)
	return w.c.send(w.out[body:])
}

var errShort = errors.New("http: the handler wrote less than its Content-Length")

func (w *response) finishSent() error {
	switch {
	case w.chunks:
		if err := w.through(nil); err != nil {
			return err
		}
		return w.c.send([]byte("0\r\n\r\n"))
	case w.length >= 0 && w.written < w.length && w.c.request.Method != http.MethodHead:
		return errShort
	}
	if len(w.out) == 0 {
		return nil
	}
	return w.c.send(w.out)
}

// appendHead writes the head. Of an answer without a length the body follows
// in chunks, or until the connection ends.
func (w *response) appendHead(b []byte, unsized bool) []byte {
	w.sent = true
	w.close = w.close || w.c.s.stopping.Load()
	h := w.header
	b = appendStatus(b, w.status)
	for name, values := range h {
		if name == "Content-Length" || name == "Connection" || name == "Transfer-Encoding" || name == "Date" || !isToken(name) {
			continue
		}
		for _, v := range values {
			b = append(append(append(b, name...), ": "...), clean(v)...)
			b = append(b, "\r\n"...)
		}
	}
	b = append(b, "Date: "...)
	b = append(append(b, w.c.s.date()...), "\r\n"...)
	switch {
	case w.status == http.StatusNoContent:
	case unsized && !w.bodyless():
		b = w.appendUnsized(b)
	case w.length >= 0:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, w.length, 10), "\r\n"...)
	}
	switch {
	case w.close:
		b = append(b, "Connection: close\r\n"...)
	case w.c.request.ProtoMinor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

func (w *response) appendUnsized(b []byte) []byte {
	if w.c.request.ProtoMinor == 0 {
		w.close = true
		return b
	}
	if w.c.request.Method != http.MethodHead {
		w.chunks = true
	}
	return append(b, "Transfer-Encoding: chunked\r\n"...)
}

func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = append(strconv.AppendInt(b, int64(status), 10), ' ')
	return append(append(b, http.StatusText(status)...), "\r\n"...)
}

// clean is a value as a line can hold it: what would end the line becomes a
// space.
func clean(v string) string {
	if strings.IndexByte(v, '\n') < 0 && strings.IndexByte(v, '\r') < 0 && strings.IndexByte(v, 0) < 0 {
		return v
	}
	return strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(v)
}

// refuse answers a request that could not be read. Nothing follows it.
func (w *response) refuse(bad *refusal) {
	text := bad.why + "\n"
	b := appendStatus(nil, bad.status)
	b = append(b, "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nDate: "...)
	b = append(append(b, w.c.s.date()...), "\r\nContent-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(text)), 10), "\r\n\r\n"...)
	_ = w.c.send(append(b, text...))
}

var (
	_ http.ResponseWriter = (*response)(nil)
	_ http.Flusher        = (*response)(nil)
	_ io.Reader           = (*body)(nil)
)
