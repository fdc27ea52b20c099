// Package value holds what Rhai scripts compute with: the 16-byte Value, the
// heap objects behind it, and the Heap that charges every byte before it is
// allocated.
//
// # Copies
//
// Rhai copies strings, arrays, blobs and maps on assignment. Here a copy is
// one sticky bit: Share marks the object as reachable under two names, and
// whoever wants to change a shared object clones it first, one level deep
// (Own…). The bit is never cleared on the old object; no reference counts are
// kept. A value that is only looked at and thrown away (a borrow) needs no
// mark.
//
// # Concurrency
//
// Objects belong to one Heap and one goroutine at a time. The exception is
// static strings (Static), which are immutable and may be shared by any number
// of goroutines.
package value
