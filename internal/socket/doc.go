// Package socket makes the system calls of small messages cheap.
//
// The sockets of Go are non-blocking: reading from one and writing to it never
// waits in the system. Still Go tells its scheduler of each such call, and one
// that lasts more than some 20 µs, as a write that wakes up its reader does,
// loses its processor: another thread is woken for it, and the thread that
// watches such calls never sleeps. [Quick] makes these calls without telling.
// Waiting for a socket to be ready, deadlines and closing are Go's as before.
package socket
