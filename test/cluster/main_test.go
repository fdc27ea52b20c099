package cluster

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

var (
	stay  = flag.Bool("stay", false, "start a cluster, and leave it running until Ctrl-C")
	smoke = flag.Bool("smoke", false, "with -stay: look whether the cluster works, and end")
)

// binaries is the folder of the built programs; TestMain sets it once.
var binaries string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "picloud-cluster-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = testenv.Build(dir, "picloud", "picloud-manager", "picloud-orchestrator", "picloud-executor")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binaries = dir
	return m.Run()
}

// program is the path of a built program.
func program(name string) string { return filepath.Join(binaries, name) }
