package lockdown

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/picloud/picloud/internal/picloud"
)

// Where struct seccomp_data, which a filter reads, has what.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16 // eight bytes each; the lower half comes first on every machine below
)

// The verdicts.
const (
	allow  = unix.SECCOMP_RET_ALLOW
	refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	absent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	kill   = unix.SECCOMP_RET_KILL_PROCESS
)

// rule says what becomes of a system call.
type rule struct {
	number uint32
	// verdict is that of the call, when no argument is looked at.
	verdict uint32
	// test, if set, looks at an argument: the call is allowed when it holds.
	test *argTest
}

// argTest looks at the lower half of an argument.
type argTest struct {
	arg   int
	mask  uint32 // which bits are looked at; 0 means all
	equal uint32 // what they must be
}

// rules are the calls that a locked-down process may make; every other one is
// refused.
func rules(accept bool, pid uint32) []rule {
	var all []rule
	for _, n := range plainCalls {
		all = append(all, rule{number: n, verdict: allow})
	}
	if accept {
		for _, n := range acceptCalls {
			all = append(all, rule{number: n, verdict: allow})
		}
	}
	noExec := &argTest{arg: 2, mask: unix.PROT_EXEC}
	return append(all,
		// Memory can never be run: what is written is data.
		rule{number: callMmap, test: noExec},
		rule{number: unix.SYS_MPROTECT, test: noExec},
		// Threads, and no processes. Go's own way to make one is clone; whoever
		// tries clone3 first is told to use that.
		rule{number: unix.SYS_CLONE, test: &argTest{arg: 0, mask: unix.CLONE_THREAD, equal: unix.CLONE_THREAD}},
		rule{number: unix.SYS_CLONE3, verdict: absent},
		// The scheduler interrupts its own threads, nobody else's.
		rule{number: unix.SYS_TGKILL, test: &argTest{arg: 0, equal: pid}},
		// The runtime gives its memory names.
		rule{number: unix.SYS_PRCTL, test: &argTest{arg: 0, equal: unix.PR_SET_VMA}},
	)
}

// program is the filter for the rules of a machine.
func program(arch uint32, rules []rule) []unix.SockFilter {
	code := []unix.SockFilter{
		load(offArch),
		jumpEqual(arch, 1, 0),
		verdict(kill), // another machine's numbers mean other calls
		load(offNumber),
	}
	for _, r := range rules {
		body := []unix.SockFilter{verdict(r.verdict)}
		if t := r.test; t != nil {
			body = []unix.SockFilter{load(offArgs + 8*uint32(t.arg))}
			if t.mask != 0 {
				body = append(body, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: t.mask})
			}
			body = append(body, jumpEqual(t.equal, 0, 1), verdict(allow), verdict(refuse))
		}
		code = append(code, jumpEqual(r.number, 0, uint8(len(body))))
		code = append(code, body...)
	}
	return append(code, verdict(refuse))
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jumpEqual(k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

func verdict(v uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v}
}

// seccomp puts the filter on every thread. No new privileges must be possible
// on this one.
func seccomp(accept bool) picloud.Measure {
	if filterArch == 0 {
		return outcome(SystemCalls, "", errors.New("which calls Go needs is not known on "+runtime.GOARCH))
	}
	code := program(filterArch, rules(accept, uint32(os.Getpid())))
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(code)
	switch {
	case errno != 0:
		return outcome(SystemCalls, "", fmt.Errorf("set the filter: %w", errno))
	case tid != 0:
		return outcome(SystemCalls, "", fmt.Errorf("thread %d cannot have the filter", tid))
	}
	return outcome(SystemCalls, fmt.Sprintf("%d calls are left", len(plainCalls)+6), nil)
}
