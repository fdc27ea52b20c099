package bench

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// node is the built picloud, serving a data folder of its own.
type node struct {
	*testenv.Process
	tb            testing.TB
	dir           string
	Public, Admin string // addresses
}

// password is the owner's.
const password = "only for this run"

// startNode starts a node and signs in.
func startNode(tb testing.TB, flags ...string) *node {
	tb.Helper()
	n := &node{tb: tb, dir: tb.TempDir()}
	n.start(flags...)
	n.run(password+"\n", "login", n.Admin, "--username", "bench", "--password-stdin")
	return n
}

// start starts the server on its folder and waits until it serves.
func (n *node) start(flags ...string) {
	n.tb.Helper()
	ready := filepath.Join(n.dir, "ready.json")
	args := append([]string{"serve", "--data", filepath.Join(n.dir, "data"),
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--ready-file", ready}, flags...)
	serve := exec.Command(testenv.Path(n.tb, "bin", "picloud"), args...)
	serve.Env = append(os.Environ(), "PICLOUD_OWNER_USERNAME=bench", "PICLOUD_OWNER_EMAIL=bench@example.com", "PICLOUD_OWNER_PASSWORD="+password)
	n.Process = testenv.Start(n.tb, serve)
	testenv.Eventually(n.tb, "picloud serves", func() bool {
		text, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(text, n) == nil
	})
}

// run runs a picloud command on the node and returns what it says.
func (n *node) run(stdin string, args ...string) string {
	n.tb.Helper()
	cmd := exec.Command(testenv.Path(n.tb, "bin", "picloud"), args...)
	cmd.Env = append(os.Environ(), "PICLOUD_CONFIG="+filepath.Join(n.dir, "session"))
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		n.tb.Fatalf("picloud %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}
