package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// user is somebody at a command line, with a configuration of their own.
type user struct {
	t   *testing.T
	env []string
	dir string // where they are
}

// newUser is somebody who is not signed in.
func newUser(t *testing.T) *user {
	t.Helper()
	dir := t.TempDir()
	return &user{t: t, dir: dir, env: append(cleanEnv(), "PICLOUD_CONFIG="+filepath.Join(dir, "session.json"))}
}

// signIn is the owner of a server, signed in.
func signIn(t *testing.T, s *server) *user {
	t.Helper()
	u := newUser(t)
	u.login(s, ownerName, ownerPassword)
	return u
}

func (u *user) login(s *server, name, password string) {
	u.t.Helper()
	if r := u.try(password+"\n", "login", s.admin, "--username", name, "--password-stdin"); r.code != 0 {
		u.t.Fatalf("login: exit status %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
}

// try runs a command that may fail.
func (u *user) try(stdin string, args ...string) result {
	u.t.Helper()
	cmd := exec.Command(picloud(u.t), args...)
	cmd.Dir, cmd.Env = u.dir, u.env
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		u.t.Fatalf("picloud %s: %v", strings.Join(args, " "), err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// run runs a command that has to succeed, and returns what it printed.
func (u *user) run(args ...string) string {
	u.t.Helper()
	r := u.try("", args...)
	if r.code != 0 {
		u.t.Fatalf("picloud %s: exit status %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// json runs a command with -o json and decodes what it printed.
func (u *user) json(v any, args ...string) {
	u.t.Helper()
	out := u.run(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		u.t.Fatalf("picloud %s -o json: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// The exit statuses of the command line.
const (
	failed  = 1
	misused = 2
	refused = 3 // not signed in, or not allowed
)

// fails runs a command that has to fail with an exit status, saying all of the
// words.
func (u *user) fails(code int, args []string, words ...string) {
	u.t.Helper()
	r := u.try("", args...)
	if r.code != code {
		u.t.Errorf("picloud %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			u.t.Errorf("picloud %s: the error does not say %q:\n%s", strings.Join(args, " "), w, r.stderr)
		}
	}
}

// write puts a file where the user is, and returns its name.
func (u *user) write(name, text string) string {
	u.t.Helper()
	full := filepath.Join(u.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		u.t.Fatal(err)
	}
	return name
}

// deployed is what picloud deploy -o json prints about one script.
type deployed struct {
	Script  string
	Version int
	URLs    []string
}

// deploy deploys a source under a name, with more flags, and returns what
// became of it.
func (u *user) deploy(name, source string, flags ...string) deployed {
	u.t.Helper()
	u.write(name+".rhai", source)
	var d deployed
	u.json(&d, append([]string{"deploy", name + ".rhai"}, flags...)...)
	if d.Script != name || d.Version < 1 {
		u.t.Fatalf("picloud deploy %s.rhai says %+v", name, d)
	}
	return d
}
