package orchestrator

import (
	"context"
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// watchClock calls set whenever the machine's clock is set, or the machine wakes
// from a sleep, until ctx ends. The kernel tells: no timer is needed, and timers
// alone would not do, since they count the time that passes.
func watchClock(ctx context.Context, set func()) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "clock")
	defer f.Close()
	defer context.AfterFunc(ctx, func() { f.Close() })()
	// A time that does not come; what matters is that it is one of the clock's.
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32}}
	for {
		if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
			return os.NewSyscallError("timerfd_settime", err)
		}
		_, err := f.Read(make([]byte, 8))
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil || errors.Is(err, unix.ECANCELED):
			set()
		default:
			return err
		}
	}
}
