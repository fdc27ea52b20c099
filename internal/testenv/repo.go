package testenv

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SharedEnv names the environment variable that says where the shared corpora
// and fixtures are. Without it they are looked for beside the repository.
const SharedEnv = "PICLOUD_SHARED"

// Root is the folder of the repository: the nearest one above the test that
// holds the go.mod of the product. That of the benchmarks, below it, is passed.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module github.com/picloud/picloud\n")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find the repository: its go.mod is not above the working directory")
		}
		dir = parent
	}
}

// Path is the path of a file of the repository; the test fails if it is not
// there.
func Path(tb testing.TB, elem ...string) string {
	tb.Helper()
	root, err := Root()
	if err != nil {
		tb.Fatal(err)
	}
	name := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(name); err != nil {
		tb.Fatal(err)
	}
	return name
}

// Shared is the path of a file or folder of the shared material, and skips the
// test where there is none.
func Shared(tb testing.TB, elem ...string) string {
	tb.Helper()
	dir := os.Getenv(SharedEnv)
	if dir == "" {
		root, err := Root()
		if err != nil {
			tb.Fatal(err)
		}
		dir = filepath.Join(filepath.Dir(root), "shared")
	}
	name := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(name); err != nil {
		tb.Skipf("skipped: the shared material %s is not here (set %s to where it is)", filepath.Join(elem...), SharedEnv)
	}
	return name
}

// Build builds commands of the repository ("picloud", "rhai") into dir as they
// are shipped: static, without cgo.
func Build(dir string, commands ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", dir + string(filepath.Separator)}
	for _, c := range commands {
		args = append(args, "./cmd/"+c)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %v: %w\n%s", commands, err, out)
	}
	return nil
}
