package vm

// shift moves the code behind it by 32 bytes. Called at the start of the
// machine's loop, it puts the loop where the processor runs it fastest: with the
// linker's -funcalign=64, which the Makefile gives, eleven workloads take 0.88 of
// their time on average, loop_sum 0.71 and mat_mul 0.75 (AMD EPYC; a shift by 44
// bytes 0.89, by 64 none). Left to itself the linker aligns functions to 32
// bytes, and a change anywhere in the program moves the loop to the better or
// the worse half of a line of the cache.
//
// Whoever changes the loop should look again whether to shift is still better
// than not to: one argument is 32 bytes of code on amd64. Elsewhere it is a call
// that does nothing, once a run.
//
//go:noinline
func shift(int64) {}
