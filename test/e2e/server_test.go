package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
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

// The owner that servers of these tests are set up with.
const (
	ownerName     = "ada"
	ownerEmail    = "ada@example.com"
	ownerPassword = "correct horse battery staple"
)

// server is a running picloud and what it takes to start it again.
type server struct {
	*testenv.Process
	t      *testing.T
	data   string
	listen string // of the public; "" picks a free port
	env    []string
	public string // base URLs, without a slash at the end
	admin  string
	mqtt   string // its address; "" when it speaks no MQTT
}

// startServer starts a server on a new data folder, with an owner.
func startServer(t *testing.T, env ...string) *server {
	t.Helper()
	return startBareServer(t, append(env,
		"PICLOUD_OWNER_USERNAME="+ownerName,
		"PICLOUD_OWNER_EMAIL="+ownerEmail,
		"PICLOUD_OWNER_PASSWORD="+ownerPassword)...)
}

// startBareServer starts a server on a new data folder, without an owner.
func startBareServer(t *testing.T, env ...string) *server {
	t.Helper()
	s := &server{t: t, data: filepath.Join(t.TempDir(), "data"), env: env}
	s.start()
	return s
}

// start starts the server, on its data as it is, and waits until it serves.
func (s *server) start() {
	s.t.Helper()
	ready := filepath.Join(s.t.TempDir(), "ready.json")
	listen := s.listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	cmd := exec.Command(picloud(s.t), "serve", "--data", s.data,
		"--listen", listen, "--admin-listen", "127.0.0.1:0", "--ready-file", ready)
	cmd.Env = append(cleanEnv(), s.env...)
	s.Process = testenv.Start(s.t, cmd)

	var addresses struct{ Public, Admin, MQTT string }
	testenv.Eventually(s.t, "the server writes its ready file", func() bool {
		if !s.Running() {
			s.t.Fatalf("the server ended before it served: %v\n%s", s.Wait(s.t), s.Output())
		}
		text, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(text, &addresses) == nil
	})
	s.public, s.admin, s.mqtt = baseURL(s.t, addresses.Public), baseURL(s.t, addresses.Admin), addresses.MQTT
}

// stop asks the server to end and checks that it does so as it should.
func (s *server) stop() {
	s.t.Helper()
	s.Signal(s.t, syscall.SIGTERM)
	if err := s.Wait(s.t); err != nil {
		s.t.Errorf("the server ended with %v on SIGTERM", err)
	}
}

// cleanEnv is the environment without what would configure picloud.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PICLOUD_") {
			env = append(env, kv)
		}
	}
	return env
}

// baseURL is the URL of an address that may be one already.
func baseURL(t *testing.T, address string) string {
	t.Helper()
	if !strings.HasPrefix(address, "http://") {
		address = "http://" + address
	}
	address = strings.TrimSuffix(address, "/")
	host := strings.TrimPrefix(address, "http://")
	if _, port, err := net.SplitHostPort(host); err != nil || port == "0" {
		t.Fatalf("the ready file names %q, which is not an address with a port", address)
	}
	return address
}

// answer is an HTTP response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem is the code of an application/problem+json answer, or "".
func (a answer) problem() string {
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
		return ""
	}
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(a.body), &p)
	return p.Code
}

// String is short enough to be read in a failed test.
func (a answer) String() string {
	body := a.body
	if len(body) > 500 {
		body = body[:500] + "…"
	}
	return fmt.Sprintf("%d %s", a.status, body)
}

// decode reads a JSON body.
func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("the answer is not the JSON that was expected: %v\n%s", err, a)
	}
}

// edit changes a request before it is sent.
type edit func(*http.Request)

func header(name, value string) edit {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(name string) edit {
	return func(r *http.Request) { r.Host = name }
}

// do sends a request and reads the whole response. Redirects are not followed.
func do(t *testing.T, method, url, body string, edits ...edit) answer {
	t.Helper()
	a, err := try(method, url, body, edits...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// try is do for tests whose server may be away.
func try(method, url, body string, edits ...edit) (answer, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, e := range edits {
		e(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the response: %w", err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}, nil
}

// client keeps no connections, so that tests share nothing.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	Timeout:       testenv.Patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// raw sends bytes as they are, for requests that net/http would not make, and
// reads the answer. The request should ask for the connection to be closed.
func raw(t *testing.T, base, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// announce sends the head of a request whose body would have so many bytes. A
// body that is too large must be refused before it is read; a client that sends
// it all the same may find the connection closed and no answer.
func announce(t *testing.T, base, path string, bytes int, headers ...string) answer {
	t.Helper()
	head := append([]string{
		"POST " + path + " HTTP/1.1", "Host: localhost", "Connection: close",
		"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", bytes),
	}, headers...)
	return raw(t, base, strings.Join(head, "\r\n")+"\r\n\r\n")
}
