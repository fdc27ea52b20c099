// Command picloud is the server, with everything in one process, and the
// command-line client. See package cli.
package main

import (
	"os"

	"github.com/picloud/picloud/internal/cli"
)

// version is set by the linker for a release: -X main.version=v1.2.3
var version string

func main() { os.Exit(cli.Main(version, cli.Run)) }
