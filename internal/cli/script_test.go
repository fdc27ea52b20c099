package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/picloud/picloud/internal/testenv"
)

const (
	testOwner    = "ada"
	testPassword = "correct battery horse 9"
)

// TestMain lets the scripts run picloud as a program: the test binary is it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"picloud": func() {
			os.Exit(Run(context.Background(), Env{
				Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Version: "test",
			}))
		},
	})
}

// TestScripts runs testdata/script, each with a server of its own whose
// addresses are in $ADMIN and $PUBLIC. The command "request" is a small curl.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			s := startServer(env.T().(testing.TB), ownerEnv)
			env.Setenv("ADMIN", s.Admin)
			env.Setenv("PUBLIC", s.Public)
			env.Setenv("PASSWORD", testPassword)
			env.Setenv("PICLOUD_CONFIG", filepath.Join(env.WorkDir, ".config", "picloud.json"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"request": request, "authenticator": authenticator, "env-from": envFrom},
	})
}

// envFrom is "env-from NAME FILE": it sets a variable to what a file holds.
func envFrom(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: env-from NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// request is "request [-host HOST] [-key FILE] [METHOD] URL [BODY]": it writes
// the status and the body to standard output. The file holds a bearer token.
func request(ts *testscript.TestScript, neg bool, args []string) {
	var host, key string
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-host":
			host = args[1]
		case "-key":
			key = strings.TrimSpace(ts.ReadFile(args[1]))
		}
		args = args[2:]
	}
	if len(args) == 1 {
		args = append([]string{http.MethodGet}, args...)
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: request [-host HOST] [-key FILE] [METHOD] URL [BODY]")
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(strings.Join(args[2:], " ")))
	ts.Check(err)
	req.Host = host
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if len(args) > 2 {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write([]byte(resp.Status + "\n" + string(body) + "\n"))
	ts.Check(err)
}

// runningServer is a server that a test started.
type runningServer struct {
	Public    string `json:"public"`
	Admin     string `json:"admin"`
	readyFile string
	stdout    *syncBuffer
	stderr    *syncBuffer
	stop      func() int // its exit code
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// ownerEnv makes an owner.
func ownerEnv(name string) string {
	return map[string]string{
		"PICLOUD_OWNER_USERNAME": testOwner, "PICLOUD_OWNER_EMAIL": "ada@example.org", "PICLOUD_OWNER_PASSWORD": testPassword,
	}[name]
}

// startServer runs "picloud serve" in this process until the test ends.
func startServer(tb testing.TB, getenv func(string) string, args ...string) *runningServer {
	tb.Helper()
	s := &runningServer{stdout: &syncBuffer{}, stderr: &syncBuffer{}}
	ready := filepath.Join(tb.TempDir(), "ready.json")
	s.readyFile = ready
	ctx, cancel := context.WithCancel(context.Background())
	exited := make(chan int, 1)
	go func() {
		exited <- Run(ctx, Env{
			Args:  append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--ready-file", ready, "--data", filepath.Join(tb.TempDir(), "data")}, args...),
			Stdin: strings.NewReader(""), Stdout: s.stdout, Stderr: s.stderr, Getenv: getenv, Version: "test",
		})
	}()
	s.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case code := <-exited:
			return code
		case <-time.After(testenv.Patience):
			tb.Errorf("the server does not stop: %s", s.stderr)
			return -1
		}
	})
	tb.Cleanup(func() {
		if code := s.stop(); code != exitOK {
			tb.Errorf("the server ended with %d: %s", code, s.stderr)
		}
	})
	testenv.Eventually(tb, "the ready file is there", func() bool {
		data, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(data, s) == nil
	})
	return s
}

// authenticator is "authenticator STEPS": it sets $CODE to what an app shows, so
// many steps from now, for the secret in the file secret.
func authenticator(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: authenticator STEPS")
	}
	steps, err := strconv.Atoi(args[0])
	ts.Check(err)
	var e struct{ Secret string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("secret")), &e))
	code, err := totp.GenerateCode(e.Secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	ts.Check(err)
	ts.Setenv("CODE", code)
}
