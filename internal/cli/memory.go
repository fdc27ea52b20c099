package cli

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// How much of the machine's memory the heap may grow to before the collector
// works harder to keep it there. The rest is for the kernel's page cache, which
// holds the database. Where the executor is a process of its own, which is
// where scripts have their values, it gets the larger part.
const (
	memoryShare         = 0.7
	isolatedServerShare = 0.25
	isolatedChildShare  = 0.45
)

// relaxedGC is how much garbage the heap gathers before it is collected, in
// percent of what is alive: where a limit keeps it within the machine, a
// collection at Go's 100 would be time that scripts could have.
const relaxedGC = 400

// limitMemory gives the collector a soft limit, a share of the machine's memory,
// unless the operator has given one in GOMEMLIMIT. Without it, a burst of scripts could double the heap on a
// machine that has no such memory. It is the limit in bytes, or 0.
func limitMemory(getenv func(string) string, share float64) int64 {
	limit := memoryLimit(getenv, share)
	if limit > 0 {
		debug.SetMemoryLimit(limit)
		if getenv("GOGC") == "" {
			debug.SetGCPercent(relaxedGC)
		}
	}
	return limit
}

// memoryLimit is a share of the machine's memory in bytes, or 0 when the
// operator has given a limit, or it is not known.
func memoryLimit(getenv func(string) string, share float64) int64 {
	if getenv("GOMEMLIMIT") != "" {
		return 0
	}
	total := min(machineMemory("/proc/meminfo"), groupMemory("/sys/fs/cgroup"))
	if total == math.MaxInt64 {
		return 0
	}
	return int64(float64(total) * share)
}

// machineMemory reads MemTotal of a meminfo file; MaxInt64 when there is none.
func machineMemory(path string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return math.MaxInt64
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				if kib, err := strconv.ParseInt(f[0], 10, 64); err == nil && kib > 0 {
					return kib << 10
				}
			}
		}
	}
	return math.MaxInt64
}

// groupMemory reads the limit of the control group, as a container has it.
func groupMemory(root string) int64 {
	for _, name := range []string{"memory.max", "memory/memory.limit_in_bytes"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return math.MaxInt64
}
