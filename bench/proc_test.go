package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage is what a process has used so far, by /proc.
type usage struct {
	cpu      time.Duration // of the process, in ticks of 10 ms
	resident int64         // bytes, now
	switches int64         // voluntary context switches of all threads
	threads  int
}

// usageOf reads /proc/PID.
func usageOf(tb testing.TB, pid int) usage {
	tb.Helper()
	var u usage
	stat := readProc(tb, pid, "stat")
	// After the name, which is in parentheses and may hold anything.
	f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	u.cpu = time.Duration(number(tb, f[11])+number(tb, f[12])) * 10 * time.Millisecond
	u.resident = number(tb, strings.Fields(readProc(tb, pid, "statm"))[1]) * int64(os.Getpagesize())
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		tb.Fatal(err)
	}
	u.threads = len(tasks)
	for _, t := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, t.Name()))
		if err != nil {
			continue // it has just ended
		}
		_, rest, _ := strings.Cut(string(text), "voluntary_ctxt_switches:")
		n, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
		u.switches += number(tb, n)
	}
	return u
}

// finerCPU is the CPU time of a process by its threads' run time in
// nanoseconds, where the kernel tells it.
func finerCPU(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		tb.Fatal(err)
	}
	var sum time.Duration
	for _, t := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, t.Name()))
		if err != nil {
			continue
		}
		if f := strings.Fields(string(text)); len(f) > 0 {
			sum += time.Duration(number(tb, f[0]))
		}
	}
	return sum
}

func readProc(tb testing.TB, pid int, name string) string {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func number(tb testing.TB, s string) int64 {
	tb.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
