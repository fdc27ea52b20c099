package main

import (
	"fmt"
	"syscall"
	"time"
)

// clock tells how much time has passed, or has been used, since some origin.
type clock func() time.Duration

var clocks = map[string]clock{"cpu": processorTime, "wall": wallTime}

func clockNamed(name string) (clock, error) {
	c, ok := clocks[name]
	if !ok {
		return nil, fmt.Errorf("-clock: %q is neither cpu nor wall", name)
	}
	return c, nil
}

// processorTime is what this process has used, its collector on other
// processors included. It is what os.clock tells in Lua, and what the machine's
// other users disturb least.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // there is no such who, or no such address
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var start = time.Now()

func wallTime() time.Duration { return time.Since(start) }
