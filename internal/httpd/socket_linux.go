//go:build !race

package httpd

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// socket is a connection's socket. Its system calls never wait, for Go has
// made it non-blocking: so they are made without telling the scheduler, which
// would take the processor away from a goroutine whose call lasts some 20 µs,
// as one that wakes the client up does, and wake another thread for it. That is
// worth a tenth of a small request.
//
// A socket has one reader and one writer at a time.
type socket struct {
	net.Conn
	raw         syscall.RawConn
	in, out     transfer
	read, write func(fd uintptr) bool // methods of in and out: a method value is an allocation
}

// transfer is one reading or writing.
type transfer struct {
	p     []byte
	n     int
	errno syscall.Errno
}

// maxQuickly is how much is written in a call that the scheduler does not know
// of: more takes longer than others should wait for a collection of garbage.
const maxQuickly = 64 << 10

// newSocket makes a socket of a connection that is one; others stay as they are.
func newSocket(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	s := &socket{Conn: c, raw: raw}
	s.read, s.write = s.in.read, s.out.write
	return s
}

// CloseWrite is that of a TCP connection.
func (s *socket) CloseWrite() error { return s.Conn.(*net.TCPConn).CloseWrite() }

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in = transfer{p: p[:min(len(p), maxQuickly)]}
	err := s.raw.Read(s.read)
	s.in.p = nil
	switch {
	case err != nil:
		return 0, err
	case s.in.errno != 0:
		return 0, os.NewSyscallError("read", s.in.errno)
	case s.in.n == 0:
		return 0, io.EOF
	}
	return s.in.n, nil
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	if len(p) == 0 || len(p) > maxQuickly {
		return s.Conn.Write(p)
	}
	s.out = transfer{p: p}
	err := s.raw.Write(s.write)
	s.out.p = nil
	switch {
	case err != nil:
		return s.out.n, err
	case s.out.errno != 0:
		return s.out.n, os.NewSyscallError("write", s.out.errno)
	}
	return s.out.n, nil
}

// read reads once; false means that nothing is there yet.
func (t *transfer) read(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)))
		switch errno {
		case 0:
			t.n = int(n)
			return true
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		}
		t.errno = errno
		return true
	}
}

// write writes until all is written; false means that there is no room for the
// rest yet.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.p) {
		rest := t.p[t.n:]
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(rest))), uintptr(len(rest)))
		switch errno {
		case 0:
			t.n += int(n)
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
