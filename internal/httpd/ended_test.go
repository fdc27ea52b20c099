package httpd

import (
	"io"
	"net"
	"time"
)

// ended is a connection on which nothing comes any more.
type ended struct{ net.Conn }

func (ended) Read([]byte) (int, error)         { return 0, io.EOF }
func (ended) Write(p []byte) (int, error)      { return len(p), nil }
func (ended) SetReadDeadline(time.Time) error  { return nil }
func (ended) SetWriteDeadline(time.Time) error { return nil }
