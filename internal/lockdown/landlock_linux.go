package lockdown

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/picloud/picloud/internal/picloud"
)

// rulesetAttr is struct landlock_ruleset_attr. Older kernels know its first
// fields only and take a smaller size.
type rulesetAttr struct {
	fs, net, scoped uint64
}

// ruleset is everything that a version of Landlock can forbid, and the size of
// the structure that it knows.
func ruleset(abi int) (attr rulesetAttr, size uintptr) {
	attr.fs, size = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1-1, 8 // everything up to the last bit of version 1
	if abi >= 2 {
		attr.fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		attr.fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		attr.net, size = unix.LANDLOCK_ACCESS_NET_BIND_TCP|unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, 16
	}
	if abi >= 5 {
		attr.fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		attr.scoped, size = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, 24
	}
	if abi >= 7 {
		// Version 6 also counts the signals that threads send each other,
		// with which Go's scheduler works.
		attr.scoped |= unix.LANDLOCK_SCOPE_SIGNAL
	}
	return attr, size
}

// landlock forbids everything that the kernel's Landlock knows, with no
// exception.
func landlock() picloud.Measure {
	abi, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
	case syscall.ENOSYS:
		return outcome(Landlock, "", fmt.Errorf("this kernel has none"))
	case syscall.EOPNOTSUPP:
		return outcome(Landlock, "", fmt.Errorf("it is switched off in this kernel"))
	default:
		return outcome(Landlock, "", fmt.Errorf("ask the kernel for it: %w", errno))
	}
	attr, size := ruleset(int(abi))
	fd, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return outcome(Landlock, "", fmt.Errorf("make a ruleset: %w", errno))
	}
	defer unix.Close(int(fd))
	detail := fmt.Sprintf("version %d: no files", abi)
	if attr.net != 0 {
		detail += ", no TCP"
	}
	if err := onAllThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0); err != nil {
		return outcome(Landlock, "", err)
	}
	return outcome(Landlock, detail, nil)
}
