package testenv

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the program when the test binary dies, so
// that one which is itself killed leaves no servers behind. Its group is its
// own: Ctrl-C is for the test, which stops its programs in order.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
