package testenv

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long anything may take before a test gives up: much longer
// than it takes on a slow and busy machine.
const Patience = 60 * time.Second

// Process is a running program that a test started.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output *buffer
	done   chan struct{} // closed when the program has ended
	err    error         // how it ended; read after done
}

// Start starts cmd with its output captured. When the test ends, the program is
// killed if it still runs, and its output is logged if the test failed.
func Start(tb testing.TB, cmd *exec.Cmd) *Process {
	tb.Helper()
	p := &Process{name: strings.Join(cmd.Args, " "), cmd: cmd, output: new(buffer), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("output of %s (process %d):\n%s", p.name, p.PID(), p.Output())
		}
	})
	return p
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what the program has written so far to both of its outputs.
func (p *Process) Output() string { return p.output.String() }

// Running reports whether the program has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to a running program.
func (p *Process) Signal(tb testing.TB, sig os.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		tb.Fatalf("signal %s: %v", p.name, err)
	}
}

// Kill ends the program at once, as a power cut would, and waits until it is
// gone. It may be called again.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// Wait waits until the program ends by itself and returns how it did.
func (p *Process) Wait(tb testing.TB) error {
	tb.Helper()
	select {
	case <-p.done:
		return p.err
	case <-time.After(Patience):
		tb.Fatalf("%s has not ended after %v", p.name, Patience)
		return nil
	}
}

// PeakMemory is the most resident memory that the running program has had, in
// bytes, as the kernel counts it.
func (p *Process) PeakMemory(tb testing.TB) int64 {
	tb.Helper()
	return PeakMemory(tb, p.PID())
}

// PeakMemory is the most resident memory that a running process has had, in
// bytes, as the kernel counts it.
func PeakMemory(tb testing.TB, pid int) int64 {
	tb.Helper()
	text := ProcessStatus(tb, pid, "VmHWM")
	kib, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	if err != nil {
		tb.Fatalf("read the memory of process %d: %q", pid, text)
	}
	return kib << 10
}

// ProcessStatus is what the kernel says of a running process under a name, like
// "Seccomp".
func ProcessStatus(tb testing.TB, pid int, name string) string {
	tb.Helper()
	needProc(tb)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Fatalf("read the status of process %d: %v", pid, err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	tb.Fatalf("process %d has no %s in its status", pid, name)
	return ""
}

// Children are the ids of the processes that the running program has started
// and that have not ended.
func (p *Process) Children(tb testing.TB) []int {
	tb.Helper()
	needProc(tb)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		tb.Fatal(err)
	}
	var children []int
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		// The program's name, in parentheses, may hold anything.
		f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil && f[0] != "Z" && f[1] == strconv.Itoa(p.PID()) {
			children = append(children, pid)
		}
	}
	return children
}

// ProcessorTime is what a running process has used of the processors.
func ProcessorTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	needProc(tb)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Fatalf("read the processor time of process %d: %v", pid, err)
	}
	var total time.Duration
	for _, ticks := range strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))[11:13] { // in user mode and in the kernel
		n, err := strconv.Atoi(ticks)
		if err != nil {
			tb.Fatal(err)
		}
		total += time.Duration(n) * time.Second / 100
	}
	return total
}

func needProc(tb testing.TB) {
	tb.Helper()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		tb.Skip("skipped: this system has no /proc to look at processes in")
	}
}

// Eventually waits until the condition holds, asking again and again. The test
// fails with what when it does not within [Patience].
func Eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	deadline := time.Now().Add(Patience)
	for wait := time.Millisecond; !condition(); wait = min(2*wait, 100*time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("%s: not after %v", what, Patience)
		}
		time.Sleep(wait)
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
