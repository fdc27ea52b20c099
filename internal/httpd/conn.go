package httpd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/socket"
)

const (
	// firstBuffer holds the head of most requests, and a small body too.
	firstBuffer = 4 << 10
	// slack is how far a deadline may be off before it is moved: moving one
	// costs as much as a small request.
	slack = 5 * time.Second
	// drainBytes and drainTime bound what is read of a body that the handler
	// left, so that the connection can be used again or the client sees the
	// answer.
	drainBytes = 256 << 10
	drainTime  = time.Second
)

// The states of a connection.
const (
	idle   = iota // between requests: a shutdown closes it
	active        // a request has come: a shutdown waits for it
	closed        // by a shutdown
)

// conn is a connection with what it uses again for each request. All of it
// belongs to the connection's goroutine, but for state and what watch guards.
type conn struct {
	s     *Server
	net   net.Conn
	whole net.Conn // the same for what leaves in several pieces with one call
	state atomic.Int32

	buf  []byte // of which buf[r:w] has been read and not yet used
	r, w int

	readBy, writeBy time.Time // the deadlines that are set; zero for none
	bodyBy          time.Time // the one that the handler wants for the body
	awaited         bool      // the client waits for 100 before it sends the body

	head    head
	values  []string
	blank   *http.Request // what every request starts from
	request http.Request
	header  http.Header
	body    body
	watch   watch
	answer  response
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, net: socket.Quick(nc), whole: nc, buf: make([]byte, firstBuffer), header: make(http.Header, 16)}
	c.watch.c = c
	c.answer.c = c
	c.answer.header = make(http.Header, 8)
	c.blank = &http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, RemoteAddr: nc.RemoteAddr().String()}
	return c
}

// serve serves requests until the connection is to end, and ends it.
func (c *conn) serve() {
	defer c.net.Close()
	for c.one() {
	}
}

// one serves a request, and reports whether another may follow.
func (c *conn) one() bool {
	size, err := c.readHead()
	if err != nil {
		c.refuse(err)
		return false
	}
	if !c.state.CompareAndSwap(idle, active) {
		return false
	}
	if err := c.parse(size); err != nil {
		c.refuse(err)
		return false
	}
	ok := c.handle() && c.finish()
	c.release()
	if !ok {
		c.linger()
		return false
	}
	c.state.Store(idle)
	return !c.s.stopping.Load()
}

// readHead reads until there is a whole head in the buffer, and returns its
// size. While nothing has come of it the connection is idle.
func (c *conn) readHead() (int, error) {
	looked := 0
	waitBy, began := time.Time{}, c.w > c.r
	if began {
		waitBy = time.Now().Add(c.s.HeaderTime)
	}
	for {
		size, bad := headEnd(c.buf[c.r:c.w], looked)
		if bad != nil {
			return 0, bad
		}
		if size > 0 && size <= c.s.MaxHead {
			return size, nil
		}
		if looked = c.w - c.r; looked > c.s.MaxHead || size > 0 {
			return 0, &refusal{http.StatusRequestHeaderFieldsTooLarge, "the head is too large"}
		}
		if waitBy.IsZero() && looked > 0 {
			waitBy = time.Now().Add(c.s.HeaderTime)
		}
		if err := c.awaitHead(waitBy); err != nil {
			return 0, err
		}
	}
}

// awaitHead reads more of a head; with a zero time none of it has come yet.
func (c *conn) awaitHead(by time.Time) error {
	if !by.IsZero() {
		c.setReadBy(by)
	} else if left := time.Until(c.readBy); left < c.s.IdleTime-slack || left > c.s.IdleTime {
		c.setReadBy(time.Now().Add(c.s.IdleTime))
	}
	return c.fill()
}

func (c *conn) setReadBy(t time.Time) {
	if !c.readBy.Equal(t) {
		c.readBy = t
		_ = c.net.SetReadDeadline(t)
	}
}

// fill reads once from the network into the buffer, making room for it.
func (c *conn) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
		if cap(c.buf) > 4*firstBuffer {
			c.buf = make([]byte, firstBuffer)
		}
	}
	if c.w == len(c.buf) {
		if c.r == 0 {
			c.buf = append(c.buf, make([]byte, len(c.buf))...)
		} else {
			c.w = copy(c.buf, c.buf[c.r:c.w])
			c.r = 0
		}
	}
	n, err := c.net.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	return err
}

// parse makes the request of a head.
func (c *conn) parse(size int) error {
	raw := c.buf[c.r : c.r+size]
	c.r += size
	values, bad := c.head.parse(raw, c.header, c.values)
	if c.values = values; bad != nil {
		return bad
	}
	h := &c.head
	if c.blank.URL == nil {
		*c.blank = *c.blank.WithContext(c.watch.fresh())
		c.blank.URL = c.s.noURL()
	}
	u := c.blank.URL
	if bad := parseTarget(h.method, h.target, u); bad != nil {
		return bad
	}
	c.body.begin(c, h)
	c.awaited, c.bodyBy = h.expect && !c.body.done, time.Time{}
	c.watch.begin(c.body.done)
	r := &c.request
	*r = *c.blank
	r.Method, r.RequestURI, r.Host, r.Header, r.URL = h.method, h.target, h.host, c.header, u
	r.ProtoMinor, r.ContentLength, r.Close = h.minor, h.length, !h.persistent()
	if u.Host != "" {
		r.Host = u.Host
	}
	if h.minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	if h.chunked {
		r.TransferEncoding = []string{"chunked"}
		delete(c.header, "Transfer-Encoding")
	}
	if r.Body = http.NoBody; !c.body.done {
		r.Body = &c.body
	}
	return nil
}

// handle has the request answered. It reports whether the connection can be
// used on.
func (c *conn) handle() (ok bool) {
	c.answer.begin()
	defer func() {
		c.watch.end()
		if v := recover(); v != nil {
			ok = false
			if v != http.ErrAbortHandler {
				c.s.Log.Error("a handler panicked", "panic", v, "stack", string(debug.Stack()))
			}
		}
	}()
	c.s.Handler.ServeHTTP(&c.answer, &c.request)
	return true
}

// finish sends what is left of the answer, and reads what is left of the
// request.
func (c *conn) finish() bool {
	again := c.body.done || c.drainable()
	if !again {
		c.answer.close = true
	}
	if err := c.answer.finish(); err != nil {
		return false
	}
	return !c.answer.close && (c.body.done || c.drain())
}

// drainable reports whether what is left of the body is worth reading: the
// client has begun to send it, and it may be short.
func (c *conn) drainable() bool {
	return !c.awaited && (c.body.err == nil || c.body.err == errBodyClosed) && c.body.left <= drainBytes
}

// drain reads what is left of the body.
func (c *conn) drain() bool {
	c.bodyBy = time.Now().Add(drainTime)
	c.body.err = nil
	n, err := io.Copy(io.Discard, io.LimitReader(&c.body, drainBytes+1))
	return err == nil && n <= drainBytes && c.body.done
}

// release lets go of the request.
func (c *conn) release() {
	clear(c.values)
	if len(c.header) > 32 {
		c.header = make(http.Header, 16)
	} else {
		clear(c.header)
	}
	c.answer.release()
}

// linger lets the client read the answer: closing while something of the
// client's is unread would throw away what it has not taken yet.
func (c *conn) linger() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || c.body.done && c.r == c.w || half.CloseWrite() != nil {
		return
	}
	_ = c.net.SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.Copy(io.Discard, io.LimitReader(c.net, drainBytes))
}

// refuse answers a request that cannot be read, when there is one.
func (c *conn) refuse(err error) {
	var bad *refusal
	switch {
	case errors.As(err, &bad):
	case errors.Is(err, os.ErrDeadlineExceeded) && c.w > c.r:
		bad = &refusal{http.StatusRequestTimeout, "the head took too long to arrive"}
	default:
		return // the client went away, or has nothing more to ask
	}
	c.body.done = false // there may be more of it
	c.answer.refuse(bad)
	c.linger()
}

// confirm sends the 100 that a client waits for, before its body is read.
func (c *conn) confirm() error {
	if !c.awaited {
		return nil
	}
	c.awaited = false
	if c.answer.sent {
		return nil // it has its answer already
	}
	return c.send([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}

// read reads a part of the body.
func (c *conn) read(p []byte) (int, error) {
	if c.r == c.w && len(p) >= firstBuffer {
		c.setReadBy(c.bodyBy)
		return c.net.Read(p)
	}
	if c.r == c.w {
		c.setReadBy(c.bodyBy)
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	return n, nil
}

// line reads a line of at most so many bytes, without its CRLF, which follows
// it in memory. It is valid until the next read.
func (c *conn) line(most int) ([]byte, error) {
	for looked := 0; ; {
		data := c.buf[c.r:c.w]
		if i := bytes.IndexByte(data[looked:], '\n'); i >= 0 {
			i += looked
			if i == 0 || data[i-1] != '\r' || i-1 > most {
				return nil, malformed("a line of a chunked body is not well-formed")
			}
			c.r += i + 1
			return data[:i-1], nil
		}
		if looked = len(data); looked > most+1 {
			return nil, malformed("a line of a chunked body is too long")
		}
		c.setReadBy(c.bodyBy)
		if err := c.fill(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// send writes to the network.
func (c *conn) send(data ...[]byte) error {
	if !c.answer.ownDeadline {
		if time.Until(c.writeBy) < c.s.WriteTime-slack {
			c.writeBy = time.Now().Add(c.s.WriteTime)
			_ = c.net.SetWriteDeadline(c.writeBy)
		}
	}
	if len(data) == 1 {
		_, err := c.net.Write(data[0])
		return err
	}
	list := net.Buffers(data)
	_, err := list.WriteTo(c.whole)
	return err
}
