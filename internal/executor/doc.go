// Package executor runs scripts: it turns an [picloud.Execution] into a
// [picloud.Outcome], and nothing a script does can keep it from doing so.
//
// Compiled programs are kept under the hash of their version, the most recent
// ones, bounded in bytes; a version that many ask for at once is fetched and
// compiled once. Machines are kept and used again.
//
// A run is bounded by the limits of its version: operations, bytes, depth and
// sizes are counted by the engine, the wall time is a deadline on the context.
// A panic in a function of ours fails the one run and drops its machine.
//
// An Executor holds no credentials and opens no connections: what a run needs
// to know, the source of a version and which version another script is at, it
// asks its [picloud.Host]. Executions and outcomes are plain data, so that the two
// sides can be processes of their own.
package executor
