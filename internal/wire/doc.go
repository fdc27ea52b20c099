// Package wire is how an orchestrator and an executor speak when they are two
// processes, over a Unix socket or one end of a socket pair.
//
// # What crosses
//
// Plain data of package picloud, and nothing else: an Execution goes in, an
// Outcome comes out, and in between the run calls its [picloud.Host] back. No
// descriptor, no pointer, no code.
//
//	orchestrator                                executor
//	  Client ── hello ──────────────────────────► Serve
//	         ◄────────────────────────── hello ──         who it is, how it is locked down
//	         ── run 7, Execution ───────────────►
//	         ◄─────────── call 7, 1, VersionSource ──
//	         ── answer 7, 1, source ────────────►
//	         ◄──────────────── outcome 7, Outcome ──
//	         ── cancel 8 ───────────────────────►
//	         ── ping ──────────────────────────►
//	         ◄─────────────────────────── pong ──
//
// Any number of runs share a connection. A call belongs to a run by its id, so
// a run cannot ask on another's behalf, and the [picloud.Host] that answers it
// is the one that the orchestrator gave with that execution.
//
// # Frames
//
// A frame is a head of 13 bytes, the length of the payload (4, little-endian),
// its kind (1) and the id of the run (8), and the payload. Payloads are written
// field by field: integers as varints, texts and lists behind their length. No
// field has a name or a tag; both sides are of one release, which the version
// in the hello makes sure of. Many frames go out in one write when there are
// many.
//
// # Trust
//
// Each side takes the other for hostile. A length is checked against what the
// frame may have before anything is read, a count against the bytes that are
// left before anything is made, and memory grows with what has arrived. The
// outcome of a run can be as large as the limits of that run allow, and its
// header is held to the rules that scripts are. Whoever breaks a rule loses
// the connection.
//
// # Another call
//
// A new call is a method of [picloud.Host], a line in the table of calls.go, and
// a method of remoteHost: the arguments and the answer are any types with a
// function that appends them and one that reads them.
package wire
