package testenv

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
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
	if _, err := os.Stat("/proc/self/status"); err != nil {
		tb.Skip("skipped: this system has no /proc to read a process's memory from")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		tb.Fatalf("read the memory of %s: %v", p.name, err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				tb.Fatalf("read the memory of %s: %v", p.name, err)
			}
			return kib << 10
		}
	}
	tb.Fatalf("read the memory of %s: no VmHWM in its status", p.name)
	return 0
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
