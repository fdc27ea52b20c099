// Package testenv is what tests of the whole system stand on: it builds the
// project's binaries, starts and stops them as processes, and finds the shared
// corpora that some tests read.
//
// Every process that [Start] starts is stopped when its test ends, by its id;
// what it wrote is logged if the test failed. Waiting is always for a
// condition with a deadline ([Eventually], [Process.Wait]), never for a time.
//
// Tests that need PostgreSQL get a server of their own ([Database],
// [StartPostgres]), which runs on a Unix socket in a temporary folder.
//
// Only tests may import it.
package testenv
