package isolate

import "syscall"

// childAttributes put the child into a process group of its own, so that a key
// on the terminal stops the server and not its executor, and have the kernel
// kill it when its parent dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Self is the path of this program, whatever has become of its file.
func Self() (string, error) { return "/proc/self/exe", nil }
