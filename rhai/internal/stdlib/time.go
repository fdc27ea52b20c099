package stdlib

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func clock(r *native.Registry) {
	r.Add(
		def("timestamp()", "The present moment.", timestamp),
		def("sleep(seconds)", "Waits.", sleep, number),
	)
	property(r, def("elapsed(moment)", "The seconds since a moment.", elapsed, moment))
}

func timestamp(c *native.Call) error { return c.Return(c.Heap.NewTime(c.Env.Now())) }

func elapsed(c *native.Call) error {
	d := c.Env.Now() - c.Recv.Time().Nanos
	if d < 0 {
		return value.Arithmetic("the timestamp is later than now")
	}
	return c.Return(value.Float(float64(d/1e9) + float64(d%1e9)/1e9))
}

func sleep(c *native.Call) error {
	seconds := asFloat(*c.Recv)
	const tiny = 0x1p-1022 // smaller floats are not waited for, as NaN and infinity are not
	if !(seconds >= tiny) || math.IsInf(seconds, 0) {
		return nil
	}
	return c.Env.Sleep(int64(min(seconds*1e9, math.MaxInt64/2)))
}
