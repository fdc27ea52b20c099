//go:build !linux

package lockdown

import (
	"errors"
	"runtime"

	"github.com/picloud/picloud/internal/picloud"
)

// apply does nothing where nothing is known to do, and says so.
func apply(Config) []picloud.Measure {
	var all []picloud.Measure
	for _, name := range []string{CoreDumps, Descriptors, Memory, OutOfMemory, Privileges, Landlock, SystemCalls} {
		all = append(all, outcome(name, "", errors.New("not done on "+runtime.GOOS)))
	}
	return all
}
