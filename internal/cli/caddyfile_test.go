package cli

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

var update = flag.Bool("update", false, "write the golden files anew")

// runCaddyfile is what "picloud caddyfile" prints, and how it ends.
func runCaddyfile(t *testing.T, getenv func(string) string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), Env{
		Args: append([]string{"caddyfile"}, args...), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: getenv, Version: "test",
	})
	return out.String(), errs.String(), code
}

// caddyfiles are the golden files. Those in caddy/ are shipped as examples.
var caddyfiles = map[string][]string{
	"caddy/Caddyfile": {"--public-url", "https://apps.example.org"},
	"caddy/Caddyfile.cluster": {
		"--public-url", "https://apps.example.org", "--cluster",
		"--node", "10.0.0.1:8080", "--node", "10.0.0.2:8080", "--node", "10.0.0.3:8080", "--manager", "10.0.0.1:8081",
	},
	"docker/Caddyfile": {"--public-url", "https://apps.example.org", "--node", "picloud:8080", "--manager", "picloud:8081"},
	"docker/Caddyfile.cluster": {
		"--public-url", "https://apps.example.org", "--cluster",
		"--node", "node-1:8080", "--node", "node-2:8080", "--node", "node-3:8080", "--manager", "manager:8081",
	},
	"internal/cli/testdata/caddyfile/plain":   {"--public-url", "http://nas.lan"},
	"internal/cli/testdata/caddyfile/ports":   {"--public-url", "https://apps.example.org:8443", "--admin-host", "picloud.example.net", "--email", "ada@example.org", "--node", "[::1]:9000"},
	"internal/cli/testdata/caddyfile/cluster": {"--public-url", "http://apps.example.org:8000", "--cluster", "--node", "node-1:8080"},
}

func TestCaddyfiles(t *testing.T) {
	t.Parallel()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range caddyfiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, stderr, code := runCaddyfile(t, noEnv, args...)
			if code != exitOK {
				t.Fatalf("exit status %d: %s", code, stderr)
			}
			file := filepath.Join(root, filepath.FromSlash(name))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("picloud caddyfile %s prints something else than %s (go test -update writes it anew):\n%s", strings.Join(args, " "), name, got)
			}
			adapt(t, file)
		})
	}
}

// adapt has Caddy read a Caddyfile, strictly.
func adapt(t *testing.T, file string) {
	t.Helper()
	cmd := exec.Command(testenv.Caddy(t), "adapt", "--config", file, "--adapter", "caddyfile")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		t.Errorf("caddy does not read %s: %v\n%s", file, err, errs.String())
	}
	if strings.Contains(errs.String(), "deprecated") {
		t.Errorf("caddy has words about %s:\n%s", file, errs.String())
	}
}

func TestCaddyfileFollowsTheServersVariables(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PICLOUD_PUBLIC_URL": "https://bücher.example", "PICLOUD_LISTEN": "0.0.0.0:9080", "PICLOUD_ADMIN_LISTEN": ":9081"}
	got, stderr, code := runCaddyfile(t, func(name string) string { return env[name] })
	if code != exitOK {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	for _, want := range []string{"\nhttps://admin.xn--bcher-kva.example {", "ask http://127.0.0.1:9080/_picloud/tls-ask", "to 127.0.0.1:9080\n", "reverse_proxy 127.0.0.1:9081 {"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in:\n%s", want, got)
		}
	}
}

func TestCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	const public = "https://apps.example.org"
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "public address"},
		{[]string{"--public-url", "https://127.0.0.1"}, "address"},
		{[]string{"--public-url", "https://localhost:8080"}, "no certificates"},
		{[]string{"--public-url", "ftp://x.example"}, "not the address"},
		{[]string{"--public-url", public, "--cluster"}, "--cluster needs"},
		{[]string{"--public-url", public, "--cluster", "--node", "10.0.0.1"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--node", ":80"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--node", "a b:80"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--node", "a:80 b:80"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--node", "a{env.HOME}:80"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--node", "a:99999"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--node", "a:http"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--manager", "x"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--cluster", "--node", "a:80", "--ask-port", "x"}, "not HOST:PORT"},
		{[]string{"--public-url", public, "--admin-host", "apps.example.org"}, "must not share"},
		{[]string{"--public-url", public, "--admin-host", "a\n}"}, "--admin-host"},
		{[]string{"--public-url", public, "--email", "a b"}, "--email"},
		{[]string{"--public-url", public, "--email", "a\n}\nimport /etc/passwd"}, "--email"},
		{[]string{"extra"}, "does not take"},
	} {
		_, stderr, code := runCaddyfile(t, noEnv, c.args...)
		if code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("caddyfile %q: exit status %d, %s", c.args, code, stderr)
		}
	}
}
