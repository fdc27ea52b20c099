// Package httpd is a small HTTP/1.1 server for one kind of work: short
// requests that a program in memory answers at once, behind a proxy that
// speaks TLS and HTTP/2 or in the open. It calls an [http.Handler], so that
// net/http's own server can take its place, and does less than that one:
// nothing is hijacked, upgraded, pushed or sniffed.
//
// # What it is strict about
//
// Two programs that disagree about where a request ends are how requests are
// smuggled. So a message has one reading here or is refused (RFC 9112), and the
// connection ends with the refusal:
//
//   - Lines end in CRLF. A bare LF or CR, a zero byte, or another control
//     character in a line is 400.
//   - There is one space on each side of the target, none before a colon, no
//     continued (folded) line, and nothing before the request line.
//   - At most one Content-Length, of digits only; never one beside a
//     Transfer-Encoding. The one coding known is "chunked", named once (others
//     are 501), and not in HTTP/1.0.
//   - Chunk sizes are hexadecimal digits alone, with extensions that are skipped
//     within a bound; trailers are checked as headers are, and dropped.
//   - HTTP/1.1 names exactly one Host. An absolute target's host comes before it.
//
// # What it bounds
//
// Head, fields, chunk lines and trailers by number and size (431), connections
// by number (503), and how long a client may take: for the head as a whole,
// between requests, and for taking what is sent. How long a body may take is
// the handler's to say, by [http.ResponseController].
//
// # How it is fast
//
// A goroutine serves a connection. A request is read into the connection's
// buffer; its head becomes one string that everything else is a part of, in a
// request, header map and response that the connection uses again. An answer
// leaves in one write. Deadlines are moved only when they are seconds off.
// Nobody watches for a client that goes away until somebody asks by the
// context's Done, or has asked its Err for some milliseconds.
//
// So a handler must not use the request, its header, its context or the
// response after it has returned. The strings of the request stay valid.
package httpd
