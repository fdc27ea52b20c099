// Command picloud-executor is the sandbox of a cluster's node. See package cli.
package main

import (
	"os"

	"github.com/picloud/picloud/internal/cli"
)

// version is set by the linker for a release: -X main.version=v1.2.3
var version string

func main() { os.Exit(cli.Main(version, cli.RunExecutor)) }
