//go:build !unix

package testenv

import "os/exec"

// credential is a user to run a program as.
type credential struct{ Uid, Gid uint32 }

// runAs does nothing: only Unix knows root, whom PostgreSQL refuses.
func runAs(*exec.Cmd, *credential) {}
