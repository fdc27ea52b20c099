package testenv

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// child makes this test binary, run again, say that it started and wait.
const child = "PICLOUD_TESTENV_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		os.Stdout.WriteString("started\n")
		time.Sleep(2 * Patience) // the runtime would notice a select that waits for nothing
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func startChild(t *testing.T) *Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"=1")
	p := Start(t, cmd)
	Eventually(t, "the child says that it started", func() bool {
		return strings.Contains(p.Output(), "started")
	})
	return p
}

func TestProcessIsKilledAndGone(t *testing.T) {
	t.Parallel()
	p := startChild(t)
	if !p.Running() {
		t.Fatal("Running() = false before the kill")
	}
	if p.PeakMemory(t) < 1<<20 {
		t.Errorf("PeakMemory() = %d, less than any Go program has", p.PeakMemory(t))
	}
	p.Kill()
	p.Kill()
	if p.Running() {
		t.Error("Running() = true after the kill")
	}
}

func TestProcessIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := startChild(t)
	p.Signal(t, syscall.SIGTERM)
	if err := p.Wait(t); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("Wait() = %v, want that it was terminated", err)
	}
}

func TestSharedFollowsTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(SharedEnv, dir)
	if got := Shared(t); got != dir {
		t.Errorf("Shared() = %q, want %q", got, dir)
	}
	skipped := t.Run("absent", func(t *testing.T) { Shared(t, "nowhere"); t.Error("Shared returned for what is not there") })
	if !skipped {
		t.Error("the missing corpus did not skip")
	}
}

func TestRootHoldsTheModule(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(Path(t, "go.mod")); err != nil {
		t.Error(err)
	}
}

func TestPostgresStopsAndStarts(t *testing.T) {
	t.Parallel()
	p := StartPostgres(t)
	one, two := p.Database(t), p.Database(t)
	if one == two {
		t.Errorf("two databases are %s", one)
	}
	p.Crash()
	if err := p.run("SELECT 1"); err == nil {
		t.Error("it answers after it crashed")
	}
	p.Start(t)
	p.Stop()
	p.Start(t)
	if err := p.run("SELECT 1"); err != nil {
		t.Error(err)
	}
}
