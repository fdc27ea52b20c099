package httpd

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Bounds of what frames a chunked body.
const (
	maxChunkLine = 256     // a size with its extensions
	maxTrailers  = 8 << 10 // bytes
	// A body in chunks of a byte is mostly framing: more framing than this,
	// besides a share of the data, is an attack on our time.
	maxChunkOverhead = 16 << 10
)

// body is a request's body. Its reader is the handler.
type body struct {
	c       *conn
	chunked bool
	left    int64 // of the body, or of the chunk
	started bool  // a chunk has been read before
	done    bool  // all of it was read
	err     error // what every later Read says
	framing int64 // bytes of chunk lines, less a share of the data
}

var errBodyClosed = errors.New("http: the body is closed")

// begin prepares for the body that a head announces.
func (b *body) begin(c *conn, h *head) {
	*b = body{c: c, chunked: h.chunked, left: max(h.length, 0), done: !h.chunked && h.length == 0}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.done {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.read(p)
	if err != nil {
		b.err = err
	}
	if b.done {
		b.c.watch.bodyDone()
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	if err := b.c.confirm(); err != nil {
		return 0, err
	}
	if b.chunked && b.left == 0 {
		if err := b.nextChunk(); err != nil || b.done {
			return 0, orEOF(err)
		}
	}
	n, err := b.c.read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.framing = max(0, b.framing-int64(n)/4)
	switch {
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	case err != nil:
		return n, err
	case b.left == 0 && !b.chunked:
		b.done = true
		return n, io.EOF
	}
	return n, nil
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// Close implements io.Closer. What is left is the connection's business.
func (b *body) Close() error {
	if b.err == nil && !b.done {
		b.err = errBodyClosed
	}
	return nil
}

// nextChunk reads the line before a chunk's data, and after the last chunk the
// trailers.
func (b *body) nextChunk() error {
	if b.started {
		line, err := b.c.line(0)
		if err != nil {
			return err
		}
		if len(line) != 0 {
			return malformed("a chunk is longer than its size")
		}
	}
	b.started = true
	line, err := b.c.line(maxChunkLine)
	if err != nil {
		return err
	}
	if b.framing += int64(len(line)) + 4; b.framing > maxChunkOverhead {
		return malformed("the chunks are too small")
	}
	if b.left, err = chunkSize(line); err != nil {
		return err
	}
	if b.left > 0 {
		return nil
	}
	if err := b.trailers(); err != nil {
		return err
	}
	b.done = true
	return nil
}

// trailers reads the fields after the last chunk. Nobody here wants them.
func (b *body) trailers() error {
	for total := 0; ; {
		line, err := b.c.line(maxTrailers)
		if err != nil || len(line) == 0 {
			return err
		}
		if total += len(line); total > maxTrailers {
			return &refusal{http.StatusRequestHeaderFieldsTooLarge, "the trailers are too large"}
		}
		// The line's own CRLF follows it in the buffer.
		if _, bad := field(line[:len(line)+2], 0); bad != nil {
			return bad
		}
	}
}

// chunkSize reads hexadecimal digits, which an extension may follow.
func chunkSize(line []byte) (int64, error) {
	digits, extension, extended := bytes.Cut(line, []byte(";"))
	if extended {
		digits = bytes.TrimRight(digits, " \t")
	}
	for _, c := range extension {
		if !valueByte[c] {
			return 0, malformed("a chunk's extension holds a control character")
		}
	}
	if len(digits) == 0 || len(digits) > 15 {
		return 0, malformed("a chunk's size is not a number")
	}
	var n int64
	for _, c := range digits {
		d := unhex(c)
		if d < 0 {
			return 0, malformed("a chunk's size is not a number")
		}
		n = n<<4 | int64(d)
	}
	return n, nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
