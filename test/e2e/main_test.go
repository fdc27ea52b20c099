package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// binaries is the folder of the built binaries; TestMain sets it once. It is
// empty under -short.
var binaries string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return testenv.Main(m)
	}
	dir, err := os.MkdirTemp("", "picloud-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = testenv.Build(dir, "picloud")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binaries = dir
	return testenv.Main(m)
}

// picloud is the path of the built binary; it skips the test under -short.
func picloud(t *testing.T) string {
	t.Helper()
	if binaries == "" {
		t.Skip("skipped under -short: it drives the built binary")
	}
	return filepath.Join(binaries, "picloud")
}
