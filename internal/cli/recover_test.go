package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/seal"
)

func TestRecover(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := startServer(t, ownerEnv, "--data", data)
	config := first.signIn(t)
	recoverAda := func() (int, string, string) {
		return first.picloud(t, config, "a new start for ada\n", "recover", "ada", "--data", data, "--password-stdin")
	}
	if code, _, stderr := recoverAda(); code != exitFailed || !strings.Contains(stderr, "another server is running") {
		t.Errorf("while the server runs: %d %s", code, stderr)
	}
	if code := first.stop(); code != exitOK {
		t.Fatalf("stopping: %d", code)
	}
	if code, _, stderr := recoverAda(); code != exitOK || !strings.Contains(stderr, "ada (owner) has the new password") {
		t.Fatalf("recover: %d %s", code, stderr)
	}
	second := startServer(t, ownerEnv, "--data", data)
	for password, want := range map[string]int{testPassword: exitRefused, "a new start for ada": exitOK} {
		if code, _, stderr := second.picloud(t, config, password+"\n", "login", second.Admin, "--username", "ada", "--password-stdin"); code != want {
			t.Errorf("login with %q: %d %s", password, code, stderr)
		}
	}
}

// A server whose database holds secrets of another key does not start: it would
// lock out who relies on them.
func TestTheWrongKeyIsSeenAtTheStart(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := startServer(t, ownerEnv, "--data", data)
	config := first.signIn(t)
	if code, _, stderr := first.picloud(t, config, testPassword+"\n", "account", "totp", "enable", "--password-stdin"); code != exitOK {
		t.Fatalf("%d %s", code, stderr)
	}
	if code := first.stop(); code != exitOK {
		t.Fatalf("stopping: %d", code)
	}
	other := filepath.Join(t.TempDir(), "other", seal.FileName)
	if _, _, err := seal.Load(seal.Location{Path: other, Create: true}); err != nil {
		t.Fatal(err)
	}
	var out, errs syncBuffer
	code := Run(t.Context(), Env{
		Args:  []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"},
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test",
		Getenv: func(name string) string { return map[string]string{"PICLOUD_MASTER_KEY_FILE": other}[name] },
	})
	if code != exitFailed || !strings.Contains(errs.String(), "not those of the database") || !strings.Contains(errs.String(), "put back the file") {
		t.Errorf("with another key: %d %s", code, errs.String())
	}
	if err := seal.AddKey(filepath.Join(data, seal.FileName)); err != nil {
		t.Fatal(err)
	}
	second := startServer(t, ownerEnv, "--data", data)
	if !strings.Contains(second.stderr.String(), "sealed with the newest key") {
		t.Errorf("nothing was sealed anew: %s", second.stderr)
	}
}
