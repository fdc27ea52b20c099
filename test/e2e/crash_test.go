package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// TestNothingAcknowledgedIsLostOnKill kills the server in the middle of traffic
// and of deploys, several times, and finds everything there that a deploy
// command had reported.
func TestNothingAcknowledgedIsLostOnKill(t *testing.T) {
	t.Parallel()
	killAndFind(t)
}

func killAndFind(t *testing.T, env ...string) {
	s := startServer(t, env...)
	signIn(t, s).deploy("steady", `"steady"`)

	acknowledged := map[string]int{"steady": 1} // the live version of each script
	for round := range 3 {
		var killing atomic.Bool
		var traffic sync.WaitGroup
		for range 4 {
			traffic.Go(func() {
				for !killing.Load() {
					if a, err := try(http.MethodGet, s.public+"/steady", ""); err == nil && a.status != 200 {
						t.Errorf("GET /steady during the traffic = %s", a)
						return
					}
				}
			})
		}

		u := signIn(t, s)
		for i := range 3 {
			name := fmt.Sprintf("script-%d-%d", round, i)
			acknowledged[name] = u.deploy(name, fmt.Sprintf("%q", name)).Version
		}
		acknowledged["script-0-0"] = u.deploy("script-0-0", fmt.Sprintf("// round %d\n\"script-0-0\"", round)).Version

		// One more deploy runs into the kill: it may be there or not, but not
		// by halves.
		u.write("torn.rhai", fmt.Sprintf("// %d\n\"torn\"", round))
		var torn sync.WaitGroup
		torn.Go(func() { u.try("", "deploy", "torn.rhai") })
		s.Kill()
		killing.Store(true)
		traffic.Wait()
		torn.Wait()

		started := time.Now()
		s.start()
		t.Logf("round %d: serving again %v after the restart", round, time.Since(started).Round(time.Millisecond))
		assertServed(t, s, acknowledged)
	}
	s.stop()
}

// assertServed checks that scripts answer with their name, at their version.
func assertServed(t *testing.T, s *server, versions map[string]int) {
	t.Helper()
	u := signIn(t, s)
	for name, version := range versions {
		if a := do(t, http.MethodGet, s.public+"/"+name, ""); a.status != 200 || a.body != name {
			t.Errorf("GET /%s after the kill = %s", name, a)
		}
		var got struct{ Version int }
		if u.json(&got, "show", name); got.Version != version {
			t.Errorf("%s is at version %d after the kill, %d was acknowledged", name, got.Version, version)
		}
	}
	if a := do(t, http.MethodGet, s.public+"/torn", ""); a.status != 404 && (a.status != 200 || a.body != "torn") {
		t.Errorf("GET /torn = %s, want that it is not there, or whole", a)
	}
}

// slowScript says that it began and then runs on for a while.
const slowScript = `
fn handle(req) {
    print("began");
    let start = timestamp();
    while start.elapsed < 0.3 { }
    "finished " + req.body
}`

// TestRequestsFinishOnTerm asks the server to stop while a request is on its
// way: no new ones are taken, and that one is answered and recorded.
func TestRequestsFinishOnTerm(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	signIn(t, s).deploy("slow", slowScript)

	// That the server asks for the body tells that it has the request.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.public, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(text string) {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	send("POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("the server answers %q, %v; want 100 Continue", line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	s.Signal(t, syscall.SIGTERM)
	testenv.Eventually(t, "the server takes no new requests", func() bool {
		_, err := try(http.MethodGet, s.public+"/slow", "")
		return err != nil
	})
	send("work")
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("the request in flight: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(body) != "finished work" {
		t.Errorf("the request in flight = %d %q, %v; want that it finishes", resp.StatusCode, body, err)
	}
	if err := s.Wait(t); err != nil {
		t.Errorf("the server ended with %v on SIGTERM", err)
	}

	s.start()
	if logs := signIn(t, s).run("logs", "slow"); !strings.Contains(logs, "began") {
		t.Errorf("the log of the last request is lost:\n%s", logs)
	}
}
