//go:build unix

package testenv

import (
	"os/exec"
	"syscall"
)

// credential is a user to run a program as.
type credential = syscall.Credential

// runAs has a program run as another user, after dieWithParent; nil is the
// user of the test.
func runAs(cmd *exec.Cmd, c *credential) {
	if c == nil {
		return
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = c
}
