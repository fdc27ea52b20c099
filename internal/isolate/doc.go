// Package isolate runs an executor in a process of its own and keeps it there:
// a [Supervisor] is an executor to the orchestrator that uses it.
//
// It starts a child process, or dials one that somebody else has started, and
// speaks to it by package wire. When the connection ends, whatever the reason,
// the runs on it fail with CodeExecutorLost, what is left of the child is
// killed, and the next one is started: at once, and then less and less soon
// when they keep ending. Runs that come in between wait a little for it. A
// child that no longer answers while runs are overdue is killed, too.
//
// A child holds nothing of its parent but one end of a socket pair: no
// environment, no descriptors, no database. It ends when that socket does, and
// so cannot outlive its parent; on Linux the kernel also kills it then.
package isolate
