package orchestrator

import "time"

// cpuMeter measures how busy the process is, from one asking to the next. It is
// for one goroutine.
type cpuMeter struct {
	at   time.Time
	used time.Duration
}

// millis is the thousandths of a core used since it was asked before, 0 the
// first time.
func (c *cpuMeter) millis() int64 {
	now, used := time.Now(), processCPU()
	elapsed, spent := now.Sub(c.at), used-c.used
	first := c.at.IsZero()
	c.at, c.used = now, used
	if first || elapsed <= 0 {
		return 0
	}
	return int64(1000 * spent / elapsed)
}
