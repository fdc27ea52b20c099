// Package lockdown takes from a process what it does not need, for good: once
// [Apply] has returned, no code in it, not even code that an attacker has
// smuggled in, can open a file or a connection, start a program, or look at
// another process. What is open stays usable.
//
// On Linux that is, from the outside in: no core dumps and few descriptors,
// a ceiling on its memory, first in line when the machine runs out of it; no
// capabilities and no way to get new ones; Landlock, which leaves no path of
// the file system and no TCP port; and seccomp, which leaves the system calls
// that Go's runtime makes to run code, collect garbage and read and write what
// is open, and refuses every other with EPERM.
//
// A kernel may lack some of it. Each measure is taken if it can be, and said
// either way; whoever starts the process decides what to do about it.
package lockdown

import "github.com/picloud/picloud/internal/picloud"

// Config says what a process keeps.
type Config struct {
	// Accept leaves the process the right to take connections on sockets that
	// it listens on.
	Accept bool
	// MemoryBytes is a ceiling on the memory that the process may write to, at
	// which it crashes rather than make the machine swap; 0 sets none. It must
	// be well above the limit that the garbage collector keeps.
	MemoryBytes int64
}

// The measures, in the order in which they are taken.
const (
	CoreDumps   = "core_dumps"  // none are written, and nobody may trace the process
	Descriptors = "descriptors" // few can be open, and no file can grow
	Memory      = "memory"      // a ceiling
	OutOfMemory = "oom_score"   // the kernel ends this process before others
	Privileges  = "privileges"  // no new ones, and no capabilities
	Landlock    = "landlock"    // no file system, no TCP
	SystemCalls = "seccomp"     // those of the runtime, and no others
)

// Apply locks the process down and says what it could do. It is to be called
// once, when everything that will be needed is open.
func Apply(cfg Config) []picloud.Measure { return apply(cfg) }

// outcome is a measure that was tried.
func outcome(name, detail string, err error) picloud.Measure {
	if err != nil {
		return picloud.Measure{Name: name, Detail: err.Error()}
	}
	return picloud.Measure{Name: name, Done: true, Detail: detail}
}
