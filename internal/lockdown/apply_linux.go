package lockdown

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// maxDescriptors is enough for a few connections and the runtime's own.
	maxDescriptors = 64
	// oomScore is half of the way to "this one first".
	oomScore = "500"
)

func apply(cfg Config) []picloud.Measure {
	// Some of it counts for the calling thread until it is made to count for
	// all of them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return []picloud.Measure{
		outcome(CoreDumps, "none, and not traceable", noCoreDumps()),
		outcome(Descriptors, fmt.Sprintf("at most %d", maxDescriptors), fewDescriptors()),
		memory(cfg.MemoryBytes),
		outcome(OutOfMemory, "raised by "+oomScore, os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0)),
		outcome(Privileges, "no new ones, no capabilities", dropPrivileges()),
		landlock(),
		seccomp(cfg.Accept),
	}
}

func noCoreDumps() error {
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0),
	)
}

func fewDescriptors() error {
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: maxDescriptors, Max: maxDescriptors})
}

// memory bounds what is written to. The size of the address space would say
// nothing: Go reserves much more than it uses.
func memory(limit int64) picloud.Measure {
	if limit <= 0 {
		return picloud.Measure{Name: Memory, Detail: "no limit is known"}
	}
	n := uint64(limit)
	return outcome(Memory, fmt.Sprintf("at most %d MiB", n>>20), unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: n, Max: n}))
}

// dropPrivileges gives up what the process could become and what it may do
// above others.
func dropPrivileges() error {
	if err := onAllThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	err := onAllThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&none)))
	runtime.KeepAlive(&head)
	runtime.KeepAlive(&none)
	if err != nil {
		return fmt.Errorf("give up the capabilities: %w", err)
	}
	return nil
}

// errCgo means that only the runtime of a program without C knows its threads.
var errCgo = errors.New("only done in a build without cgo")

// onAllThreads makes a system call on each thread, those of the future
// included. With cgo it is made on this one, which seccomp's filter needs, and
// the error is errCgo.
func onAllThreads(call, a1, a2 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall6(call, a1, a2, 0, 0, 0, 0)
	if errno == syscall.ENOTSUP {
		if _, _, errno = syscall.RawSyscall6(call, a1, a2, 0, 0, 0, 0); errno == 0 {
			return errCgo
		}
	}
	if errno != 0 {
		return errno
	}
	return nil
}
