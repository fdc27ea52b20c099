package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// picloudAt runs one command against a server, as its owner once signed in.
func (s *runningServer) picloud(t *testing.T, config, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs syncBuffer
	code = Run(t.Context(), Env{
		Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Version: "test",
		Getenv: func(name string) string { return map[string]string{"PICLOUD_CONFIG": config}[name] },
	})
	return code, out.String(), errs.String()
}

// signIn signs the owner in and is the file with the session.
func (s *runningServer) signIn(t *testing.T) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.json")
	if code, _, stderr := s.picloud(t, config, testPassword+"\n", "login", s.Admin, "--username", testOwner, "--password-stdin"); code != exitOK {
		t.Fatalf("login: %d, %s", code, stderr)
	}
	return config
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func noEnv(string) string { return "" }

func TestSetupLink(t *testing.T) {
	t.Parallel()
	s := startServer(t, noEnv)
	link := ""
	testenv.Eventually(t, "the setup link is printed", func() bool {
		link = regexp.MustCompile(`http://\S+/setup\?token=\S+`).FindString(s.stdout.String())
		return link != ""
	})
	if strings.Contains(s.stderr.String(), "token=") {
		t.Error("the link is in the log")
	}
	if status, body := get(t, s.Admin+"/api/v1/me"); status != http.StatusForbidden || !strings.Contains(body, string(picloud.CodeSetupRequired)) {
		t.Errorf("before setup: %d %s", status, body)
	}
	status, page := get(t, link)
	if status != http.StatusOK || !strings.Contains(page, "<form") {
		t.Fatalf("the link shows %d %s", status, page)
	}
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	form := url.Values{"token": {token[1]}, "username": {testOwner}, "email": {"ada@example.org"}, "password": {testPassword}, "repeat": {testPassword}}
	resp, err := http.PostForm(s.Admin+"/setup", form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("setting up: status %d", resp.StatusCode)
	}
	config := s.signIn(t)
	if code, out, stderr := s.picloud(t, config, "", "whoami"); code != exitOK || !strings.HasPrefix(out, "ada (owner") {
		t.Errorf("whoami: %d %s %s", code, out, stderr)
	}
}

func TestRestartKeepsEverythingAndAsksForNoSetup(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := startServer(t, ownerEnv, "--data", data)
	config := first.signIn(t)
	script := filepath.Join(t.TempDir(), "hello.rhai")
	if err := os.WriteFile(script, []byte(`fn handle(req) { print("hi"); "still here" }`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := first.picloud(t, config, "", "deploy", script); code != exitOK {
		t.Fatalf("deploy: %s", stderr)
	}
	if status, body := get(t, first.Public+"/hello"); status != http.StatusOK || body != "still here" {
		t.Fatalf("before: %d %s", status, body)
	}
	// A second server on the same data is refused; the first goes on.
	var out, errs syncBuffer
	code := Run(t.Context(), Env{
		Args:  []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"},
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: noEnv, Version: "test",
	})
	if code != exitFailed || !strings.Contains(errs.String(), "another server is running") {
		t.Errorf("a second server: %d %s", code, errs.String())
	}
	if code := first.stop(); code != exitOK {
		t.Fatalf("stopping: %d %s", code, first.stderr)
	}
	if _, err := os.Stat(first.readyFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ready file is left: %v", err)
	}
	second := startServer(t, noEnv, "--data", data)
	if status, body := get(t, second.Public+"/hello"); status != http.StatusOK || body != "still here" {
		t.Errorf("after: %d %s", status, body)
	}
	if strings.Contains(second.stdout.String(), "/setup") {
		t.Errorf("it asks for setup again: %s", second.stdout)
	}
	// The session, the record and the line of before are there too: stopping
	// has written what was waiting.
	var cr credentials
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cr); err != nil {
		t.Fatal(err)
	}
	cr.URL = second.Admin
	if text, err = json.Marshal(cr); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "both lines are logged", func() bool {
		_, out, _ := second.picloud(t, config, "", "logs", "hello")
		return strings.Count(out, " hi\n") == 2
	})
}

func TestServeRefusals(t *testing.T) {
	t.Parallel()
	taken := startServer(t, ownerEnv)
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		want string
	}{
		{name: "PostgreSQL that is not there", args: []string{"--database", "postgres://u@127.0.0.1:1/x"}, code: exitFailed, want: "open database PostgreSQL"},
		{name: "a password for all to see", args: []string{"--database", "postgres://u:p@127.0.0.1:1/x"}, code: exitFailed, want: "hint: set PICLOUD_DATABASE"},
		{name: "a taken address", args: []string{"--listen", strings.TrimPrefix(taken.Public, "http://")}, code: exitFailed, want: "hint: choose another address with --listen"},
		{name: "a taken admin address", args: []string{"--admin-listen", strings.TrimPrefix(taken.Admin, "http://")}, code: exitFailed, want: "--admin-listen"},
		{name: "no address", args: []string{"--listen", "nonsense"}, code: exitUsage, want: "HOST:PORT"},
		{name: "a weak owner", env: map[string]string{"PICLOUD_OWNER_USERNAME": "a", "PICLOUD_OWNER_EMAIL": "a@example.org", "PICLOUD_OWNER_PASSWORD": "secret"}, code: exitFailed, want: "fewer than 10 characters"},
		{name: "a strange log", args: []string{"--log-format", "xml"}, code: exitUsage, want: "--log-format"},
		{name: "an argument", args: []string{"now"}, code: exitUsage, want: `does not take "now"`},
	} {
		var out, errs syncBuffer
		args := append([]string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, c.args...)
		code := Run(t.Context(), Env{
			Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test",
			Getenv: func(name string) string { return c.env[name] },
		})
		if code != c.code || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: %d %s", c.name, code, errs.String())
		}
	}
}

func TestFollowingLogs(t *testing.T) {
	t.Parallel()
	s := startServer(t, ownerEnv)
	config := s.signIn(t)
	script := filepath.Join(t.TempDir(), "talk.rhai")
	if err := os.WriteFile(script, []byte(`fn handle(req) { print("said " + req.query.what); }`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := s.picloud(t, config, "", "deploy", script); code != exitOK {
		t.Fatalf("deploy: %s", stderr)
	}
	get(t, s.Public+"/talk?what=before")
	ctx, stop := context.WithCancel(t.Context())
	var out, errs syncBuffer
	done := make(chan int, 1)
	go func() {
		done <- Run(ctx, Env{
			Args: []string{"logs", "talk", "-f"}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test",
			Getenv: func(name string) string { return map[string]string{"PICLOUD_CONFIG": config}[name] },
		})
	}()
	testenv.Eventually(t, "what was said before is shown", func() bool { return strings.Contains(out.String(), "said before") })
	get(t, s.Public+"/talk?what=after")
	testenv.Eventually(t, "what is said is shown", func() bool { return strings.Contains(out.String(), "said after") })
	stop()
	if code := <-done; code != exitOK {
		t.Errorf("following ended with %d: %s", code, errs.String())
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines: %s", n, out.String())
	}
}
