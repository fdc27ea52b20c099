//go:build !linux || race

package socket

import "net"

// Quick leaves a connection as it is. With the race detector too: that one
// knows by the system calls of package syscall what came before what.
func Quick(c net.Conn) net.Conn { return c }
