//go:build !linux

package testenv

import "os/exec"

// dieWithParent does nothing: only Linux can tie a program to its parent.
func dieWithParent(*exec.Cmd) {}
