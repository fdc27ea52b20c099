// Package orchestrator is the public side of a node: it takes requests, finds
// the script that answers them, admits them, has them run, and writes down
// what happened.
//
// # The life of a request
//
// A request has an id (its own X-Request-Id if that is well-formed) and a path
// that is normalised once, before anything looks at it. The host leads to an
// app, method and path to a route by the rules of [http.ServeMux], the route to
// the version that is live: all of it in an immutable table in memory, which
// is swapped as a whole when the control plane changes. Then the request is
// admitted: the script is enabled, its body fits, and the script has a slot
// free, for which the request waits a bounded time. The executor runs it.
// The answer leaves, and the record of the invocation goes into a buffer from
// which it is written in batches: a request touches neither the database nor
// a lock that all requests share for longer than it takes to append to a list.
//
// # Paths
//
// What a path means must not depend on who reads it, so a path that proxies
// and programs read differently is refused with 400 and never "repaired": an
// encoded slash (%2f, %5c) or a backslash, a control character or a zero byte,
// bytes that are not UTF-8, an empty segment (//), a dot segment (. or ..,
// encoded or not, also with a path parameter: "..;"). Nothing is redirected
// for it either: a Location made of such a path would be a way to other
// hosts. A semicolon elsewhere is a character as any other; no path
// parameters are stripped.
//
// # Errors
//
// Errors are application/problem+json (RFC 9457) with a stable code and the
// request id, and nothing of the inside. A failure of the script itself is
// also named by the PiCloud-Error header.
package orchestrator
