//go:build !race

package socket

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// mostQuickly is how many bytes are read or written in a call that the
// scheduler does not know of: more would take longer than a collection of
// garbage, which waits for it, should.
const mostQuickly = 64 << 10

// source is what a connection that is a socket of the system has.
type source interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// Quick makes a connection whose small reads and writes are quick; one that is
// no socket stays as it is. Everything else is that of c. At a time there may be one
// reader and one writer.
func Quick(c net.Conn) net.Conn {
	s, ok := c.(source)
	if !ok {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c
	}
	q := &quick{source: s, raw: raw}
	q.read, q.write = q.in.read, q.out.write
	return q
}

// quick is a connection as Quick makes them.
type quick struct {
	source
	raw         syscall.RawConn
	in, out     transfer
	read, write func(fd uintptr) bool // methods of in and out: a method value is an allocation
}

// Read implements net.Conn.
func (q *quick) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := &q.in
	t.begin(p[:min(len(p), mostQuickly)])
	err := q.raw.Read(q.read)
	switch n, failure := t.end("read", err); {
	case failure != nil:
		return n, failure
	case n == 0:
		return 0, io.EOF
	default:
		return n, nil
	}
}

// Write implements net.Conn.
func (q *quick) Write(p []byte) (int, error) {
	if len(p) == 0 || len(p) > mostQuickly {
		return q.source.Write(p)
	}
	q.out.begin(p)
	err := q.raw.Write(q.write)
	return q.out.end("write", err)
}

// transfer is a read or a write on its way.
type transfer struct {
	p     []byte
	n     int // of them
	errno syscall.Errno
}

func (t *transfer) begin(p []byte) { *t = transfer{p: p} }

// end is how it went; err is why the socket could not be used or waited for.
func (t *transfer) end(call string, err error) (int, error) {
	t.p = nil
	if err == nil && t.errno != 0 {
		err = os.NewSyscallError(call, t.errno)
	}
	return t.n, err
}

// read reads once; false means that nothing is there yet.
func (t *transfer) read(fd uintptr) bool {
	for {
		n, errno := call(syscall.SYS_READ, fd, t.p)
		switch errno {
		case 0:
			t.n = n
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		default:
			t.errno = errno
		}
		return true
	}
}

// write writes until all is written; false means that there is no room for the
// rest yet.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.p) {
		n, errno := call(syscall.SYS_WRITE, fd, t.p[t.n:])
		switch errno {
		case 0:
			t.n += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.errno = errno
			return true
		}
	}
	return true
}

// call reads or writes, behind the scheduler's back.
func call(number, fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}
