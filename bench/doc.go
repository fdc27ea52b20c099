// Package bench measures the whole system: the built binary, from outside, with
// a load generator, against what the machine could do at most. `make bench`
// runs it. Benchmarks of single packages are beside their code, and the
// comparison with other script engines is in engine.
//
// It is a module of its own, so that what it compares with is not among the
// product's dependencies.
//
// Results are ratios of two medians from one run, taken in turns, because
// absolute numbers do not carry from one machine, or one minute, to another.
package bench
