package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

const (
	owner    = "ada"
	password = "correct horse battery staple"
	nodes    = 3
)

// cluster is PostgreSQL, Caddy, a manager and nodes.
type cluster struct {
	t        *testing.T
	dir      string
	base     string // the host of the apps
	edge     string // where Caddy listens, HOST:PORT
	public   string // the public URL
	postgres *testenv.Postgres
	database string
	manager  *service
	nodes    []*service
	client   *http.Client // dials Caddy, whatever the host
}

// service is a process that can be started again, at the same address.
type service struct {
	c    *cluster
	name string
	addr string // HOST:PORT
	args []string
	// ready is a file that is there once the service serves.
	ready string
	// executor is another service that runs the scripts of a node; nil where it
	// is the orchestrator's child.
	executor *service
	*testenv.Process
}

// start starts a cluster, which ends with the test.
func start(t *testing.T, base string) *cluster {
	t.Helper()
	if binaries == "" {
		t.Skip("skipped under -short: it drives the built binaries")
	}
	testenv.Caddy(t) // skips before anything is started
	c := &cluster{t: t, dir: t.TempDir(), base: base, edge: "127.0.0.1:" + testenv.FreePort(t)}
	_, port, _ := net.SplitHostPort(c.edge)
	c.public = "http://" + net.JoinHostPort(base, port)
	c.client = &http.Client{Timeout: testenv.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DialContext: c.dial}}
	t.Cleanup(c.client.CloseIdleConnections)
	c.postgres = testenv.StartPostgres(t)
	c.database = c.postgres.Database(t)
	c.manager = c.service("manager", "picloud-manager", "--admin-listen")
	c.manager.start()
	for i := range nodes {
		n := c.service(fmt.Sprintf("node-%d", i+1), "picloud-orchestrator", "--listen")
		n.args = append(n.args, "--node-name", n.name)
		if i == nodes-1 {
			n.executor = c.executor(n.name + "-executor")
			n.executor.start()
			n.args = append(n.args, "--executor-socket", n.executor.ready)
		}
		n.start()
		c.nodes = append(c.nodes, n)
	}
	c.startCaddy()
	return c
}

func (c *cluster) service(name, program, listen string) *service {
	addr := "127.0.0.1:" + testenv.FreePort(c.t)
	ready := filepath.Join(c.dir, name+".ready")
	return &service{c: c, name: name, addr: addr, ready: ready, args: []string{program, listen, addr, "--ready-file", ready}}
}

// executor is a sandbox on its own, behind a socket.
func (c *cluster) executor(name string) *service {
	socket := filepath.Join(c.dir, name)
	return &service{c: c, name: name, ready: socket, args: []string{"picloud-executor", "--socket", socket}}
}

// start starts the process and waits until it serves.
func (s *service) start() {
	s.c.t.Helper()
	if err := os.Remove(s.ready); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed
		s.c.t.Fatal(err)
	}
	cmd := exec.Command(program(s.args[0]), append(s.args[1:], "--log-format", "text")...)
	cmd.Env = append(clean(), "PICLOUD_DATABASE="+s.c.database, "PICLOUD_PUBLIC_URL="+s.c.public, "PICLOUD_TRUSTED_PROXIES=127.0.0.1",
		"PICLOUD_OWNER_USERNAME="+owner, "PICLOUD_OWNER_EMAIL=ada@example.com", "PICLOUD_OWNER_PASSWORD="+password)
	s.Process = testenv.Start(s.c.t, cmd)
	testenv.Eventually(s.c.t, s.name+" serves", func() bool {
		if !s.Running() {
			s.c.t.Fatalf("%s ended: %v\n%s", s.name, s.Wait(s.c.t), s.Output())
		}
		_, err := os.Stat(s.ready)
		return err == nil
	})
}

// stop asks the process to end, and waits until it has.
func (s *service) stop() {
	s.c.t.Helper()
	s.Signal(s.c.t, syscall.SIGTERM)
	if err := s.Wait(s.c.t); err != nil {
		s.c.t.Errorf("%s ended with %v on SIGTERM", s.name, err)
	}
}

func (c *cluster) startCaddy() {
	c.t.Helper()
	args := []string{"caddyfile", "--cluster", "--public-url", c.public, "--manager", c.manager.addr}
	for _, n := range c.nodes {
		args = append(args, "--node", n.addr)
	}
	testenv.StartCaddy(c.t, c.run("", args...), c.edge)
}

// clean is the environment without what would configure picloud.
func clean() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PICLOUD_") {
			env = append(env, kv)
		}
	}
	return env
}

// run runs a command of picloud that has to succeed, with the session of this
// cluster's owner, and returns what it printed.
func (c *cluster) run(stdin string, args ...string) string {
	c.t.Helper()
	out, err := c.try(stdin, args...)
	if err != nil {
		c.t.Fatalf("picloud %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// try is run for commands that may fail.
func (c *cluster) try(stdin string, args ...string) (string, error) {
	cmd := exec.Command(program("picloud"), args...)
	cmd.Dir, cmd.Env = c.dir, append(clean(), "PICLOUD_CONFIG="+filepath.Join(c.dir, "session.json"))
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w\n%s%s", err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// signIn has the following commands be the owner's.
func (c *cluster) signIn() {
	c.t.Helper()
	c.run(password+"\n", "login", "http://"+c.manager.addr, "--username", owner, "--password-stdin")
}

// deploy deploys a source under a name, and returns the number of its version.
func (c *cluster) deploy(name, source string, flags ...string) int {
	c.t.Helper()
	file := filepath.Join(c.dir, name+".rhai")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		c.t.Fatal(err)
	}
	var d struct{ Version int }
	out := c.run("", append([]string{"deploy", file, "-o", "json"}, flags...)...)
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		c.t.Fatalf("picloud deploy says %s", out)
	}
	return d.Version
}
