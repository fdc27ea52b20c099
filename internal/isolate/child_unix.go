//go:build unix

package isolate

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// ChildFD is the descriptor of a child's end of the socket pair.
const ChildFD = 3

// startChild starts an executor with one end of a socket pair.
func startChild(c *Command, log *slog.Logger) (peer, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return peer{}, fmt.Errorf("make a socket pair: %w", err)
	}
	defer theirs.Close()
	stderr := &childLog{log: log}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env, cmd.Dir = append([]string{}, c.Env...), "/"
	cmd.ExtraFiles, cmd.Stderr = []*os.File{theirs}, stderr
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second
	// The kernel takes the thread that starts the child for its parent: it
	// must stay for as long as the child does. end lets go of it.
	runtime.LockOSThread()
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return peer{}, errors.Join(fmt.Errorf("start the executor: %w", err), ours.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return peer{ours, func(patient bool) string {
		defer runtime.UnlockOSThread()
		if !patient {
			_ = cmd.Process.Kill() // it may just have ended
		}
		return reap(cmd, ended, stderr)
	}}, nil
}

// reap waits a little for a child whose socket is closed, then kills it.
func reap(cmd *exec.Cmd, ended <-chan error, stderr *childLog) string {
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = cmd.Process.Kill() // it may just have ended
		<-ended
	}
	stderr.flush()
	return fmt.Sprintf("process %d: %s", cmd.Process.Pid, cmd.ProcessState)
}

// socketPair makes two connected sockets, of which no other child gets one.
func socketPair() (ours net.Conn, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	mine, theirs := os.NewFile(uintptr(fds[0]), "executor"), os.NewFile(uintptr(fds[1]), "orchestrator")
	defer mine.Close() // FileConn has its own
	if ours, err = net.FileConn(mine); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// Inherited is the connection that a child was started with.
func Inherited() (net.Conn, error) {
	f := os.NewFile(ChildFD, "orchestrator")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("there is no connection to an orchestrator: %w", err)
	}
	return conn, nil
}
