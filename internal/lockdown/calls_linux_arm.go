package lockdown

import "golang.org/x/sys/unix"

// filterArch is the machine that the filter is for.
const filterArch = unix.AUDIT_ARCH_ARM

// callMmap maps memory.
const callMmap = unix.SYS_MMAP2

// plainCalls are what Go's runtime and the reading and writing of open
// descriptors need, whatever the arguments.
var plainCalls = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_WRITEV, unix.SYS_CLOSE, unix.SYS_SHUTDOWN,
	unix.SYS_MUNMAP, unix.SYS_MADVISE,
	unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETRANDOM, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	unix.SYS_RSEQ, unix.SYS_SET_ROBUST_LIST, // of every thread of a C library, where there is one
	// Of 32 bits: times of 64, the older return from a signal, and the calls
	// of ARM itself for caches and thread-local storage.
	unix.SYS_FUTEX_TIME64, unix.SYS_CLOCK_GETTIME64, unix.SYS_CLOCK_NANOSLEEP_TIME64, unix.SYS_EPOLL_WAIT, unix.SYS_SIGRETURN,
	0x0f0002, 0x0f0005,
}

// acceptCalls are what taking a connection needs besides.
var acceptCalls = []uint32{unix.SYS_ACCEPT4, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT}
