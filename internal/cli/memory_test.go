package cli

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if got := machineMemory(write("meminfo", "MemFree: 5 kB\nMemTotal:        1024 kB\n")); got != 1<<20 {
		t.Errorf("machine %d", got)
	}
	if got := machineMemory(write("odd", "MemTotal:\n")); got != math.MaxInt64 {
		t.Errorf("an odd file %d", got)
	}
	if got := groupMemory(dir); got != math.MaxInt64 {
		t.Errorf("no group %d", got)
	}
	write("memory.max", "max\n")
	if got := groupMemory(dir); got != math.MaxInt64 {
		t.Errorf("a group without a limit %d", got)
	}
	write("memory.max", "1000\n")
	if got := groupMemory(dir); got != 1000 {
		t.Errorf("a group %d", got)
	}
	if got := limitMemory(func(string) string { return "1GiB" }, 0.5); got != 0 {
		t.Errorf("the operator's limit is overruled with %d", got)
	}
}
