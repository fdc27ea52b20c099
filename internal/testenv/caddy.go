package testenv

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// CaddyEnv names the environment variable that says which Caddy to run; without
// it, it is the one on the PATH.
const CaddyEnv = "PICLOUD_TEST_CADDY"

// Caddy is the path of the program. Without it the test is skipped, and fails
// where CI is set.
func Caddy(tb testing.TB) string {
	tb.Helper()
	name := os.Getenv(CaddyEnv)
	if name == "" {
		name = "caddy"
	}
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "" {
		tb.Skipf("SKIPPED, NOT TESTED: there is no %s here (Debian: apt-get install caddy); `make test` installs it", name)
	}
	if err != nil {
		tb.Fatalf("there is no %s here: %v", name, err)
	}
	return path
}

// StartCaddy runs Caddy on a Caddyfile that starts with global options, and
// waits until it listens on an address. What it stores is the test's, it listens
// on loopback only, and the certificates that it makes are its own.
func StartCaddy(tb testing.TB, caddyfile, listen string, options ...string) *Process {
	tb.Helper()
	program, dir := Caddy(tb), tb.TempDir()
	options = append([]string{
		"admin off", "skip_install_trust", "local_certs", "default_bind 127.0.0.1",
		"storage file_system " + filepath.Join(dir, "storage"),
	}, options...)
	at := strings.Index("\n"+caddyfile, "\n{\n")
	if at < 0 {
		tb.Fatal("the Caddyfile has no global options")
	}
	at += len("{\n")
	text := caddyfile[:at] + "\t" + strings.Join(options, "\n\t") + "\n" + caddyfile[at:]
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program, "run", "--config", config, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	p := Start(tb, cmd)
	Eventually(tb, "Caddy listens on "+listen, func() bool {
		if !p.Running() {
			tb.Fatalf("Caddy ended: %v\n%s", p.Wait(tb), p.Output())
		}
		conn, err := net.Dial("tcp", listen)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return p
}

// FreePort is a TCP port on loopback where nobody listens, for programs that
// cannot pick one themselves. Somebody else may take it before they do.
func FreePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
