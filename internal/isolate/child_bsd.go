//go:build unix && !linux

package isolate

import (
	"os"
	"syscall"
)

// childAttributes put the child into a process group of its own, so that a key
// on the terminal stops the server and not its executor.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// Self is the path of this program.
func Self() (string, error) { return os.Executable() }
