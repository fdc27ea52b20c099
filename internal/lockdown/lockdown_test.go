//go:build linux

package lockdown

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// insideEnv makes this test binary, run again, lock itself down and try to
// break out.
const insideEnv = "PICLOUD_TEST_LOCKDOWN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(insideEnv); dir != "" {
		inside(dir)
		return
	}
	os.Exit(m.Run())
}

// report is what the process inside tells.
type report struct {
	Measures []picloud.Measure
	Refused  map[string]string // what was tried, and the error; "" is a way out
	Alive    string            // "" when the runtime still works
}

// inside locks the process down and tries everything, from a thread that was
// there before and from one that came later.
func inside(dir string) {
	before, tell := make(chan struct{}), make(chan map[string]string)
	ready := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(ready)
		<-before
		tell <- attempts(dir)
	}()
	<-ready
	r := report{Measures: Apply(Config{MemoryBytes: 1 << 30}), Refused: attempts(dir)}
	close(before)
	for name, err := range <-tell {
		r.Refused[name+" (older thread)"] = err
	}
	go func() {
		runtime.LockOSThread() // and never let go: it is a thread of its own
		tell <- attempts(dir)
	}()
	for name, err := range <-tell {
		r.Refused[name+" (newer thread)"] = err
	}
	r.Alive = alive()
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		os.Exit(3)
	}
}

// attempts are ways out, each with the error that it met.
func attempts(dir string) map[string]string {
	parent := os.Getppid
	call := func(number uintptr, args ...uintptr) error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
			return errno
		}
		return nil
	}
	path, _ := unix.BytePtrFromString("/bin/sh")
	name := uintptr(unsafe.Pointer(path))
	found := map[string]string{}
	for what, try := range map[string]func() error{
		"read a file":          func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"list a folder":        func() error { _, err := os.ReadDir("/"); return err },
		"read its environment": func() error { _, err := os.ReadFile("/proc/self/environ"); return err },
		"read its own program": func() error { _, err := os.ReadFile("/proc/self/exe"); return err },
		"write a file":         func() error { return os.WriteFile(filepath.Join(dir, "written"), nil, 0o600) },
		"remove a file":        func() error { return os.Remove(filepath.Join(dir, "kept")) },
		"look for a file":      func() error { _, err := os.Stat(filepath.Join(dir, "kept")); return err },
		"dial TCP":             func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return err },
		"listen on TCP":        func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
		"send UDP":             func() error { _, err := net.Dial("udp", "127.0.0.1:53"); return err },
		"dial a Unix socket":   func() error { _, err := net.Dial("unix", filepath.Join(dir, "socket")); return err },
		"socket":               func() error { return call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0) },
		"connect": func() error {
			sa := unix.RawSockaddrInet4{Family: unix.AF_INET}
			return call(unix.SYS_CONNECT, 0, uintptr(unsafe.Pointer(&sa)), unix.SizeofSockaddrInet4)
		},
		"start a program":         func() error { return exec.Command("/bin/true").Run() },
		"exec":                    func() error { return call(unix.SYS_EXECVE, name, 0, 0) },
		"fork":                    func() error { return call(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) },
		"trace its parent":        func() error { return call(unix.SYS_PTRACE, unix.PTRACE_ATTACH, 1) },
		"be traced":               func() error { return call(unix.SYS_PTRACE, unix.PTRACE_TRACEME) },
		"read another's memory":   func() error { return call(unix.SYS_PROCESS_VM_READV, 1) },
		"kill another":            func() error { return call(unix.SYS_KILL, uintptr(parent()), 0) },
		"signal another's thread": func() error { return call(unix.SYS_TGKILL, uintptr(1), 1, 0) },
		"map memory that runs": func() error {
			return call(callMmap, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON, ^uintptr(0))
		},
		"become traceable again":  func() error { return call(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1) },
		"make a file in memory":   func() error { return call(unix.SYS_MEMFD_CREATE, name, 0) },
		"change its user":         func() error { return call(unix.SYS_SETUID, 0) },
		"enter another namespace": func() error { return call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER) },
		"load a BPF program":      func() error { return call(unix.SYS_BPF, 0) },
		"go through io_uring":     func() error { return call(unix.SYS_IO_URING_SETUP, 1, 0) },
		"mount":                   func() error { return call(unix.SYS_MOUNT, name, name, name, 0, 0) },
		"pass a descriptor":       func() error { return call(unix.SYS_SENDMSG, 1, 0, 0) },
		"raise its limits":        func() error { return call(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, name, 0) },
	} {
		found[what] = ""
		if err := try(); err != nil {
			found[what] = err.Error()
			if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !errors.Is(err, os.ErrPermission) {
				found[what] = "" // it failed, but not because it was refused
			}
		}
	}
	return found
}

// alive works the runtime hard: threads, timers, memory and its collection,
// panics.
func alive() string {
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for range 20 {
				_ = make([]byte, 1<<20)
				time.Sleep(time.Microsecond)
			}
		})
	}
	spin := time.Now().Add(50 * time.Millisecond)
	wait.Go(func() { // has to be interrupted by a signal
		for time.Now().Before(spin) {
		}
	})
	wait.Wait()
	runtime.GC()
	recovered := func() (v any) {
		defer func() { v = recover() }()
		var p *int
		return *p
	}()
	if fmt.Sprint(recovered) == "<nil>" {
		return "a nil pointer is no panic"
	}
	return ""
}

// TestNothingGetsOut runs a process that locks itself down and tries.
func TestNothingGetsOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kept"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), insideEnv+"="+dir)
	p := testenv.Start(t, cmd)
	if err := p.Wait(t); err != nil {
		t.Fatalf("the process ended with %v", err)
	}
	var r report
	if err := json.Unmarshal([]byte(p.Output()), &r); err != nil {
		t.Fatalf("%v in %s", err, p.Output())
	}
	done := map[string]bool{}
	for _, m := range r.Measures {
		done[m.Name] = m.Done
		t.Logf("%s: %v, %s", m.Name, m.Done, m.Detail)
	}
	if r.Alive != "" {
		t.Errorf("the runtime does not work any more: %s", r.Alive)
	}
	if !done[SystemCalls] {
		t.Skip("skipped: this system has no seccomp filters")
	}
	for what, refusal := range r.Refused {
		if refusal == "" {
			t.Errorf("a way out: %s", what)
		}
	}
	if len(r.Refused) < 90 {
		t.Errorf("only %d things were tried", len(r.Refused))
	}
}

// TestTheFilter runs the filter as the kernel would.
func TestTheFilter(t *testing.T) {
	t.Parallel()
	const pid = 4711
	for _, c := range []struct {
		what   string
		accept bool
		arch   uint32
		number uint32
		args   [6]uint64
		want   uint32
	}{
		{"read", false, filterArch, unix.SYS_READ, [6]uint64{}, allow},
		{"another machine's read", false, filterArch + 1, unix.SYS_READ, [6]uint64{}, kill},
		{"socket", true, filterArch, unix.SYS_SOCKET, [6]uint64{}, refuse},
		{"accept", false, filterArch, unix.SYS_ACCEPT4, [6]uint64{}, refuse},
		{"accept, where it may", true, filterArch, unix.SYS_ACCEPT4, [6]uint64{}, allow},
		{"memory to write", false, filterArch, callMmap, [6]uint64{2: unix.PROT_READ | unix.PROT_WRITE}, allow},
		{"memory to run", false, filterArch, callMmap, [6]uint64{2: unix.PROT_READ | unix.PROT_EXEC}, refuse},
		{"memory to run later", false, filterArch, unix.SYS_MPROTECT, [6]uint64{2: unix.PROT_EXEC}, refuse},
		{"a thread", false, filterArch, unix.SYS_CLONE, [6]uint64{unix.CLONE_THREAD | unix.CLONE_VM}, allow},
		{"a process", false, filterArch, unix.SYS_CLONE, [6]uint64{unix.CLONE_VM}, refuse},
		{"clone3", false, filterArch, unix.SYS_CLONE3, [6]uint64{}, absent},
		{"its own thread", false, filterArch, unix.SYS_TGKILL, [6]uint64{pid}, allow},
		{"another's thread", false, filterArch, unix.SYS_TGKILL, [6]uint64{pid + 1}, refuse},
		{"a call of the future", false, filterArch, 9999, [6]uint64{}, refuse},
		{"a call of x32", false, filterArch, unix.SYS_READ | 0x40000000, [6]uint64{}, refuse},
	} {
		if got := execute(t, program(filterArch, rules(c.accept, pid)), c.arch, c.number, c.args); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.what, got, c.want)
		}
	}
}

// execute is the few instructions of BPF that filters here are made of.
func execute(t *testing.T, code []unix.SockFilter, arch, number uint32, args [6]uint64) uint32 {
	t.Helper()
	var a uint32
	for pc := 0; pc < len(code); pc++ {
		switch i := code[pc]; i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			switch {
			case i.K == offNumber:
				a = number
			case i.K == offArch:
				a = arch
			default:
				a = uint32(args[(i.K-offArgs)/8])
			}
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			if a == i.K {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		default:
			t.Fatalf("instruction %#x", i.Code)
		}
	}
	t.Fatal("the filter has no end")
	return 0
}

func TestLandlockAsksForWhatItsVersionKnows(t *testing.T) {
	t.Parallel()
	for abi, want := range map[int]struct {
		size uintptr
		last uint64
	}{
		1: {8, unix.LANDLOCK_ACCESS_FS_MAKE_SYM}, 2: {8, unix.LANDLOCK_ACCESS_FS_REFER}, 3: {8, unix.LANDLOCK_ACCESS_FS_TRUNCATE},
		4: {16, unix.LANDLOCK_ACCESS_FS_TRUNCATE}, 5: {16, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV}, 6: {24, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV}, 99: {24, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
	} {
		attr, size := ruleset(abi)
		if size != want.size || attr.fs != want.last<<1-1 || (attr.net != 0) != (abi >= 4) || (attr.scoped != 0) != (abi >= 6) {
			t.Errorf("version %d: %+v of %d bytes", abi, attr, size)
		}
	}
}

func TestMeasuresSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	if m := outcome(Landlock, "all", errors.New("this kernel has none")); m.Done || !strings.Contains(m.Detail, "none") {
		t.Errorf("%+v", m)
	}
	if m := memory(0); m.Done || m.Detail == "" {
		t.Errorf("%+v", m)
	}
}
