//go:build !unix

package isolate

import (
	"errors"
	"log/slog"
	"net"
	"os"
)

var errNoChildren = errors.New("an executor cannot be a child process on this system")

func startChild(*Command, *slog.Logger) (peer, error) { return peer{}, errNoChildren }

// Inherited is the connection that a child was started with.
func Inherited() (net.Conn, error) { return nil, errNoChildren }

// Self is the path of this program.
func Self() (string, error) { return os.Executable() }
