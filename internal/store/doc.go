// Package store keeps everything that outlives a process: it implements the
// store interfaces of package picloud on SQL.
//
// On one machine the engine is an embedded SQLite database: a file in
// write-ahead-log mode with one writing connection, which serialises what
// changes, and a pool of reading ones, which see a consistent state and never
// wait for the writer. Every commit is synced to disk before it is
// acknowledged (synchronous=FULL), so that neither kill -9 nor a power cut
// loses what somebody was told is done.
//
// Where several processes share an instance the engine is PostgreSQL: a pool,
// and a connection that listens for what the others commit.
//
// # Rules for the SQL
//
// Both engines run the same statements, which keep to what both read alike:
//
//   - the only types are text, bigint, boolean and bytea; times are bigint Unix
//     microseconds that Go sets, never the database's clock;
//   - parameters are $1, $2, … in order; every sum is CAST to bigint;
//   - one transaction for each use case. Those that must not interleave begin
//     by moving a row of counters on: on PostgreSQL its lock makes them wait
//     for each other, on SQLite the single writer does.
//
// The statements are written by hand, without a generator: most return one of
// three row shapes that share a scan function, and the filters of the history
// are put together at run time, which a generator cannot do.
//
// # Records
//
// Invocations and log lines take their sequence numbers from one counter in
// the transaction that enters them. Numbers are therefore in the order of
// commits, and a reader that asks for what is above the last number it saw
// misses nothing, however late a long invocation is recorded.
//
// On SQLite nothing in the package runs by itself: no goroutine, no timer. On
// PostgreSQL the listener does, which waits and asks nothing. Statements
// tells how many statements were run, so that idleness can be proved.
package store
