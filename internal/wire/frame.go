package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// kind says what a frame is.
type kind byte

// The kinds. Those up to kindPing go to the executor.
const (
	kindHello kind = iota + 1 // both ways
	kindRun
	kindCancel
	kindAnswer
	kindPing
	kindOutcome
	kindCall
	kindPong
)

const (
	headSize = 13
	// bufferSize is what is read at once. A payload that fits is used where
	// it is; a larger one gets memory of its own, as it arrives.
	bufferSize = 64 << 10

	// What frames may have at most. Those of outcomes depend on their run.
	maxHello  = 64 << 10
	maxRun    = 72 << 20 // a body of 64 MiB, and a header, parameters and environment
	maxCall   = 9 << 20  // what is sent to the outside: MaxCallBytes, an address and a header
	maxAnswer = 72 << 20 // what comes from there: up to the ceiling of OutboundBytes, and a header
)

// errProtocol is in every error that means that the other side broke a rule.
var errProtocol = errors.New("the other side broke the protocol")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

// head is the head of a frame.
type head struct {
	size int
	kind kind
	id   uint64
}

// openFrame begins a frame at the end of b; closeFrame ends it. What is
// appended in between is its payload.
func openFrame(b []byte, k kind, id uint64) []byte {
	b = append(b, 0, 0, 0, 0, byte(k))
	return binary.LittleEndian.AppendUint64(b, id)
}

// closeFrame enters the length of the frame that begins at start.
func closeFrame(b []byte, start int) []byte {
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-headSize))
	return b
}

// reader reads frames.
type reader struct {
	r     io.Reader
	buf   []byte
	start int // what is in the buffer and not yet used
	end   int
}

func newReader(r io.Reader) *reader { return &reader{r: r, buf: make([]byte, bufferSize)} }

// head reads the head of the next frame. payload or skip must follow. At the
// end of the stream the error is io.EOF.
func (r *reader) head() (head, error) {
	if err := r.fill(headSize); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) && r.end == r.start {
			err = io.EOF
		}
		return head{}, err
	}
	b := r.buf[r.start:]
	r.start += headSize
	return head{
		size: int(binary.LittleEndian.Uint32(b)), kind: kind(b[4]), id: binary.LittleEndian.Uint64(b[5:]),
	}, nil
}

// payload reads the payload of a frame, of at most so many bytes. It is valid
// until the next call of head, unless owned is set: then it is the caller's.
func (r *reader) payload(h head, most int) (b []byte, owned bool, err error) {
	if h.size < 0 || h.size > most { // on 32 bits a length may be negative
		return nil, false, broken("a frame of kind %d has %d bytes, at most %d are allowed", h.kind, uint32(h.size), most)
	}
	if h.size > len(r.buf) {
		b, err = r.large(h.size)
		return b, true, err
	}
	if err := r.fill(h.size); err != nil {
		return nil, false, err
	}
	b = r.buf[r.start : r.start+h.size : r.start+h.size]
	r.start += h.size
	return b, false, nil
}

// skip reads over the payload of a frame that nobody waits for.
func (r *reader) skip(h head, most int) error {
	if h.size < 0 || h.size > most {
		return broken("a frame of kind %d has %d bytes, at most %d are allowed", h.kind, uint32(h.size), most)
	}
	for left := h.size; left > 0; {
		n := min(left, len(r.buf))
		if err := r.fill(n); err != nil {
			return err
		}
		r.start += n
		left -= n
	}
	return nil
}

// fill sees to it that n bytes, which fit, are in the buffer.
func (r *reader) fill(n int) error {
	if r.end-r.start >= n {
		return nil
	}
	if len(r.buf)-r.start < n {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	got, err := io.ReadAtLeast(r.r, r.buf[r.end:], n-(r.end-r.start))
	r.end += got
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// large reads n bytes, which do not fit in the buffer, into memory that grows
// with what has arrived: a length alone makes nobody allocate.
func (r *reader) large(n int) ([]byte, error) {
	b := append(make([]byte, 0, min(n, 4*bufferSize)), r.buf[r.start:r.end]...)
	r.start, r.end = 0, 0
	for len(b) < n {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(n, 2*cap(b)))
			copy(grown, b)
			b = grown
		}
		got, err := r.r.Read(b[len(b):min(n, cap(b))])
		b = b[:len(b)+got]
		if err != nil && len(b) < n {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b, nil
}
